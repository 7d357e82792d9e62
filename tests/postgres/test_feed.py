"""What one process changes, the others announce."""

import logging
from typing import Any
from uuid import uuid4

import pytest

from bgtasks.backends.postgres import feed
from bgtasks.backends.postgres.database import ServerBounds
from bgtasks.backends.postgres.feed import messages
from bgtasks.backends.postgres.statements import CHANNEL
from bgtasks.core.events import Completed, Failed, Report
from bgtasks.core.log_chunks import NewLines, encode_line, microseconds
from bgtasks.core.record import SMALL_PAYLOAD, TaskRecord
from bgtasks.core.task_log import Logs
from bgtasks.models import BackgroundTaskStatus
from bgtasks.testing.conformance import BackendBench, BenchMaker, until

COMPLETED = BackgroundTaskStatus.COMPLETED


async def shows(bench: BackendBench, record: TaskRecord) -> None:
    """Wait until the process has announced this record, or a newer one."""
    await bench.reaches(record.id, lambda found: found.revision >= record.revision)


def in_order(bench: BackendBench) -> bool:
    """Whether no revision was announced twice, or after a newer one."""
    newest: dict[Any, int] = {}
    for record in bench.changes:
        if record.revision <= newest.get(record.id, 0):
            return False
        newest[record.id] = record.revision
    return True


async def test_each_step_is_announced_in_the_other_process(
    worker: BackendBench, web: BackendBench
) -> None:
    running = await worker.started(await web.submit())
    await shows(web, running)
    worker.save(running, 50, "half")
    await web.reaches(running.id, lambda found: found.progress == 50)
    worker.runner.end(running)
    final = await web.reaches(running.id, COMPLETED)
    await worker.reaches(running.id, COMPLETED)
    assert web.announced(running.id)[-1] == final._replace(data="")
    assert worker.announced(running.id)[-1] == final
    assert in_order(web)
    assert in_order(worker)


async def test_new_lines_of_logs_are_told_of_in_the_other_process(
    worker: BackendBench, web: BackendBench
) -> None:
    heard: list[Any] = []
    web.backend.subscribe_logs(heard.append)
    running = await worker.started(await web.submit())
    lines = [encode_line(microseconds(worker.clock.now()), "info", "from elsewhere")]
    worker.backend.log(running.id, 1, NewLines.of(0, lines), Logs())
    await until(lambda: [running.id] in heard, "heard of new lines")
    (line,) = (await web.backend.logs(running.id)).lines
    assert (line.number, line.message) == (1, "from elsewhere")


async def test_large_payloads_of_other_processes_are_announced_whole(
    worker: BackendBench, web: BackendBench
) -> None:
    # FAULTS 32: read one by one, and not at all for a revision that was announced before.
    payloads = [f'"{"x" * length}"' for length in (1, SMALL_PAYLOAD, 50_000)] * 3
    ids = [await web.submit() for _ in payloads]
    for task_id, payload in zip(ids, payloads, strict=True):
        record = await worker.started(task_id)
        worker.runner.end(record, Completed(), Report(100, None, None, payload))
    for task_id, payload in zip(ids, payloads, strict=True):
        await web.reaches(task_id, COMPLETED)
        assert web.announced(task_id)[-1].payload == payload
    assert in_order(web)


async def test_many_changes_end_with_the_newest_of_each_task(
    make_bench: BenchMaker,
) -> None:
    first, second = make_bench(), make_bench()
    for bench in (first, second):
        await bench.open()
    ids = [await bench.submit() for bench in (first, second) for _ in range(30)]
    await until(lambda: len(first.runner.started + second.runner.started) == 60, "all started")
    for progress in range(1, 20):
        for bench in (first, second):
            for record in bench.runner.running:
                bench.save(record, progress)
        if progress % 5 == 0:
            await first.written()
    for bench in (first, second):
        bench.runner.end_all(Failed("no") if bench is first else None)
    for bench in (first, second):
        for task_id in ids:
            final = await bench.reaches(task_id, lambda found: found.status.is_final)
            assert bench.announced(task_id)[-1]._replace(data=final.data) == final
        assert in_order(bench)


