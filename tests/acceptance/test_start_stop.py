"""Managers are started and stopped in every order; nothing of them may stay behind."""

import asyncio
import gc
import random
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from dependency_injector import containers, providers

from bgtasks import (
    BackendBusyError,
    BackendError,
    BackgroundTaskBase,
    BackgroundTaskManager,
    BackgroundTasksContainer,
    BackgroundTaskStatus,
    BackgroundWorker,
    BackgroundWorkerContext,
    ManagerStateError,
    background_task,
)

ManagerMaker = Callable[..., BackgroundTaskManager]


@frozen(kw_only=True)
class NapTask(BackgroundTaskBase):
    """Sleeps a little."""

    seconds: float = 0.0


@frozen(kw_only=True)
class SyncTask(BackgroundTaskBase):
    """Waits in a thread until it is told to end."""


class NapWorker(BackgroundWorker[NapTask, None]):
    async def execute(self, context: BackgroundWorkerContext[NapTask, None]) -> None:
        context.report_status("asleep")
        await asyncio.sleep(context.task.seconds)


class SyncWorker(BackgroundWorker[SyncTask, None]):
    def execute(self, context: BackgroundWorkerContext[SyncTask, None]) -> None:
        context.cancellation_token.wait(60)


def make(database: Path | str, **settings: Any) -> BackgroundTaskManager:
    class Application(containers.DeclarativeContainer):
        config = providers.Configuration()
        background_tasks = providers.Container(
            BackgroundTasksContainer,
            config=config,
            tasks=providers.List(
                background_task(NapTask, providers.Factory(NapWorker), max_interruptions=1000),
                background_task(SyncTask, providers.Factory(SyncWorker), max_interruptions=1000),
            ),
        )

    container = Application()
    container.config.from_dict({"database": str(database), "stop_grace": 0.01, **settings})
    manager: BackgroundTaskManager = container.background_tasks.manager()
    return manager


def databases(folder: Path) -> list[Path]:
    return list(folder.glob("*.db"))


@pytest.fixture(autouse=True)
async def nothing_is_left_behind(tmp_path: Path) -> AsyncIterator[None]:
    """No thread, no task on the event loop, and the file is free."""
    threads = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 10
    while left := set(threading.enumerate()) - threads:
        own = {item for item in left if item.name.startswith("bgtasks")}
        if not own:
            break  # the event loop's own pool for to_thread
        assert time.monotonic() < deadline, f"threads are left: {own}"
        await asyncio.sleep(0.01)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    for database in databases(tmp_path):
        async with make(database):
            pass
    gc.collect()  # what was not closed says so with a ResourceWarning, which is an error


