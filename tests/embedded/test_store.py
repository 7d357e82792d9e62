"""SQLite behind the contract: commits, indexes, memory, and a disk that refuses."""

import asyncio
import gc
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from bgtasks.backends.base import Backend
from bgtasks.backends.columns import field_type
from bgtasks.backends.embedded import page_reader
from bgtasks.backends.embedded.backend import TRY_AGAIN_AFTER, EmbeddedBackend
from bgtasks.backends.embedded.database import open_database
from bgtasks.backends.embedded.file_store import FileStore
from bgtasks.backends.embedded.reading import ThreadReading
from bgtasks.backends.embedded.rows import TYPES
from bgtasks.backends.embedded.statements import STATEMENTS
from bgtasks.backends.embedded.task_file import TaskFile
from bgtasks.core.events import Completed, Failed, Report
from bgtasks.core.log_chunks import NewLines, encode_line, microseconds
from bgtasks.core.record import TaskQuery, TaskRecord
from bgtasks.core.retention import PruneRule
from bgtasks.core.task_log import Logs
from bgtasks.errors import BackendError, DuplicateTaskError
from bgtasks.models import BackgroundTaskStatus
from bgtasks.testing.conformance import BackendBench
from tests.contract.homes import FileHome


class HomeInTrouble(FileHome):
    """Its file does not take everything, so nobody waits until outcomes are written."""

    async def settled(self, backend: Backend) -> None:
        # A change that is waited for comes after those handed over before it; the second one
        # comes after what the answers to the first have set going.
        for _ in range(2):
            await backend.request_cancel(uuid4())
            await asyncio.sleep(0)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[BackendBench]:
    bench = BackendBench(HomeInTrouble(tmp_path))
    await bench.open()
    yield bench
    await bench.close()


def store_of(bench: BackendBench) -> FileStore:
    assert isinstance(bench.backend, EmbeddedBackend)
    return bench.backend.store


def path_of(bench: BackendBench) -> Path:
    assert isinstance(bench.home, FileHome)
    return bench.home.path


async def do(bench: BackendBench, statement: str) -> Any:
    """Run a statement on the writing connection."""
    return await store_of(bench).writer.run(
        lambda file: file.connection.execute(statement).fetchone()
    )


@asynccontextmanager
async def writer_held(bench: BackendBench) -> AsyncIterator[None]:
    """Keep the writer busy, so that what is handed over meanwhile goes into one commit."""
    held, go_on = threading.Event(), threading.Event()

    def hold(_: TaskFile) -> None:
        held.set()
        go_on.wait(20)

    holding = store_of(bench).writer.run(hold)
    assert await asyncio.to_thread(held.wait, 20)
    try:
        yield
    finally:
        go_on.set()
        await holding


async def trace(bench: BackendBench) -> list[str]:
    """From now on, the SQL that the writer runs."""
    statements: list[str] = []
    await store_of(bench).writer.run(
        lambda file: file.connection.set_trace_callback(statements.append)
    )
    statements.clear()
    return statements


# Columns


def test_the_table_has_a_column_of_the_right_type_for_each_field_of_a_record(
    tmp_path: Path,
) -> None:
    with closing(open_database(str(tmp_path / "tasks.db"))) as connection:
        found = {
            name: (kind, not (not_null or is_key))
            for _, name, kind, not_null, _, is_key in connection.execute("PRAGMA table_info(tasks)")
        }
    wanted = {}
    for name in TaskRecord._fields:
        kind, nullable = field_type(name)
        wanted[name] = (TYPES[kind].sql, nullable)
    assert found.keys() == wanted.keys(), "add a migration"
    assert found == wanted


# Commits


async def test_many_callers_share_few_commits(bench: BackendBench) -> None:
    statements = await trace(bench)
    async with writer_held(bench):
        callers = [asyncio.ensure_future(bench.submit("Limited")) for _ in range(500)]
        await asyncio.sleep(0)
    await asyncio.gather(*callers)
    assert statements.count("COMMIT") <= 3


async def test_even_unprepared_callers_share_commits(bench: BackendBench) -> None:
    statements = await trace(bench)
    await asyncio.gather(*(bench.submit("Limited") for _ in range(1_000)))
    assert statements.count("COMMIT") <= 200


