"""Who starts next, and how many run at once."""

import asyncio
import random
import threading

import pytest

from bgtasks import background_task
from tests.hosts.scripted import (
    PATIENCE,
    Context,
    Gate,
    OtherWork,
    Work,
    clock_of,
    container_for,
    container_of,
    get,
    running,
    until,
    worker_of,
)


class Peak:
    """A script that knows how many of it run at once."""

    def __init__(self) -> None:
        self.now = self.most = self.total = 0
        self.open = asyncio.Event()

    async def run(self, _context: Context) -> None:
        self.now += 1
        self.total += 1
        self.most = max(self.most, self.now)
        try:
            await self.open.wait()
            await asyncio.sleep(0)
        finally:
            self.now -= 1


async def test_a_higher_priority_goes_first_and_equals_go_by_age() -> None:
    order: list[str] = []
    gate = Gate()

    async def script(context: Context) -> None:
        if context.task.text == "first":
            await gate(context)
        order.append(context.task.text)

    priorities = [random.Random(4).randint(-2, 2) for _ in range(20)]
    async with running(container_for(script, max_concurrency=1)) as manager:
        await manager.run_task(Work(text="first"))
        await gate.begun.wait()
        ids = [
            await manager.run_task(Work(text=f"{number}"), priority=priority)
            for number, priority in enumerate(priorities)
        ]
        gate.open.set()
        for task_id in ids:
            await manager.wait_for(task_id, PATIENCE)
    by_priority = sorted(range(20), key=lambda number: (-priorities[number], number))
    assert order == ["first", *map(str, by_priority)]


async def test_priorities_count_across_types() -> None:
    order: list[str] = []
    gate = Gate()

    async def script(context: Context) -> None:
        if context.state.type == "Work" and not order:
            await gate(context)
        order.append(context.state.type)

    container = container_of(
        background_task(Work, worker_of(script)),
        background_task(OtherWork, worker_of(script)),
        max_concurrency=1,
    )
    async with running(container) as manager:
        await manager.run_task(Work())
        await gate.begun.wait()
        low = await manager.run_task(Work(), priority=1)
        await manager.run_task(OtherWork(), priority=2)
        gate.open.set()
        await manager.wait_for(low, PATIENCE)
    assert order == ["Work", "OtherWork", "Work"]


@pytest.mark.parametrize("limit", [1, 3])
async def test_no_more_of_a_type_run_than_allowed_but_as_many(limit: int) -> None:
    peak, other = Peak(), Peak()
    container = container_of(
        background_task(Work, worker_of(peak.run), max_concurrency=limit),
        background_task(OtherWork, worker_of(other.run)),
    )
    async with running(container) as manager:
        ids = await manager.run_tasks([Work() for _ in range(12)])
        others = await manager.run_tasks([OtherWork() for _ in range(12)])
        await until(lambda: peak.now == limit and other.now == 12)
        peak.open.set()
        other.open.set()
        for task_id in [*ids, *others]:
            await manager.wait_for(task_id, PATIENCE)
    assert (peak.most, peak.total) == (limit, 12)


async def test_no_more_run_in_the_process_than_allowed_but_as_many() -> None:
    peak = Peak()
    container = container_of(
        background_task(Work, worker_of(peak.run)),
        background_task(OtherWork, worker_of(peak.run), max_concurrency=100),
        max_concurrency=4,
    )
    async with running(container) as manager:
        ids = await manager.run_tasks([Work() for _ in range(10)])
        ids += await manager.run_tasks([OtherWork() for _ in range(10)])
        await until(lambda: peak.now == 4)
        peak.open.set()
        for task_id in ids:
            await manager.wait_for(task_id, PATIENCE)
    assert (peak.most, peak.total) == (4, 20)


async def test_a_place_is_free_again_after_a_failure_a_cancellation_and_a_timeout() -> None:
    gate = Gate()

    async def script(context: Context) -> None:
        if context.task.text == "fail":
            raise ValueError
        if context.task.text == "hang":
            gate.begun.set()
            await asyncio.Event().wait()

    container = container_for(script, max_concurrency=1, timeout=60)
    async with running(container) as manager:
        for text in ("fail", "hang", "hang"):
            gate.begun.clear()
            task_id = await manager.run_task(Work(text=text))
            if text == "hang":
                await gate.begun.wait()
                await manager.cancel_task(task_id)
            await manager.wait_for(task_id, PATIENCE)
        gate.begun.clear()
        slow = await manager.run_task(Work(text="hang"))
        await gate.begun.wait()
        clock_of(container).advance(60)
        await manager.wait_for(slow, PATIENCE)
        last = await manager.run_task(Work())
        await manager.wait_for(last, PATIENCE)


async def test_sync_workers_hold_no_event_loop_up_and_keep_to_the_limit() -> None:
    together = threading.Barrier(3)

    def script(_context: Context) -> None:
        together.wait(PATIENCE)  # passes only if three run at once

    async with running(container_for(script, max_concurrency=3)) as manager:
        ids = await manager.run_tasks([Work() for _ in range(6)])
        for task_id in ids:
            assert (await manager.wait_for(task_id, PATIENCE)).status == "Completed"


async def test_a_process_that_does_not_run_tasks_takes_them_in_and_lets_them_wait() -> None:
    peak = Peak()
    container = container_of(background_task(Work, worker_of(peak.run)), run_tasks=False)
    async with running(container) as manager:
        task_id = await manager.run_task(Work())
        await manager.get_tasks()
        assert (await get(manager, task_id)).status == "Pending"
        assert await manager.cancel_task(task_id)
    assert peak.total == 0