@pytest.fixture(params=["file", "memory"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return ":memory:" if request.param == "memory" else str(tmp_path / "tasks.db")


async def test_starting_and_stopping_in_any_order_is_harmless(database: str) -> None:
    manager = make(database)
    await manager.stop()
    await manager.start()
    await manager.start()
    await manager.wait_for(await manager.run_task(NapTask()), timeout=20)
    await manager.stop()
    await manager.stop()
    with pytest.raises(ManagerStateError):
        await manager.run_task(NapTask())
    async with manager:
        await manager.wait_for(await manager.run_task(NapTask()), timeout=20)


@pytest.mark.parametrize("retention", [None, "7 days"])
@pytest.mark.parametrize("run_tasks", [True, False])
async def test_a_stop_at_once_after_the_start_returns(
    database: str, retention: str | None, run_tasks: bool
) -> None:
    manager = make(database, retention=retention, run_tasks=run_tasks)
    for _ in range(10):
        async with asyncio.timeout(10):
            await manager.start()
            await manager.stop()


async def test_many_calls_at_once_leave_it_as_the_last_one_wanted(database: str) -> None:
    manager = make(database)
    for seed in range(10):
        chance = random.Random(seed)
        calls = [chance.choice([manager.start, manager.stop]) for _ in range(20)]
        async with asyncio.timeout(20):
            await asyncio.gather(*(call() for call in calls), manager.start())
        await manager.wait_for(await manager.run_task(NapTask()), timeout=20)
        await manager.stop()


async def test_of_many_managers_on_one_file_one_is_the_owner(tmp_path: Path) -> None:
    managers = [make(tmp_path / "tasks.db") for _ in range(6)]
    chance = random.Random(4)
    accepted = []
    for _ in range(15):
        chance.shuffle(managers)
        results = await asyncio.gather(
            *(manager.start() for manager in managers), return_exceptions=True
        )
        assert [item is None for item in results].count(True) == 1
        assert all(isinstance(item, BackendBusyError) for item in results if item is not None)
        owner = managers[results.index(None)]
        accepted.append(await owner.run_task(NapTask(seconds=chance.choice([0, 0.001, 60]))))
        await asyncio.gather(*(manager.stop() for manager in managers))
    async with managers[0] as manager:
        for task_id in accepted:
            assert await manager.try_get_task(task_id)
            await manager.cancel_task(task_id)
            info = await manager.wait_for(task_id, timeout=20)
            assert info.status in (BackgroundTaskStatus.COMPLETED, BackgroundTaskStatus.CANCELLED)


async def test_managers_in_memory_do_not_see_each_other() -> None:
    managers = [make(":memory:") for _ in range(8)]
    await asyncio.gather(*(manager.start() for manager in managers))
    ids = await asyncio.gather(*(manager.run_task(NapTask()) for manager in managers))
    for manager, task_id in zip(managers, ids, strict=True):
        await manager.wait_for(task_id, timeout=20)
        assert [item.id for item in await manager.get_tasks()] == [task_id]
    await asyncio.gather(*(manager.stop() for manager in managers))


async def test_a_stop_under_load_leaves_nothing_running(tmp_path: Path) -> None:
    path = tmp_path / "tasks.db"
    chance = random.Random(2)
    accepted = set()
    for _ in range(8):
        async with make(path, max_concurrency=20) as manager:
            naps = [NapTask(seconds=chance.choice([0, 0.005, 60])) for _ in range(60)]
            accepted |= set(await manager.run_tasks([*naps, SyncTask()], priority=1))
            for task_id in chance.sample(sorted(accepted), 5):
                await manager.cancel_task(task_id)
            await asyncio.sleep(chance.random() * 0.05)
    async with make(path, run_tasks=False) as manager:
        found, cursor = set(), None
        while True:
            page = await manager.get_tasks(limit=1000, cursor=cursor)
            found |= {item.id for item in page}
            assert all(item.status is not BackgroundTaskStatus.RUNNING for item in page)
            cursor = page.next_cursor
            if cursor is None:
                break
    assert found == accepted


async def test_a_start_that_was_cancelled_can_be_made_again(tmp_path: Path) -> None:
    manager = make(tmp_path / "tasks.db")
    for number in range(40):
        starting = asyncio.create_task(manager.start())
        await asyncio.sleep(0.0005 * number)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await manager.stop()
    deadline = time.monotonic() + 10
    while True:  # a thread that was opening the file when it was cancelled lets it go soon
        try:
            await manager.start()
            break
        except BackendError:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
    await manager.wait_for(await manager.run_task(NapTask()), timeout=20)
    await manager.stop()


async def test_a_stop_that_was_cancelled_lets_the_file_go(tmp_path: Path) -> None:
    manager = make(tmp_path / "tasks.db")
    for number in range(20):
        async with asyncio.timeout(10):
            while True:
                try:
                    await manager.start()
                    break
                except BackendBusyError:
                    await asyncio.sleep(0.01)
        await manager.run_tasks([NapTask(), NapTask(seconds=60)])
        stopping = asyncio.create_task(manager.stop())
        await asyncio.sleep(0.001 * number)
        stopping.cancel()
        await asyncio.gather(stopping, return_exceptions=True)
        await manager.stop()


async def test_a_start_that_failed_leaves_nothing(tmp_path: Path) -> None:
    for _ in range(5):
        with pytest.raises(BackendError):
            await make(tmp_path / "nowhere" / "tasks.db").start()
    (tmp_path / "notes.txt").write_text("no database " * 1000)
    for _ in range(5):
        with pytest.raises(BackendError):
            await make(tmp_path / "notes.txt").start()


def test_a_manager_may_live_on_one_event_loop_after_the_other(database: str) -> None:
    manager = make(database)

    async def live() -> None:
        async with manager:
            await manager.wait_for(await manager.run_task(NapTask()), timeout=20)

    for _ in range(5):
        asyncio.run(live())
