"""What is counted of tasks when it happens, and never taken back."""

import asyncio
import random
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bgtasks.core.events import Failed
from bgtasks.core.flows import COARSE, Flow, bucket_of, minute_of
from bgtasks.core.history import history_of, window_of
from bgtasks.core.record import TaskQuery, TaskRecord
from bgtasks.core.retention import PruneRule
from bgtasks.models import BackgroundTaskStatus, History
from bgtasks.testing.conformance import BackendBench
from tests.contract.homes import FileHome
from tests.contract.test_turns_walk import Choose, Walk

Status = BackgroundTaskStatus

COUNTED = ("submitted", "started", "completed", "failed", "cancelled", "retried")


class Recount:
    """Counts what a bench announces, by the minute: another way to the same numbers."""

    def __init__(self) -> None:
        self.minutes: dict[int, Counter[str]] = {}
        self._last: dict[UUID, TaskRecord] = {}
        self._seen: list[TaskRecord] = []
        self._place = 0

    def follow(self, changes: list[TaskRecord]) -> None:
        if changes is not self._seen:
            self._seen, self._place = changes, 0
        for record in self._seen[self._place :]:
            self._note(self._last.get(record.id), record)
        self._place = len(self._seen)

    def _note(self, before: TaskRecord | None, after: TaskRecord) -> None:
        if before is not None and after.revision <= before.revision:
            return
        self._last[after.id] = after
        if before is None:
            self._count(after.created_at, "submitted")
        elif after.status is not before.status:
            for name in self._names(before, after):
                self._count(after.changed_at, name)

    def _names(self, before: TaskRecord, after: TaskRecord) -> list[str]:
        if after.status is Status.RUNNING:
            return ["started"]
        if after.status.is_final:
            return [after.status.value.lower()]
        is_retry = before.status.is_final or after.failures > before.failures
        return ["retried"] if is_retry else []

    def _count(self, at: datetime, name: str) -> None:
        self.minutes.setdefault(int(at.timestamp()) // 60, Counter())[name] += 1


async def history(
    bench: BackendBench, since: datetime, step: Any = 60, type_name: str | None = None
) -> History:
    now = bench.backend.now()
    window = window_of(since, now + timedelta(seconds=1), step, now)
    flows = await bench.backend.flows(window.first, window.step, window.points, type_name)
    return history_of(window, flows, now)


def told(found: History) -> dict[int, Counter[str]]:
    """What the points say, by the minute."""
    minutes = {}
    for point in found.points:
        numbers = Counter({name: getattr(point, name) or 0 for name in COUNTED})
        if +numbers:
            minutes[int(point.at.timestamp()) // 60] = +numbers
    return minutes


async def levels(bench: BackendBench) -> tuple[int, int]:
    counts = await bench.backend.count(TaskQuery())
    sums = Counter[Status]()
    for (_, status), number in counts.items():
        sums[status] += number
    return sums[Status.PENDING], sums[Status.RUNNING]


MOST_LOOKS = 20


class CountedWalk(Walk):
    """Looks at the numbers after each step as well."""

    def __init__(self, bench: BackendBench, choose: Choose) -> None:
        super().__init__(bench, choose)
        self.recount = Recount()
        self._began = bench.clock.now()
        self._levels: dict[int, tuple[int, int]] = {}

    async def check(self) -> None:
        await super().check()
        bench = self._bench
        for _ in range(MOST_LOOKS):  # what is committed is announced a moment later
            self.recount.follow(bench.changes)
            found = await history(bench, self._began)
            if told(found) == self.recount.minutes:
                break
            await bench.written()
        assert told(found) == self.recount.minutes
        self._levels[minute_of(bench.clock.now())] = await levels(bench)
        for point in found.points:
            if (minute := minute_of(point.at)) in self._levels:
                assert (point.waiting, point.running) == self._levels[minute]
        await bench.advance(self._choose(3) * 25)

    async def _crash(self) -> None:
        bench, is_crash = self._bench, self._choose(2) == 1
        await bench.written()
        self.recount.follow(old := bench.changes)
        await bench.reopen(crash=is_crash)
        if not is_crash:  # what an orderly stop has written counts
            self.recount.follow(old)

    async def _prune(self) -> None:
        await super()._prune()
        if (pulse := getattr(self._bench.backend.store, "pulse", None)) is not None:  # type: ignore[attr-defined]
            await pulse.sum_up()


async def walk(bench: BackendBench, choose: Choose, steps: int) -> None:
    counted = CountedWalk(bench, choose)
    for _ in range(steps):
        await counted.step()


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_in_a_file_the_numbers_are_those_of_a_recount_whatever_happens(
    data: st.DataObject,
) -> None:
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


@pytest.mark.parametrize("seed", range(3))
async def test_on_each_store_the_numbers_are_those_of_a_recount_whatever_happens(
    durable: BackendBench, seed: int
) -> None:
    await walk(durable, random.Random(seed).randrange, 40)


async def test_each_store_counts_the_same(bench: BackendBench) -> None:
    """The flows and their buckets, as they are written down."""
    start = bench.clock.now()
    first = minute_of(start)
    done, failed, retried = [await bench.submit("Other") for _ in range(3)]
    withdrawn = await bench.submit("Other", delay=600)
    await bench.backend.request_cancel(withdrawn)
    for task_id in (done, failed, retried):
        await bench.started(task_id)
    await bench.advance(1.5)
    bench.runner.end(await bench.started(done))
    bench.runner.end(await bench.started(failed), Failed("no"))
    again = Failed("again", retry_after=timedelta(seconds=10))
    bench.runner.end(await bench.started(retried), again)
    await bench.written()
    await bench.advance(10.25)
    await bench.backend.retry(failed)
    second = await bench.started(retried, 2)
    await bench.started(failed, 2)
    await bench.advance(60)
    bench.runner.end(second)
    await bench.written()

    waited = bucket_of((second.started_at or start) - start - timedelta(seconds=11.5))
    ran = bucket_of(timedelta(seconds=1.5))
    later = bucket_of(timedelta(seconds=60))
    found = await bench.backend.flows_by_type(first, first + 1)
    assert found == Counter(
        {
            ("Other", Flow.SUBMITTED, 0): 4,
            ("Other", Flow.WITHDRAWN, 0): 1,
            ("Other", Flow.STARTED, 0): 4 if waited == 0 else 3 + 1,
            ("Other", Flow.COMPLETED, ran): 1,
            ("Other", Flow.FAILED, ran): 1,
            ("Other", Flow.TRIED_AGAIN, ran): 1,
            ("Other", Flow.RETRIED, 0): 1,
        }
    ) + Counter({("Other", Flow.STARTED, bucket_of(timedelta(seconds=0.25))): 1})
    assert await bench.backend.flows_by_type(first + 1, first + 2) == {
        ("Other", Flow.COMPLETED, later): 1
    }


async def test_a_delayed_task_waits_from_its_time_on(idle_bench: BackendBench) -> None:
    bench = idle_bench
    first = minute_of(bench.clock.now())
    await bench.submit("Other", delay=20)
    await bench.advance(22)
    await bench.serve()
    await bench.count_started(1)
    found = await bench.backend.flows_by_type(first, first + 1)
    assert found[("Other", Flow.STARTED, bucket_of(timedelta(seconds=2)))] == 1


async def test_what_was_dropped_and_retried_was_still_counted(bench: BackendBench) -> None:
    start = bench.clock.now()
    await bench.finished(Failed("no"))
    again = await bench.finished(Failed("no"))
    await bench.backend.retry(again)
    bench.runner.end(await bench.started(again, 2))
    await bench.written()
    await bench.advance(1)
    await bench.backend.prune(PruneRule(timedelta(0)), 10)
    assert await bench.backend.count(TaskQuery()) == {}
    (point,) = (await history(bench, start)).points
    assert (point.submitted, point.started, point.failed, point.completed) == (2, 3, 2, 1)
    assert (point.retried, point.waiting, point.running) == (1, 0, 0)


async def test_what_is_not_committed_is_not_counted(idle_bench: BackendBench) -> None:
    bench = idle_bench
    start = bench.clock.now()
    taken = await bench.submit()
    with pytest.raises(Exception, match="accepted before"):
        await bench.backend.submit([bench.record(), bench.record(id=taken), bench.record()])
    (point,) = (await history(bench, start)).points
    assert (point.submitted, point.waiting) == (1, 1)


async def test_many_at_once_are_counted(bench: BackendBench) -> None:
    start = bench.clock.now()
    await bench.backend.submit([bench.record("Other", owner="ann") for _ in range(500)])
    await bench.backend.submit([bench.record("Quick") for _ in range(20)])
    await bench.count_started(100)
    (all_types,) = (await history(bench, start)).points
    assert (all_types.submitted, all_types.running) == (520, 100)
    (of_one,) = (await history(bench, start, type_name="Quick")).points
    assert (of_one.submitted, of_one.waiting) == (20, 20)


async def test_hours_stand_for_older_minutes_and_nothing_is_lost(bench: BackendBench) -> None:
    start = bench.clock.now()
    for _ in range(6):
        for _ in range(12):  # PostgreSQL gathers what it has counted when that is 200 rows
            await bench.finished()
        await bench.advance(900)
    await bench.written()
    first = minute_of(start)
    whole = await bench.backend.flows_by_type(first - COARSE, first + 3 * COARSE)
    by_hour = await history(bench, start, 3600)
    if (pulse := getattr(bench.backend.store, "pulse", None)) is not None:  # type: ignore[attr-defined]
        for _ in range(2):
            await pulse.sum_up()
    hour, until = first // COARSE * COARSE, first // COARSE * COARSE + COARSE
    assert await bench.backend.sum_up_flows(hour - 500 * COARSE, until) == until
    assert await bench.backend.sum_up_flows(hour - 500 * COARSE, until) is None
    assert await bench.backend.flows_by_type(first - COARSE, first + 3 * COARSE) == whole
    assert (await history(bench, start, 3600)).points == by_hour.points


async def test_what_was_dropped_is_no_longer_known(bench: BackendBench) -> None:
    start = bench.clock.now()
    await bench.finished()
    assert (await history(bench, start)).known_since == start
    await bench.advance(7200)
    later = minute_of(bench.clock.now())
    await bench.backend.drop_flows(later)
    found = await history(bench, start)
    assert found.known_since == datetime.fromtimestamp(later * 60, UTC)
    assert [point.submitted for point in found.points[:-1]] == [None] * (len(found.points) - 1)
    assert found.points[-1].submitted == 0


async def test_the_numbers_outlive_the_process(durable: BackendBench) -> None:
    start = durable.clock.now()
    await durable.finished()
    left = await durable.run("Other")
    await durable.advance(120)
    await durable.reopen(crash=True)
    await durable.started(left.id, 2)
    points = (await history(durable, start)).points
    assert [point.submitted for point in points] == [2, 0, 0]
    assert [point.started for point in points] == [2, 0, 1]
    assert [point.completed for point in points] == [1, 0, 0]
    assert [point.running for point in points] == [1, 1, 1]
