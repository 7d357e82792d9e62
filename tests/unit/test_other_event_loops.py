"""A manager belongs to one event loop; called on another, it refuses before it does anything."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bgtasks import BackgroundTaskManager, BlockingTaskManager, ManagerStateError
from bgtasks import BackgroundTaskStatus as Status
from bgtasks.ids import uuid7
from tests.hosts.scripted import PATIENCE, Work, container_for, done, run_to_end, running

Use = Callable[[BackgroundTaskManager], Awaitable[Any]]


async def _watched(manager: BackgroundTaskManager) -> list[Any]:
    return [info async for info in manager.watch(uuid7())]


USES: dict[str, Use] = {
    "start": lambda manager: manager.start(),
    "stop": lambda manager: manager.stop(),
    "wait_served": lambda manager: manager.wait_served(),
    "get_processes": lambda manager: manager.get_processes(),
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


@pytest.mark.parametrize("use", USES)
async def test_a_call_on_another_event_loop_is_refused_with_what_to_use(use: str) -> None:
    """FAULTS 19"""

    def elsewhere(manager: BackgroundTaskManager) -> None:
        async def call() -> None:
            await USES[use](manager)

        asyncio.run(call())

    async with running(container_for(done)) as manager:
        with pytest.raises(ManagerStateError, match="BlockingTaskManager"):
            await asyncio.to_thread(elsewhere, manager)
        assert len(await manager.get_tasks()) == 0
        assert (await run_to_end(manager, Work())).status is Status.COMPLETED


async def test_what_the_refusal_names_does_work_there() -> None:
    container = container_for(done)

    def elsewhere(blocking: BlockingTaskManager) -> Status:
        async def call() -> Status:
            task_id = await asyncio.to_thread(blocking.run_task, Work())
            return (await asyncio.to_thread(blocking.wait_for, task_id, PATIENCE)).status

        return asyncio.run(call())

    async with running(container):
        status = await asyncio.to_thread(elsewhere, container.blocking_manager())
    assert status is Status.COMPLETED
