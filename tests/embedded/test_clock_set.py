"""The computer's clock is set, or it was suspended: reports and due times (FAULTS 11 and 51)."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from bgtasks import BackgroundTasksContainer, Retry
from bgtasks import BackgroundTaskStatus as Status
from tests.hosts.scripted import (
    PATIENCE,
    Context,
    Failing,
    Gate,
    Work,
    clock_of,
    container_for,
    done,
    get,
    running,
    until,
    until_waiting_after,
)

HOUR = 3600.0


def set_clock(container: BackgroundTasksContainer, seconds: float) -> None:
    """Set the clock back (or on) by so much, as an administrator or a time server does."""
    clock = clock_of(container)
    clock.set(clock.now() + timedelta(seconds=seconds))


@pytest.mark.parametrize("step", [-2, -HOUR, -10 * 365 * 24 * HOUR, HOUR])
async def test_reports_go_on_at_their_pace_when_the_clock_is_set(step: float) -> None:
    steps: asyncio.Queue[float] = asyncio.Queue()

    async def script(context: Context) -> None:
        while (percent := await steps.get()) < 100:
            context.report_progress(percent)

    container = container_for(script)
    async with running(container) as manager:
        clock = clock_of(container)
        seen: list[float] = []
        manager.task_updated.subscribe(lambda info: seen.append(info.progress))
        task_id = await manager.run_task(Work())
        await until(lambda: len(seen) == 2)  # Pending, Running
        set_clock(container, step)
        for percent in range(1, 6):
            steps.put_nowait(percent)
            for _ in range(20):  # the worker reports
                await asyncio.sleep(0)
            clock.advance(0.2)
            await until(lambda percent=percent: seen[-1] == percent)  # type: ignore[misc]
        steps.put_nowait(100)
        assert (await manager.wait_for(task_id, PATIENCE)).status is Status.COMPLETED


@pytest.mark.parametrize("step", [-2, -HOUR, -365 * 24 * HOUR])
async def test_a_delay_is_not_longer_for_a_clock_that_is_set_back(step: float) -> None:
    container = container_for(done)
    async with running(container) as manager:
        clock = clock_of(container)
        before = await manager.run_task(Work(), delay=10)
        set_clock(container, step)
        after = await manager.run_task(Work(), delay=10)
        clock.advance(9)
        await manager.get_tasks()
        assert (await get(manager, before)).status is Status.PENDING
        assert (await get(manager, after)).status is Status.PENDING
        clock.advance(1)
        for task_id in (before, after):
            assert (await manager.wait_for(task_id, PATIENCE)).status is Status.COMPLETED


async def test_the_wait_for_another_attempt_is_not_longer_either() -> None:
    failing = Failing(1)
    container = container_for(failing.run, retry=Retry(backoff=10, jitter=0))
    async with running(container) as manager:
        task_id = await manager.run_task(Work())
        await until_waiting_after(manager, task_id, 1)
        set_clock(container, -HOUR)
        clock_of(container).advance(10)
        assert (await manager.wait_for(task_id, PATIENCE)).status is Status.COMPLETED


async def test_a_delay_outlives_a_restart_after_the_clock_was_set_back(tmp_path: Path) -> None:
    container = container_for(done)
    container.config.from_dict({"database": str(tmp_path / "tasks.db")})
    manager = container.manager()
    async with manager:
        task_id = await manager.run_task(Work(), delay=10)
        set_clock(container, -HOUR)
        await manager.run_task(Work(), delay=HOUR)  # whereby it is noticed
    async with manager:
        clock_of(container).advance(10)
        assert (await manager.wait_for(task_id, PATIENCE)).status is Status.COMPLETED


async def test_a_time_of_day_is_that_of_the_clock_however_it_is_set() -> None:
    container = container_for(done)
    async with running(container) as manager:
        clock = clock_of(container)
        task_id = await manager.run_task(Work(), run_at=clock.now() + timedelta(seconds=10))
        set_clock(container, -300)
        for _ in range(5):
            clock.advance(60)
            await manager.get_tasks()
        assert (await get(manager, task_id)).status is Status.PENDING
        clock.advance(10)
        assert (await manager.wait_for(task_id, PATIENCE)).status is Status.COMPLETED


@pytest.mark.parametrize("named", [True, False])
async def test_what_came_due_while_the_computer_slept_starts_within_a_minute(named: bool) -> None:
    """Its clock has gone on meanwhile, its timers have not."""
    container = container_for(done)
    async with running(container) as manager:
        clock = clock_of(container)
        when = clock.now() + timedelta(hours=5)
        task_id = await (
            manager.run_task(Work(), run_at=when)
            if named
            else manager.run_task(Work(), delay=timedelta(hours=5))
        )
        set_clock(container, 6 * HOUR)
        clock.advance(60)
        assert (await manager.wait_for(task_id, PATIENCE)).status is Status.COMPLETED


async def test_a_step_that_could_not_be_written_is_made_good_later() -> None:
    gate = Gate()
    gate.open.set()
    container = container_for(gate)
    async with running(container) as manager:
        clock = clock_of(container)
        task_id = await manager.run_task(Work(), delay=10)
        set_clock(container, -HOUR)
        with pytest.raises(Exception, match="accepted before"):
            await manager.run_tasks([Work(), Work(id=task_id)], delay=5)
        clock.advance(10)
        assert (await manager.wait_for(task_id, PATIENCE)).status is Status.COMPLETED
