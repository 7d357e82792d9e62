"""Lines of logs that the store does not take wait within bounds, and nobody waits for them."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from bgtasks.backends.log_store import LogEntry, LogsDone
from bgtasks.backends.loops.log_outbox import MAX_SIZE, LogOutbox
from bgtasks.backends.loops.runs import Run
from bgtasks.core.log_chunks import NewLines, encode_line
from bgtasks.core.record import TaskRecord
from bgtasks.core.task_log import Logs
from bgtasks.ids import uuid7
from bgtasks.testing import FakeClock

LINE = encode_line(0, "info", "x" * 1_000)
LOGS = Logs()
PAUSE = 1.0


class Disk:
    """A store that takes lines where it has room."""

    name = "the store"

    def __init__(self) -> None:
        self.logs = self
        self.has_room = False
        self.taken: list[LogEntry] = []

    def append(self, entries: Sequence[LogEntry], done: LogsDone) -> None:
        if self.has_room:
            self.taken += entries
        dealt_with = entries if self.has_room else ()
        error = None if self.has_room else OSError("no space left")
        asyncio.get_running_loop().call_soon(done, dealt_with, error)

    def is_trouble(self, _error: BaseException) -> bool:
        return True

    def is_refusal(self, _error: BaseException) -> bool:
        return False

    def reason_of(self, error: BaseException) -> str:
        return str(error)


class Bench:
    def __init__(self) -> None:
        self.disk = Disk()
        self.clock = FakeClock()
        store: Any = self.disk
        self.outbox = LogOutbox(store, self.clock, (PAUSE,))
        self.runs = 0

    def run(self) -> Run:
        self.runs += 1
        now, task_id = self.clock.now(), uuid7()
        record = TaskRecord(task_id, "Work", "Work", "{}", now, now, attempt=1, sequence=self.runs)
        return Run(task_id, record)

    async def add_for_each(self, runs: list[Run], lines: NewLines, refused_every: int) -> None:
        """Each has logged these lines; after so many of them all is tried, and refused."""
        for number, run in enumerate(runs):
            self.outbox.add(run, lines, LOGS)
            if number % refused_every == 0:
                await self.try_again()

    async def try_again(self) -> None:
        """Wait until what waits was refused, and once more after the pause."""
        await self.outbox.flushed()
        self.clock.advance(PAUSE)
        await self.outbox.flushed()

    async def make_room(self) -> dict[UUID, NewLines]:
        """The lines that are taken then, of each task."""
        self.disk.has_room = True
        await self.try_again()
        return {entry.task_id: entry.lines for entry in self.disk.taken}


@pytest.fixture
async def bench() -> Bench:
    return Bench()


async def test_of_many_attempts_64_mb_wait_at_most_and_those_are_the_newest(bench: Bench) -> None:
    lines = NewLines.of(0, [LINE] * 250)
    runs = [bench.run() for _ in range(400)]
    await bench.add_for_each(runs, lines, refused_every=150)
    kept = await bench.make_room()
    assert MAX_SIZE * 0.9 < sum(item.size for item in kept.values()) <= MAX_SIZE
    assert list(kept) == [run.record.id for run in runs[-len(kept) :]]


async def test_of_many_attempts_with_a_line_each_the_entries_count(bench: Bench) -> None:
    line = NewLines.of(0, [encode_line(0, "info", "x")])
    runs = [bench.run() for _ in range(40_000)]
    await bench.add_for_each(runs, line, refused_every=15_000)
    kept = await bench.make_room()
    assert 30_000 < len(kept) < 35_000
    assert list(kept) == [run.record.id for run in runs[-len(kept) :]]


async def test_lines_of_one_attempt_that_are_refused_in_parts_stay_in_their_order(
    bench: Bench,
) -> None:
    run = bench.run()
    for start in range(5):
        bench.outbox.add(run, NewLines.of(start, [LINE]), LOGS)
        bench.outbox.send()  # as before an outcome of another attempt
    await bench.outbox.flushed()
    (lines,) = (await bench.make_room()).values()
    assert (lines.start, lines.end, len(lines.lines)) == (0, 5, 5)


async def test_of_one_attempt_no_more_waits_than_is_kept_of_its_task(bench: Bench) -> None:
    run, logs = bench.run(), Logs(size=100_000)
    for start in range(0, 5_000, 50):
        bench.outbox.add(run, NewLines.of(start, [LINE] * 50), logs)
        if start % 1_000 == 0:
            await bench.try_again()
    (lines,) = (await bench.make_room()).values()
    assert 90_000 < lines.size <= 100_000
    assert lines.end == 5_000
    assert lines.dropped_of_task == lines.start


async def test_that_lines_are_not_taken_is_said_seldom(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.outbox.add(bench.run(), NewLines.of(0, [LINE]), LOGS)
    for _ in range(300):
        await bench.try_again()
    said = caplog.text.count("the store does not take the logs of tasks: no space left")
    assert 5 <= said <= 11  # in five minutes
    await bench.make_room()
    assert len(bench.disk.taken) == 1


async def test_a_stop_tries_once_more_and_waits_for_the_answer(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.outbox.add(bench.run(), NewLines.of(0, [LINE]), LOGS)
    await bench.outbox.flushed()
    bench.disk.has_room = True
    await bench.outbox.stop()
    assert len(bench.disk.taken) == 1
    assert "are lost" not in caplog.text


async def test_a_stop_gives_up_what_is_refused_once_more(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.outbox.add(bench.run(), NewLines.of(0, [LINE]), LOGS)
    await bench.outbox.flushed()
    await bench.outbox.stop()
    assert "the store: the last lines of some tasks are lost" in caplog.text
