"""Whatever happens to tasks of some keys: never more at once than may be, and never a key in which
tasks wait for a turn that nobody has."""

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from bgtasks.core.events import Failed, Interrupted
from bgtasks.core.record import TaskQuery, TaskRecord, turn_of
from bgtasks.core.retention import PruneRule
from bgtasks.testing.conformance import BackendBench
from tests.contract.homes import FileHome

KEYS = ['"ada"', '"bob"', '"eve"']
LIMITS = {"Keyed": 1, "Paired": 2}

Choose = Callable[[int], int]
"""A number from 0 to one less than its argument."""


class Walk:
    """One history: chooses what happens next, and looks at what holds then."""

    def __init__(self, bench: BackendBench, choose: Choose) -> None:
        self._bench = bench
        self._choose = choose
        self._ids: list[UUID] = []

    async def step(self) -> None:
        """Something happens; then the invariants are looked at."""
        happens = [
            *[self._submit] * 3,
            self._submit_later,
            *[self._end] * 3,
            self._fail,
            self._wait_and_retry,
            self._interrupt,
            self._cancel,
            self._retry,
            self._prune,
            self._crash,
        ]
        await happens[self._choose(len(happens))]()
        await self._bench.written()
        await self.check()

    async def check(self) -> None:
        """Both halves of the promise."""
        running = Counter((item.type, item.turn_key) for item in self._bench.runner.running)
        assert all(count <= LIMITS[name] for (name, _), count in running.items()), running
        records = [
            record
            for page in await self._bench.pages(TaskQuery(types=list(LIMITS), limit=1000))
            for record in page.records
        ]
        turns = Counter(filter(None, map(turn_of, records)))
        for record in records:
            if record.held:
                turn = record.type, str(record.turn_key)
                assert turns[turn] == LIMITS[record.type], (turn, turns)

    async def _submit(self) -> None:
        name = ["Keyed", "Paired"][self._choose(2)]
        records = [
            self._bench.record(name, turn_key=KEYS[self._choose(3)], priority=self._choose(3))
            for _ in range(1 + self._choose(3))
        ]
        await self._bench.backend.submit(records)
        self._ids += [record.id for record in records]

    async def _submit_later(self) -> None:
        key = KEYS[self._choose(3)]
        self._ids.append(await self._bench.submit("Keyed", turn_key=key, delay=5))

    def _one_running(self) -> TaskRecord | None:
        running = self._bench.runner.running
        return running[self._choose(len(running))] if running else None

    async def _end(self) -> None:
        if (record := self._one_running()) is not None:
            self._bench.runner.end(record)

    async def _fail(self) -> None:
        if (record := self._one_running()) is not None:
            self._bench.runner.end(record, Failed("no"))

    async def _wait_and_retry(self) -> None:
        if (record := self._one_running()) is not None:
            again = Failed("no", retry_after=timedelta(seconds=self._choose(3)))
            self._bench.runner.end(record, again)
        await self._bench.advance(2.5)

    async def _interrupt(self) -> None:
        if (record := self._one_running()) is not None:
            self._bench.runner.end(record, Interrupted("a stop", counted=False))

    async def _cancel(self) -> None:
        if self._ids:
            await self._bench.backend.request_cancel(self._ids[self._choose(len(self._ids))])

    async def _retry(self) -> None:
        if self._ids:
            await self._bench.backend.retry(self._ids[self._choose(len(self._ids))])

    async def _prune(self) -> None:
        await self._bench.advance(1)
        await self._bench.backend.prune(PruneRule(timedelta(0)), 1 + self._choose(3))

    async def _crash(self) -> None:
        await self._bench.reopen(crash=self._choose(2) == 1)


async def walk(bench: BackendBench, choose: Choose, steps: int) -> None:
    """A history of so many steps, and its end: whatever waited has run."""
    history = Walk(bench, choose)
    for _ in range(steps):
        await history.step()
    for _ in range(1000):
        bench.runner.end_all()
        await bench.advance(10)
        await bench.written()
        await history.check()
        pages = await bench.pages(TaskQuery(limit=1000))
        if all(record.status.is_final for page in pages for record in page.records):
            return
    raise AssertionError("some tasks never ran")


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_in_a_file_whatever_happens(data: st.DataObject) -> None:
    def choose(count: int) -> int:
        return data.draw(st.integers(0, count - 1))

    async def run(folder: Path) -> None:
        bench = BackendBench(FileHome(folder), max_concurrency=50)
        await bench.open()
        try:
            await walk(bench, choose, data.draw(st.integers(1, 25)))
        finally:
            await bench.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))


async def test_on_each_store_whatever_happens(durable: BackendBench) -> None:
    await walk(durable, random.Random(7).randrange, 60)
