"""A full disk of the server, on which the logs of tasks are: what is worth more goes on.

It is a real one: the file of the table is put behind a link to ``/dev/full``, where every write
meets what a full disk answers.
"""

from typing import Any

import asyncpg
import pytest

from bgtasks.core.events import Completed, Failed, Report
from bgtasks.core.log_chunks import NewLines, encode_line, microseconds
from bgtasks.core.record import TaskRecord
from bgtasks.core.task_log import Logs
from bgtasks.models import BackgroundTaskStatus
from bgtasks.testing.conformance import BackendBench, until

COMPLETED = BackgroundTaskStatus.COMPLETED
FAILED = BackgroundTaskStatus.FAILED


class Disk:
    """The disk of the table of logs."""

    def __init__(self, sql: Any) -> None:
        self._sql = sql
        self._file = ""

    async def fill_up(self) -> None:
        """Let the table, which is empty, not grow."""
        await self._take_new_file()
        await self._sql.execute("CHECKPOINT")  # else the server would want to sync the link
        self._file = await self._sql.fetchval("SELECT pg_relation_filepath('bgtasks_log_chunks')")
        await self._run(f"test -c /dev/full && ln -sf /dev/full {self._file}")

    async def make_room(self) -> None:
        """Let it grow again."""
        await self._run(f"rm {self._file} && touch {self._file}")
        await self._take_new_file()

    async def _take_new_file(self) -> None:
        """One that no session has opened."""
        await self._sql.execute("TRUNCATE bgtasks_log_chunks")

    async def _run(self, command: str) -> None:
        """As the server's user, in the folder of its data."""
        await self._sql.execute(f"COPY (SELECT) TO PROGRAM '{command}'")


@pytest.fixture
async def full_disk(worker: BackendBench, sql: Any) -> Disk:
    disk = Disk(sql)
    try:
        await disk.fill_up()
    except (asyncpg.InsufficientPrivilegeError, asyncpg.ExternalRoutineError) as error:
        pytest.skip(f"needs a server that may put a file on a full disk: {error}")
    return disk


def log(bench: BackendBench, record: TaskRecord, count: int, start: int = 0) -> None:
    now = microseconds(bench.clock.now())
    lines = [encode_line(now, "info", f"row {start + number}") for number in range(count)]
    bench.backend.log(record.id, record.attempt, NewLines.of(start, lines), Logs())


async def messages(bench: BackendBench, record: TaskRecord) -> list[str]:
    return [line.message for line in (await bench.backend.logs(record.id)).lines]


async def test_lines_that_find_no_room_do_not_keep_attempts_from_their_ends(
    worker: BackendBench, web: BackendBench, full_disk: Disk, warned: pytest.LogCaptureFixture
) -> None:
    records = [await worker.run() for _ in range(20)]
    for record in records:
        log(worker, record, 100)
        worker.save(record, 50, "half")
    await worker.written()
    for number, record in enumerate(records):
        log(worker, record, 10, start=100)
        outcome = Completed() if number % 2 else Failed("no", "Traceback …")
        worker.runner.end(record, outcome, Report(70, "the last of it", None, '{"a":1}'))
    for number, record in enumerate(records):
        final = await web.reaches(record.id, COMPLETED if number % 2 else FAILED)
        assert (final.status_message, final.payload) == ("the last of it", '{"a":1}')
        assert await messages(web, record) == []
    assert warned.text.count("does not take the logs of tasks") == 1
    assert "No space left on device" in warned.text


async def test_what_waited_and_what_comes_is_kept_where_there_is_room_again(
    worker: BackendBench, full_disk: Disk, warned: pytest.LogCaptureFixture
) -> None:
    ended, running = await worker.run(), await worker.run()
    for record in (ended, running):
        log(worker, record, 1_500)
    worker.runner.end(ended)
    await worker.reaches(ended.id, COMPLETED)
    await until(lambda: "does not take the logs of tasks" in warned.text, "a line was refused")
    await full_disk.make_room()
    log(worker, running, 1, start=1_500)
    for record, last in ((ended, 1_500), (running, 1_501)):
        await until_it_has(worker, record, last)
        newest = [f"row {number}" for number in range(last - 1_000, last)]
        assert await messages(worker, record) == newest
    worker.runner.end(running)
    await worker.reaches(running.id, COMPLETED)


async def until_it_has(bench: BackendBench, record: TaskRecord, count: int) -> None:
    """Wait until the log has so many lines, those included that are no longer kept."""
    heard: list[Any] = []
    bench.backend.subscribe_logs(heard.append)
    while True:
        known = len(heard)
        if (await bench.backend.logs(record.id)).last >= count:
            return
        await until(lambda known=known: len(heard) > known, "new lines")  # type: ignore[misc]