async def test_what_nobody_wants_to_hear_is_not_read(
    worker: BackendBench, web: BackendBench
) -> None:
    heard: list[TaskRecord] = []
    wants = False
    worker.unsubscribe()
    worker.backend.subscribe(heard.append, wanted=lambda: wants)
    unheard = await web.submit(delay=60)
    running = await worker.run()
    await web.reaches(running.id, BackgroundTaskStatus.RUNNING)
    await worker.written()
    assert {item.id for item in heard} == {running.id}  # its own, without a question
    wants = True
    assert await web.backend.request_cancel(unheard)
    await until(lambda: unheard in {item.id for item in heard}, "heard of the cancellation")


async def test_foreign_notifications_are_harmless(
    web: BackendBench, worker: BackendBench, sql: Any, warned: pytest.LogCaptureFixture
) -> None:
    garbled = ["", "{", "null", "[]", '"text"', "{}", '{"from": 1, "tasks": 2}', "\N{CHEESE WEDGE}"]
    garbled += ['{"from": "x", "tasks": ["not an id"]}', '{"from": "x", "tasks": [null]}']
    garbled += ['{"from": "x", "tasks": {"a": 1}}', "[" * 3000, '{"from": "x", "tasks": [17]}']
    for payload in garbled:
        await sql.execute("SELECT pg_notify($1, $2)", CHANNEL, payload)
    (unknown,) = messages(uuid4(), [uuid4()])
    await sql.execute("SELECT pg_notify($1, $2)", CHANNEL, unknown)
    task_id = await worker.submit(delay=60)
    await shows(web, await worker.get(task_id))
    assert {item.id for item in web.changes} == {task_id}
    told = [item for item in warned.records if "is not one of ours" in item.message]
    assert len(told) == 2  # one for each process, however many there are
    assert all(item.levelno == logging.WARNING for item in told)


async def test_more_than_fits_one_notification_is_announced_whole(
    worker: BackendBench, web: BackendBench
) -> None:
    records = [worker.record(delay=60) for _ in range(2 * feed.MAX_IDS + 1)]
    await worker.backend.submit(records)
    await until(lambda: len(web.changes) == len(records), "all announced")


def test_a_notification_fits_what_postgresql_takes() -> None:
    parts = messages(uuid4(), [uuid4() for _ in range(feed.MAX_IDS + 1)])
    assert len(parts) == 2
    assert max(len(part.encode()) for part in parts) < 8_000


@pytest.mark.parametrize("bounds", [ServerBounds(unread=20)], ids=["20 at most"])
async def test_more_than_can_wait_to_be_read_is_looked_up(
    worker: BackendBench, web: BackendBench, warned: pytest.LogCaptureFixture
) -> None:
    running = await worker.run()
    records = [worker.record(delay=60) for _ in range(100)]
    worker.save(running, 30)
    await worker.backend.submit(records)
    await until(lambda: {item.id for item in web.changes} >= {item.id for item in records}, "told")
    await web.reaches(running.id, lambda found: found.progress == 30)
    assert "caught up" in warned.text
    assert in_order(web)


async def test_a_handler_that_fails_keeps_nothing_from_the_others(
    worker: BackendBench, web: BackendBench, warned: pytest.LogCaptureFixture
) -> None:
    def fail(_: TaskRecord) -> None:
        raise ValueError("broken")

    web.backend.subscribe(fail)
    later: list[TaskRecord] = []
    unsubscribe = web.backend.subscribe(later.append)
    first = await worker.submit(delay=60)
    await until(lambda: later, "announced")
    unsubscribe()
    second = await worker.submit(delay=60)
    await shows(web, await worker.get(second))
    assert {item.id for item in later} == {first}
    assert "a change handler failed for task" in warned.text
