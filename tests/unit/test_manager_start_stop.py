"""Starting and stopping: in any order, any number of times, with work in flight."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bgtasks import BackgroundTaskManager, BackgroundTaskPage, ManagerStateError
from bgtasks import BackgroundTaskStatus as Status
from bgtasks.ids import uuid7
from bgtasks.testing import FakeClock
from tests.hosts.scripted import (
    PATIENCE,
    Context,
    Gate,
    Work,
    clock_of,
    container_for,
    done,
    get,
    run_to_end,
    until,
)

Use = Callable[[BackgroundTaskManager], Awaitable[Any]]


async def _watched(manager: BackgroundTaskManager) -> list[Any]:
    return [info async for info in manager.watch(uuid7())]


USES: dict[str, Use] = {
    "run_task": lambda manager: manager.run_task(Work()),
    "run_tasks": lambda manager: manager.run_tasks([Work()]),
    "cancel_task": lambda manager: manager.cancel_task(uuid7()),
    "retry_task": lambda manager: manager.retry_task(uuid7()),
    "try_get_task": lambda manager: manager.try_get_task(uuid7()),
    "get_tasks": lambda manager: manager.get_tasks(),
    "get_attempts": lambda manager: manager.get_attempts(uuid7()),
    "wait_for": lambda manager: manager.wait_for(uuid7()),
    "watch": _watched,
}


async def stopped(manager: BackgroundTaskManager, clock: FakeClock) -> None:
    """Stop with workers still running: the grace period passes on the fake clock."""
    stopping = asyncio.create_task(manager.stop())
    while not stopping.done():
        clock.advance(1.0)
        await asyncio.wait([stopping], timeout=0.01)
    await stopping


@pytest.mark.parametrize("use", USES)
async def test_a_manager_that_was_not_started_says_how_to_start_it(use: str) -> None:
    with pytest.raises(ManagerStateError, match=r"lifespan"):
        await USES[use](container_for(done).manager())


@pytest.mark.parametrize("use", USES)
async def test_a_manager_that_was_stopped_says_so(use: str) -> None:
    manager = container_for(done).manager()
    async with manager:
        loops = [manager.event_loop]
    assert [*loops, manager.event_loop] == [asyncio.get_running_loop(), None]
    with pytest.raises(ManagerStateError, match="not running"):
        await USES[use](manager)


async def test_starting_and_stopping_again_is_harmless() -> None:
    manager = container_for(done).manager()
    await manager.stop()
    for _ in range(3):
        await manager.start()
        await manager.start()
        assert (await run_to_end(manager, Work())).status is Status.COMPLETED
        await manager.stop()
        await manager.stop()


def test_a_stopped_manager_may_be_started_on_another_event_loop() -> None:
    manager = container_for(done).manager()

    async def use() -> Status:
        await asyncio.gather(manager.start(), manager.stop(), manager.start())
        async with manager:
            return (await run_to_end(manager, Work())).status

    assert [asyncio.run(use()), asyncio.run(use())] == [Status.COMPLETED] * 2


async def test_a_storm_of_starts_and_stops_leaves_a_manager_that_works() -> None:
    manager = container_for(done).manager()
    calls = [manager.start, manager.stop, manager.start, manager.start, manager.stop] * 8
    before = our_threads()
    await asyncio.gather(*(call() for call in calls))
    await manager.start()
    assert (await run_to_end(manager, Work())).status is Status.COMPLETED
    await manager.stop()
    await until(lambda: our_threads() <= before)


def our_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("bgtasks")}


async def test_a_store_that_cannot_be_opened_leaves_a_manager_that_can_be_started_later(
    tmp_path: Path,
) -> None:
    container = container_for(done)
    folder = tmp_path / "not yet"
    container.config.from_dict({"database": str(folder / "tasks.db")})
    manager = container.manager()
    with pytest.raises(Exception, match="not yet"):
        await manager.start()
    with pytest.raises(ManagerStateError):
        await manager.get_tasks()
    await asyncio.to_thread(folder.mkdir)
    async with manager:
        assert (await run_to_end(manager, Work())).status is Status.COMPLETED


async def test_an_idle_manager_stops_without_waiting_for_the_grace_period() -> None:
    container = container_for(done, timeout=60)
    manager = container.manager()
    await manager.start()
    await run_to_end(manager, Work())
    await asyncio.wait_for(manager.stop(), PATIENCE)
    assert clock_of(container).pending == 0


async def test_a_worker_that_ends_within_the_grace_period_completes(tmp_path: Path) -> None:
    gate = Gate()
    container = container_for(gate)
    database = str(tmp_path / "tasks.db")
    container.config.from_dict({"database": database, "stop_grace": 20, "retention": None})
    manager = container.manager()
    await manager.start()
    task_id = await manager.run_task(Work())
    await gate.begun.wait()
    waiting = await manager.run_tasks([Work() for _ in range(3)], delay=3600)
    stopping = asyncio.create_task(manager.stop())
    await until(lambda: clock_of(container).pending)
    clock_of(container).advance(19.0)
    gate.open.set()
    await asyncio.wait_for(stopping, PATIENCE)
    async with manager:
        assert (await get(manager, task_id)).status is Status.COMPLETED
        assert [(await get(manager, item)).status for item in waiting] == ["Pending"] * 3


@pytest.mark.parametrize("cancellation", ["task", "cooperative"])
async def test_a_worker_that_does_not_is_interrupted_and_runs_again_at_the_next_start(
    tmp_path: Path, cancellation: str
) -> None:
    gate = Gate()
    container = container_for(gate, cancellation=cancellation)
    database = str(tmp_path / "tasks.db")
    container.config.from_dict({"database": database, "stop_grace": 20, "retention": None})
    manager = container.manager()
    await manager.start()
    task_id = await manager.run_task(Work())
    await gate.begun.wait()
    seen: list[str] = []
    manager.task_updated.subscribe(lambda info: seen.append(info.status))
    stopping = asyncio.create_task(manager.stop())
    await until(lambda: clock_of(container).pending)
    clock_of(container).advance(19.9)
    await asyncio.sleep(0.01)
    assert not stopping.done()
    clock_of(container).advance(0.1)
    await asyncio.wait_for(stopping, PATIENCE)
    assert seen == ["Pending"]
    gate.open.set()
    async with manager:
        info = await manager.wait_for(task_id, PATIENCE)
        assert (info.status, info.attempt) == (Status.COMPLETED, 2)
        attempts = await manager.get_attempts(task_id)
        outcomes = [(item.attempt, item.outcome) for item in attempts]
        assert outcomes == [(1, "interrupted"), (2, "completed")]


async def test_stops_that_were_asked_for_do_not_count_as_interruptions(tmp_path: Path) -> None:
    gate = Gate()
    container = container_for(gate, max_interruptions=1)
    container.config.from_dict({"database": str(tmp_path / "tasks.db")})
    manager = container.manager()
    task_id = uuid7()
    for attempt in range(5):
        gate.begun.clear()
        await manager.start()
        if attempt == 0:
            await manager.run_task(Work(id=task_id))
        await gate.begun.wait()
        await stopped(manager, clock_of(container))
    gate.open.set()
    async with manager:
        info = await manager.wait_for(task_id, PATIENCE)
        assert (info.status, info.attempt) == (Status.COMPLETED, 6)


async def test_a_type_that_may_not_rerun_has_failed_when_it_was_interrupted(
    tmp_path: Path,
) -> None:
    gate = Gate()
    container = container_for(gate, rerun_interrupted=False)
    container.config.from_dict({"database": str(tmp_path / "tasks.db")})
    manager = container.manager()
    await manager.start()
    task_id = await manager.run_task(Work())
    await gate.begun.wait()
    await stopped(manager, clock_of(container))
    async with manager:
        assert (await get(manager, task_id)).status is Status.FAILED


async def test_a_worker_that_ignores_the_stop_is_left_behind_and_can_change_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()
    runs: list[int] = []

    def script(context: Context) -> None:
        runs.append(1)
        if len(runs) > 1:
            return
        begun.set()
        may_end.wait(PATIENCE)
        context.report_progress(99.0)
        ended.set()

    container = container_for(script)
    container.config.from_dict({"database": str(tmp_path / "tasks.db")})
    manager = container.manager()
    await manager.start()
    task_id = await manager.run_task(Work())
    await until(begun.is_set)
    with caplog.at_level(logging.ERROR):
        await stopped(manager, clock_of(container))
    assert "left behind" in caplog.text
    async with manager:
        info = await manager.wait_for(task_id, PATIENCE)
        assert (info.status, info.attempt) == (Status.COMPLETED, 2)
        may_end.set()
        await until(ended.is_set)
        assert await get(manager, task_id) == info


async def test_leaving_the_manager_by_an_error_stops_it() -> None:
    manager = container_for(done).manager()
    with pytest.raises(KeyError):
        async with manager:
            raise KeyError
    with pytest.raises(ManagerStateError):
        await manager.get_tasks()


async def test_two_containers_in_one_process_know_nothing_of_each_other() -> None:
    first, second = container_for(done).manager(), container_for(done).manager()
    async with first, second:
        task_id = await first.run_task(Work())
        await first.wait_for(task_id, PATIENCE)
        assert await second.try_get_task(task_id) is None
        assert list(await second.get_tasks()) == []
        assert isinstance(await first.get_tasks(), BackgroundTaskPage)
