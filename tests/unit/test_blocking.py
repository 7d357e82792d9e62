"""The manager for threads, as sync request handlers use it."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bgtasks import (
    BlockingTaskManager,
    DuplicateTaskError,
    ManagerStateError,
    SettingsError,
    TaskNotFoundError,
)
from bgtasks.ids import uuid7
from tests.hosts.scripted import PATIENCE, Failing, Work, container_for, done, running, until


async def test_everything_the_manager_does_can_be_asked_from_a_thread() -> None:
    container = container_for(Failing(1).run)

    def handler() -> list[Any]:
        blocking: BlockingTaskManager = container.blocking_manager()
        failed = blocking.run_task(Work(), owner="ann", priority=3)
        seen: list[Any] = [blocking.wait_for(failed, PATIENCE).status, blocking.retry_task(failed)]
        seen.append(blocking.wait_for(failed).status)
        waiting = blocking.run_task(Work(), delay=60)
        seen += [blocking.cancel_task(waiting), blocking.cancel_task(waiting)]
        info = blocking.try_get_task(waiting)
        assert info is not None
        seen.append(info.status)
        seen.append([item.id for item in blocking.get_tasks(owner="ann")] == [failed])
        seen.append(blocking.try_get_task(uuid7()))
        several = [Work(), Work()]
        seen.append(blocking.run_tasks(several, owner="ann") == [item.id for item in several])
        return seen

    async with running(container):
        seen = await asyncio.to_thread(handler)
    assert seen == ["Failed", True, "Completed", True, False, "Cancelled", True, None, True]


async def test_errors_come_through_as_they_are() -> None:
    container = container_for(done)

    def handler() -> None:
        blocking: BlockingTaskManager = container.blocking_manager()
        task = Work()
        blocking.run_task(task)
        with pytest.raises(DuplicateTaskError):
            blocking.run_task(task)
        with pytest.raises(SettingsError, match="owner"):
            blocking.run_task(Work(), owner="")
        with pytest.raises(TypeError, match="unknown option connection"):
            blocking.run_task(Work(), connection=None)  # type: ignore[call-arg]
        with pytest.raises(TaskNotFoundError):
            blocking.wait_for(uuid7())
        with pytest.raises(TimeoutError):
            blocking.wait_for(blocking.run_task(Work(), delay=60), 0.01)

    async with running(container):
        await asyncio.to_thread(handler)


async def test_many_threads_hand_in_at_once() -> None:
    container = container_for(done)
    async with running(container) as manager:
        blocking: BlockingTaskManager = container.blocking_manager()
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(16) as pool:
            calls = [loop.run_in_executor(pool, blocking.run_task, Work()) for _ in range(200)]
            ids = await asyncio.gather(*calls)
        for task_id in ids:
            assert (await manager.wait_for(task_id, PATIENCE)).status == "Completed"
    assert len(set(ids)) == 200


CALLS: dict[str, Callable[[BlockingTaskManager], Any]] = {
    "run_task": lambda blocking: blocking.run_task(Work()),
    "get_tasks": lambda blocking: blocking.get_tasks(),
    "wait_for": lambda blocking: blocking.wait_for(uuid7()),
}


@pytest.mark.parametrize("call", CALLS)
async def test_on_the_event_loop_it_refuses_and_says_what_to_use(call: str) -> None:
    container = container_for(done)
    async with running(container):
        with pytest.raises(ManagerStateError, match=r"await .*manager\(\)"):
            CALLS[call](container.blocking_manager())


@pytest.mark.parametrize("call", CALLS)
async def test_without_a_running_manager_it_refuses_and_says_what_to_do(call: str) -> None:
    container = container_for(done)
    with pytest.raises(ManagerStateError, match="lifespan"):
        CALLS[call](container.blocking_manager())
    with pytest.raises(ManagerStateError, match="lifespan"):
        await asyncio.to_thread(CALLS[call], container.blocking_manager())


async def test_a_sync_handler_of_starlette_hands_tasks_in() -> None:
    container = container_for(done)

    def handler(_request: Request) -> JSONResponse:
        return JSONResponse({"id": str(container.blocking_manager().run_task(Work()))}, 202)

    app = Starlette(routes=[Route("/", handler, methods=["POST"])])
    async with running(container) as manager:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            answer = await client.post("/")
        assert answer.status_code == 202
        (info,) = await manager.get_tasks()
    assert answer.json() == {"id": str(info.id)}


async def test_a_timeout_of_what_was_asked_is_raised() -> None:
    container = container_for(done)
    async with running(container) as manager:
        task_id = await manager.run_task(Work(), delay=60)
        with pytest.raises(TimeoutError):
            await asyncio.to_thread(container.blocking_manager().wait_for, task_id, 0.01)


def test_nobody_waits_for_an_event_loop_that_ended_without_a_stop() -> None:
    container = container_for(done)
    raised: list[BaseException] = []

    def ask(task_id: UUID) -> None:
        try:
            container.blocking_manager().wait_for(task_id)
        except BaseException as error:
            raised.append(error)

    async def main() -> threading.Thread:
        manager = container.manager()
        await manager.start()
        task_id = await manager.run_task(Work(), delay=60)
        before = asyncio.all_tasks()
        thread = threading.Thread(target=ask, args=(task_id,))
        thread.start()
        await until(lambda: asyncio.all_tasks() - before)  # it asks
        return thread

    thread = asyncio.run(main())
    thread.join(10)
    assert [type(error) for error in raised] == [ManagerStateError]
    with pytest.raises(ManagerStateError, match="has ended"):
        container.blocking_manager().get_tasks()