async def test_a_call_returns_only_after_its_commit(bench: BackendBench) -> None:
    task_id = await bench.submit(delay=9)
    with closing(sqlite3.connect(path_of(bench))) as other:
        found = other.execute("SELECT count(*) FROM tasks WHERE id = ?", (task_id.bytes,))
        assert found.fetchone() == (1,)


@pytest.mark.parametrize("delay", [60, None])
async def test_one_bad_statement_fails_nobody_beside_it(
    bench: BackendBench, delay: float | None
) -> None:
    taken = await bench.submit(delay=delay)
    running = await bench.run()
    statements = await trace(bench)
    async with writer_held(bench):
        good = [asyncio.ensure_future(bench.submit(delay=delay)) for _ in range(5)]
        bad: list[asyncio.Future[Any]] = [
            asyncio.ensure_future(bench.submit(id=taken, delay=delay)),
            asyncio.ensure_future(bench.submit(name="\ud800", delay=delay)),
            store_of(bench).writer.run(lambda file: file.connection.execute("SELECT nonsense")),
            asyncio.ensure_future(
                bench.backend.submit(
                    [bench.record(delay=delay), bench.record(id=taken, delay=delay)]
                )
            ),
        ]
        bench.save(running, 25)
        good += [asyncio.ensure_future(bench.submit(delay=delay)) for _ in range(5)]
        await asyncio.sleep(0)
    ids = await asyncio.gather(*good)
    duplicate, text, syntax, batch = await asyncio.gather(*bad, return_exceptions=True)
    assert isinstance(duplicate, DuplicateTaskError)
    assert isinstance(text, UnicodeEncodeError)
    assert isinstance(syntax, BackendError)
    assert isinstance(batch, DuplicateTaskError)
    if delay is not None:  # else attempts begin, which has commits of its own
        assert statements.count("COMMIT") <= 3
    for task_id in ids:
        await bench.get(task_id)
    await bench.reaches(running.id, lambda item: item.progress == 25)
    assert len((await bench.backend.list(TaskQuery())).records) == 12


async def test_of_ends_in_one_commit_one_whose_task_has_moved_on_keeps_back_no_other(
    bench: BackendBench,
) -> None:
    records = [await bench.run() for _ in range(4)]
    moved = records[1]
    await do(bench, f"UPDATE tasks SET revision = 7 WHERE sequence = {moved.sequence}")
    async with writer_held(bench):
        for record in records:
            bench.runner.end(record)
        await asyncio.sleep(0)
    for record in records:
        await bench.reaches(record.id, lambda item: item.status is BackgroundTaskStatus.COMPLETED)
    assert [(await bench.get(record.id)).revision for record in records] == [3, 8, 3, 3]


async def test_a_new_task_does_not_overtake_within_one_commit(tmp_path: Path) -> None:
    bench = BackendBench(HomeInTrouble(tmp_path), max_concurrency=1)
    await bench.open()
    running = await bench.run("Limited")
    waiting = await bench.submit("Quick", priority=5)
    async with writer_held(bench):
        bench.runner.end(running)
        await asyncio.sleep(0)
        new = asyncio.ensure_future(bench.submit("Other"))
        await asyncio.sleep(0)
    await new
    await bench.count_started(2)
    assert bench.runner.started[1].id == waiting
    await bench.close()


# A page is of one moment


async def test_a_page_shows_one_moment(bench: BackendBench) -> None:
    """Between finding the tasks of a page and reading them, they may change or be dropped."""
    for _ in range(3):
        await bench.submit(delay=60)
    reader_of_file = store_of(bench).reading
    assert isinstance(reader_of_file, ThreadReading)
    reading = reader_of_file.connection
    path = path_of(bench)

    def change_in_between(statement: str) -> None:
        if "IN (SELECT value FROM json_each" in statement:
            reading.set_trace_callback(None)
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("UPDATE tasks SET status = 'Running' WHERE sequence = 1")
                other.execute("DELETE FROM tasks WHERE sequence = 2")

    reading.set_trace_callback(change_in_between)
    waiting = [BackgroundTaskStatus.PENDING]
    page = await bench.backend.list(TaskQuery(statuses=waiting, limit=2))
    assert [item.sequence for item in page.records] == [3, 2]
    assert page.next_before == 2
    rest = await bench.backend.list(TaskQuery(statuses=waiting, before=2))
    assert rest.records == []


# Indexes


