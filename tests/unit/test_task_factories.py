"""Event loops with a task factory of the host's. FAULTS 9."""

import asyncio
import contextvars
import sys
from collections.abc import Callable
from typing import Any

import pytest

from bgtasks import BackgroundTaskStatus as Status
from bgtasks import ManagerStateError
from tests.hosts.scripted import PATIENCE, Context, Work, container_for, done, running

seen: contextvars.ContextVar[str] = contextvars.ContextVar("seen", default="nothing")
own_context = contextvars.copy_context()


def without_context(loop: Any, coroutine: Any) -> Any:
    return asyncio.Task(coroutine, loop=loop)


def that_refuses(loop: Any, coroutine: Any, **options: Any) -> Any:
    if getattr(coroutine, "__name__", "") in ("run_logged", "look"):
        raise RuntimeError("no more tasks")
    return asyncio.Task(coroutine, loop=loop, **options)


def that_ignores_the_context(loop: Any, coroutine: Any, **options: Any) -> Any:
    options["context"] = own_context
    return asyncio.Task(coroutine, loop=loop, **options)


def that_makes_none(loop: Any, coroutine: Any, **options: Any) -> Any:
    if getattr(coroutine, "__name__", "") in ("run_logged", "look"):
        coroutine.close()
        return None
    return asyncio.Task(coroutine, loop=loop, **options)


def that_never_begins(loop: Any, coroutine: Any, **options: Any) -> Any:
    if getattr(coroutine, "__name__", "") in ("run_logged", "look"):
        coroutine.close()
        return loop.create_future()
    return asyncio.Task(coroutine, loop=loop, **options)


FACTORIES: list[Callable[..., Any]] = [without_context]
if sys.version_info >= (3, 12):
    FACTORIES.append(asyncio.eager_task_factory)


@pytest.mark.parametrize("factory", FACTORIES)
@pytest.mark.parametrize("sync", [False, True])
async def test_tasks_run_with_any_factory_of_asyncio_tasks(factory: Any, sync: bool) -> None:
    values: list[str] = []

    def script(_context: Context) -> None:
        values.append(seen.get())
        seen.set("an attempt")

    async def async_script(context: Context) -> None:
        script(context)

    asyncio.get_running_loop().set_task_factory(factory)
    seen.set("a request")
    async with running(container_for(script if sync else async_script)) as manager:
        for _ in range(2):
            info = await manager.wait_for(await manager.run_task(Work()), PATIENCE)
            assert info.status is Status.COMPLETED
    assert values == ["nothing", "nothing"]


@pytest.mark.parametrize(
    "factory", [that_refuses, that_ignores_the_context, that_makes_none, that_never_begins]
)
async def test_a_factory_whose_tasks_attempts_cannot_run_in_is_refused_at_the_start(
    factory: Any,
) -> None:
    asyncio.get_running_loop().set_task_factory(factory)
    manager = container_for(done).manager()
    with pytest.raises(ManagerStateError, match=factory.__name__):
        await manager.start()
    await manager.stop()
    asyncio.get_running_loop().set_task_factory(None)
    await manager.start()
    await manager.stop()


@pytest.mark.parametrize("factory", [that_refuses, that_makes_none])
async def test_a_factory_that_is_set_later_fails_the_attempt(factory: Any) -> None:
    async with running(container_for(done)) as manager:
        asyncio.get_running_loop().set_task_factory(factory)
        info = await manager.wait_for(await manager.run_task(Work()), PATIENCE)
        assert info.status is Status.FAILED
        assert "asyncio task" in (info.error_message or "")
