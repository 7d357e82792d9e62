"""``execute`` under decorators and in other dress. FAULTS 7."""

import asyncio
import functools
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from dependency_injector import providers

from bgtasks import BackgroundTaskStatus as Status
from bgtasks import BackgroundWorker, RegistrationError, background_task
from bgtasks.testing import run_worker
from tests.hosts.scripted import PATIENCE, Context, Work, clock_of, container_of, running


@contextmanager
def timed() -> Iterator[None]:
    yield


def plain(function: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(*args: Any) -> Any:
        return function(*args)

    return wrapper


def wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any) -> Any:
        return function(*args)

    return wrapper


class Awaitable:
    """Something that can be awaited and is no coroutine."""

    def __init__(self, coroutine: Any) -> None:
        self._coroutine = coroutine

    def __await__(self) -> Any:
        return self._coroutine.__await__()


def awaitable(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args: Awaitable(function(*args))


class CallableObject:
    """Not even hashable."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __eq__(self, other: object) -> bool:
        return False

    def __get__(self, instance: Any, _owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    async def __call__(self, *args: Any) -> None:
        await self._function(*args)


def on_the_instance(function: Callable[..., Any]) -> Callable[..., Any]:
    return property(lambda self: CallableObject(functools.partial(function, self)))  # type: ignore[return-value]


DECORATORS = {
    "none": lambda function: function,
    "a context manager": timed(),
    "a plain function": plain,
    "functools.wraps": wrapped,
    "an awaitable": awaitable,
    "a callable object": CallableObject,
    "a callable object on the instance": on_the_instance,
    "a classmethod": classmethod,
    "a staticmethod": lambda function: staticmethod(functools.partial(function, None)),
    "a partialmethod": functools.partialmethod,
}


def decorated(decorator: Any, begun: threading.Event) -> providers.Provider[Any]:
    class Decorated(BackgroundWorker[Work, None]):
        async def execute(self, context: Context) -> None:
            begun.set()
            assert asyncio.get_running_loop()
            context.report_progress(1.0)
            if context.task.text == "hang":
                await asyncio.Event().wait()

        execute = decorator(execute)

    return providers.Factory(Decorated)


@pytest.mark.parametrize("decorator", DECORATORS.values(), ids=list(DECORATORS))
async def test_an_execute_that_returns_an_awaitable_runs_on_the_event_loop(decorator: Any) -> None:
    worker = decorated(decorator, threading.Event())
    run = await run_worker(container_of(background_task(Work, worker)), Work())
    assert (run.info.status, run.error) == (Status.COMPLETED, None)
    assert run.updates[1].progress == 1.0


@pytest.mark.parametrize("decorator", DECORATORS.values(), ids=list(DECORATORS))
@pytest.mark.parametrize("how", ["cancel", "timeout"])
async def test_it_can_be_cancelled_and_times_out(decorator: Any, how: str) -> None:
    begun = threading.Event()
    worker = decorated(decorator, begun)
    container = container_of(background_task(Work, worker, timeout=60))
    async with running(container) as manager:
        task_id = await manager.run_task(Work(text="hang"))
        assert await asyncio.to_thread(begun.wait, PATIENCE)
        await asyncio.sleep(0)
        if how == "cancel":
            await manager.cancel_task(task_id)
        else:
            clock_of(container).advance(60)
        info = await manager.wait_for(task_id, PATIENCE)
    assert info.status is (Status.CANCELLED if how == "cancel" else Status.FAILED)


async def test_what_was_told_to_end_while_its_decorator_was_at_work_is_cancelled_then() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any) -> Any:
            begun.set()
            assert go_on.wait(PATIENCE)
            return function(*args)

        return wrapper

    container = container_of(background_task(Work, decorated(slow, threading.Event())))
    async with running(container) as manager:
        task_id = await manager.run_task(Work(text="hang"))
        assert await asyncio.to_thread(begun.wait, PATIENCE)
        await manager.cancel_task(task_id)
        go_on.set()
        assert (await manager.wait_for(task_id, PATIENCE)).status is Status.CANCELLED


class Yields(BackgroundWorker[Work, None]):
    """Not awaited by anybody."""

    async def execute(self, context: Context) -> AsyncIterator[int]:  # type: ignore[override]
        yield 1


class YieldsInAThread(BackgroundWorker[Work, None]):
    """Not iterated by anybody."""

    def execute(self, context: Context) -> Iterator[int]:  # type: ignore[override]
        yield 1


@pytest.mark.parametrize("worker", [Yields, YieldsInAThread])
async def test_a_generator_is_refused_at_registration(worker: type[Any]) -> None:
    container = container_of(background_task(Work, providers.Factory(worker)))
    with pytest.raises(RegistrationError, match=r"Yields.*yield"):
        container.registry()


@pytest.mark.parametrize("worker", [Yields, YieldsInAThread])
async def test_a_generator_that_cannot_be_seen_before_is_a_failure(worker: type[Any]) -> None:
    container = container_of(background_task(Work, providers.Callable(lambda: worker())))
    info = (await run_worker(container, Work())).info
    assert info.status is Status.FAILED
    assert "yield" in (info.error_message or "")