def plan(connection: sqlite3.Connection, statement: str, values: tuple[Any, ...]) -> str:
    found = connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)
    return "\n".join(row[3] for row in found)


def assert_short_walk(steps: str) -> None:
    assert "TEMP B-TREE" not in steps, steps
    for step in steps.splitlines():
        assert not step.startswith("SCAN tasks") or "USING" in step, steps


async def test_what_replaces_a_task_of_a_version_that_is_not_known_is_started(
    bench: BackendBench,
) -> None:
    newer = await bench.submit("Replacing", version=2, held_key="k")
    await bench.reaches(newer, lambda record: record.revision == 2)
    holders = await bench.backend.submit([bench.record("Replacing", held_key="k")])
    assert holders[0].id == newer
    assert (await bench.started(newer)).version == 1


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_database(str(tmp_path / "tasks.db"))) as connection:
        yield connection


def test_every_listing_is_a_short_walk_along_an_index(connection: sqlite3.Connection) -> None:
    seen: list[str] = []
    statuses = list(BackgroundTaskStatus)
    for types, some, owners, before in product(
        [(), ["A"], ["A", "B"]], [(), statuses[:1], statuses], [None, [None], ["x"]], [None, 5]
    ):
        query = TaskQuery(types=types, statuses=some, owners=owners, before=before)
        connection.set_trace_callback(seen.append)
        page_reader.fetch_page(connection, query)
        connection.set_trace_callback(None)
    selects = {item for item in seen if item.startswith("SELECT")}
    assert len(selects) > 20
    for statement in selects:
        steps = plan(connection, statement, ())
        if "IN (SELECT value FROM json_each" in statement:  # at most one page, by its primary key
            assert "SEARCH tasks USING INTEGER PRIMARY KEY" in steps
            continue
        if "wanted_" in statement:  # a step for each combination; these are sorted, not the tasks
            assert "SEARCH tasks USING COVERING INDEX" in steps
            continue
        assert_short_walk(steps)
        if "WHERE sequence" not in statement:
            assert "SEARCH tasks USING" in steps, (statement, steps)


@pytest.mark.parametrize(
    ("name", "values", "index"),
    [
        ("ready_tasks", ("A", 5), "tasks_ready (type=?)"),
        ("due_tasks", (5, 5), "tasks_due (due_at>? AND due_at<?)"),
        ("next_due", (), "tasks_due"),
        ("running_tasks", (5,), "tasks_by_status (status=?)"),
        ("task_by_id", (b"",), "(id=?)"),
        ("task_by_sequence", (1,), "INTEGER PRIMARY KEY (rowid=?)"),
        ("prunable", (0, 1, 2, "[]", True, 5), "tasks_finished (completed_at"),
        ("holder_of_key", ("k",), "tasks_by_held_key (held_key=?)"),
        ("free_expired_key", ("k", 5), "tasks_by_held_key (held_key=?)"),
        ("free_key", ("k",), "tasks_by_held_key (held_key=?)"),
        ("waiting_tasks", ("A", 0, 5), "tasks_by_type (type=? AND status=? AND rowid>?)"),
        ("next_type", ("A",), "tasks_by_type (type>?)"),
    ],
)
def test_what_is_asked_often_uses_its_index(
    connection: sqlite3.Connection, name: str, values: tuple[Any, ...], index: str
) -> None:
    steps = plan(connection, STATEMENTS[name], values)
    assert_short_walk(steps)
    assert index in steps, steps


@pytest.mark.parametrize("name", ["write_report", "write_end", "write_change", "release_task"])
def test_every_change_is_found_by_its_primary_key(
    connection: sqlite3.Connection, name: str
) -> None:
    steps = plan(connection, STATEMENTS[name], (None,) * STATEMENTS[name].count("?"))
    assert steps.startswith("SEARCH tasks USING INTEGER PRIMARY KEY (rowid=?)")


# Much that waits


async def test_what_waits_stays_in_the_file_and_not_in_memory(bench: BackendBench) -> None:
    for _ in range(100):  # places are taken, everything else has to wait
        await bench.run()
    bench.changes.clear()
    bench.backend.subscribe(lambda record: bench.changes.clear())
    count, blocks = 200_000, sys.getallocatedblocks()
    for start in range(0, count, 2_000):
        await bench.backend.submit([bench.record(data='{"n":1}') for _ in range(2_000)])
        if start % 20_000 == 0:  # it goes on serving meanwhile
            bench.runner.end(bench.runner.running[0])
            await bench.count_started(101 + start // 20_000)
    await bench.written()
    gc.collect()
    assert sys.getallocatedblocks() - blocks < 20_000  # 200,000 records would be 2,000,000
    assert sum(isinstance(item, TaskRecord) for item in gc.get_objects()) < 1_000
    path = path_of(bench)
    with closing(sqlite3.connect(path)) as other:
        (waiting,) = other.execute("SELECT count(*) FROM tasks WHERE status = 'Pending'").fetchone()
    assert waiting == count - 10


async def test_pruning_in_small_batches_lets_others_write_in_between(bench: BackendBench) -> None:
    old = [
        bench.record(status=BackgroundTaskStatus.COMPLETED, completed_at=bench.clock.now())
        for _ in range(20_000)
    ]
    await bench.backend.submit(old)
    await bench.advance(1)
    order: list[str] = []

    async def prune() -> None:
        while await bench.backend.prune(PruneRule(timedelta(0)), 500) == 500:
            order.append("pruned")

    pruning = asyncio.create_task(prune())
    while not pruning.done():
        await bench.submit(delay=60)
        order.append("accepted")
    first, last = order.index("pruned"), len(order) - 1 - order[::-1].index("pruned")
    assert order[first:last].count("accepted") >= 10
    query = TaskQuery(statuses=[BackgroundTaskStatus.COMPLETED])
    assert (await bench.backend.list(query)).records == []


# A disk that refuses


async def fill_up(bench: BackendBench) -> None:
    """Let the file grow no more, as a full disk would."""
    (pages,) = await do(bench, "PRAGMA page_count")
    await do(bench, f"PRAGMA max_page_count = {pages}")

    async def use_up_what_is_left() -> None:
        while True:
            await bench.submit(delay=3600, data=f'"{"x" * 3000}"')

    with pytest.raises(BackendError):
        await use_up_what_is_left()


def query_only(bench: BackendBench, on: bool) -> None:
    """Take, or give back, the right to write; the writer is idle meanwhile."""
    store_of(bench).file.connection.execute(f"PRAGMA query_only = {on:d}")


async def refused(bench: BackendBench) -> None:
    """Wait until what was handed over before was tried in vain."""
    for _ in range(2):
        await asyncio.sleep(0)
        with pytest.raises(BackendError):
            await bench.written()


async def make_room(bench: BackendBench) -> None:
    await do(bench, "PRAGMA max_page_count = 1000000")


async def test_a_full_disk_is_told_to_who_hands_in_and_survived(bench: BackendBench) -> None:
    await fill_up(bench)
    with pytest.raises(BackendError, match=r"full.*Check the space on its disk"):
        await bench.submit(data=f'"{"x" * 10_000}"')
    listed = (await bench.backend.list(TaskQuery(limit=1000))).records
    assert len(listed) == len(bench.changes)
    await make_room(bench)
    await bench.finished()


async def test_lines_that_find_no_room_do_not_keep_an_attempt_from_its_end(
    bench: BackendBench, caplog: pytest.LogCaptureFixture
) -> None:
    record = await bench.run()
    await fill_up(bench)
    many = [encode_line(microseconds(bench.clock.now()), "info", "x" * 1_000)] * 100
    bench.backend.log(record.id, 1, NewLines.of(0, many), Logs())
    await asyncio.sleep(0)
    bench.runner.end(record)
    await bench.reaches(record.id, BackgroundTaskStatus.COMPLETED)
    assert not (await bench.backend.logs(record.id)).lines
    assert "does not take the logs of tasks" in caplog.text
    await make_room(bench)
    await bench.advance(TRY_AGAIN_AFTER)
    await bench.written()
    assert len((await bench.backend.logs(record.id)).lines) == 100


async def test_how_a_task_ended_is_written_when_there_is_space_again(
    bench: BackendBench, caplog: pytest.LogCaptureFixture
) -> None:
    running = [await bench.run() for _ in range(3)]
    await fill_up(bench)
    big = f'"{"y" * 20_000}"'
    bench.runner.end(running[0], Completed(), Report(1, None, None, big))
    bench.runner.end(running[1], Failed("broken", "Traceback" * 1_000))
    bench.save(running[2], 44, "z" * 20_000)
    await bench.written()
    assert (await bench.get(running[0].id)).status is BackgroundTaskStatus.RUNNING
    assert "it is kept and tried again" in caplog.text
    for _ in range(3):  # it tries again, in vain
        await bench.advance(TRY_AGAIN_AFTER)
        await bench.written()
    assert bench.announced(running[0].id)[-1].status is BackgroundTaskStatus.RUNNING
    await make_room(bench)
    await bench.advance(TRY_AGAIN_AFTER)
    done = await bench.reaches(running[0].id, BackgroundTaskStatus.COMPLETED)
    assert done.payload == big
    await bench.reaches(running[1].id, BackgroundTaskStatus.FAILED)
    await bench.reaches(running[2].id, lambda item: item.progress == 44)
    (failure,) = await bench.failures(running[1].id)
    assert failure.error is not None
    assert failure.error.message == "broken"


async def test_an_outcome_is_written_at_the_stop_if_there_is_space_by_then(
    bench: BackendBench,
) -> None:
    record = await bench.run()
    await fill_up(bench)
    bench.runner.end(record, Completed(), Report(1, None, None, f'"{"y" * 20_000}"'))
    await bench.written()
    await make_room(bench)
    await bench.reopen()
    assert (await bench.get(record.id)).status is BackgroundTaskStatus.COMPLETED


async def test_an_outcome_that_cannot_be_written_before_the_stop_is_run_again(
    bench: BackendBench,
) -> None:
    record = await bench.run()
    await fill_up(bench)
    bench.runner.end(record, Completed(), Report(1, None, None, f'"{"y" * 20_000}"'))
    await bench.written()
    await bench.reopen()
    assert (await bench.started(record.id, 2)).interruptions == 1


async def test_a_file_that_became_read_only_is_told_and_survived(
    bench: BackendBench, caplog: pytest.LogCaptureFixture
) -> None:
    record = await bench.run()
    delayed = await bench.submit(delay=5)
    query_only(bench, True)
    with pytest.raises(BackendError, match=r"cannot be written.*rights of the file"):
        await bench.submit()
    with pytest.raises(BackendError):
        await bench.backend.request_cancel(record.id)
    assert (await bench.get(record.id)).status is BackgroundTaskStatus.RUNNING
    bench.runner.end(record)
    await bench.advance(5)  # the delayed task cannot be started either
    tries = caplog.text.count("gives no tasks")
    for _ in range(50):
        await refused(bench)
    assert caplog.text.count("gives no tasks") <= tries + 2
    query_only(bench, False)
    await bench.advance(TRY_AGAIN_AFTER)
    await bench.reaches(record.id, BackgroundTaskStatus.COMPLETED)
    await bench.started(delayed)


async def test_what_waits_at_a_start_without_space_is_claimed_when_there_is_some(
    bench: BackendBench,
) -> None:
    await bench.stop_serving()
    task_id = await bench.submit()
    query_only(bench, True)
    serving = asyncio.create_task(bench.backend.serve(bench.runner))
    await refused(bench)
    assert not serving.done()
    query_only(bench, False)
    await bench.advance(TRY_AGAIN_AFTER)
    bench.runner.end(await bench.started(task_id))
    await bench.backend.stop_serving()
    await serving
    await bench.reaches(task_id, BackgroundTaskStatus.COMPLETED)


async def test_a_row_that_is_no_task_any_more_keeps_no_other_from_its_turn(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench = BackendBench(HomeInTrouble(tmp_path), max_concurrency=2)
    await bench.open(serving=False)
    ids = [await bench.submit() for _ in range(6)]
    await do(bench, "UPDATE tasks SET id = x'00' WHERE sequence = 1")
    await do(bench, "UPDATE tasks SET id = x'01', status = 'Running' WHERE sequence = 2")
    await bench.reopen()
    for task_id in ids[2:]:
        bench.runner.end(await bench.started(task_id))
    new = await bench.submit()
    bench.runner.end(await bench.started(new))
    assert caplog.text.count("row 1 of the table tasks cannot be read") == 1
    await bench.close()


async def test_a_closed_backend_says_so(bench: BackendBench) -> None:
    await bench.close()
    for question in (
        bench.submit(),
        bench.backend.get(uuid4()),
        bench.backend.list(TaskQuery()),
        bench.backend.request_cancel(uuid4()),
    ):
        with pytest.raises(BackendError, match="is not open"):
            await question
