"""A host whose workers do what a script in the test says: tasks, workers, containers, waiting."""

import asyncio
import inspect
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from attrs import frozen
from dependency_injector import providers

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTaskInfo,
    BackgroundTaskManager,
    BackgroundTasksContainer,
    BackgroundWorker,
    BackgroundWorkerContext,
    background_task,
)
from bgtasks.testing import FakeClock, running_manager

PATIENCE = 10.0
"""Seconds after which a test that waits for something has failed."""

Context = BackgroundWorkerContext[Any, Any]
Script = Callable[[Context], Awaitable[None] | None]


@frozen(kw_only=True)
class Work(BackgroundTaskBase):
    """A task with a field."""

    text: str = ""


@frozen(kw_only=True)
class OtherWork(BackgroundTaskBase):
    """A task of another type."""


@frozen
class Progress:
    """A payload."""

    copied_bytes: int
    total_bytes: int = 100


class AsyncWorker(BackgroundWorker[Any, Any]):
    """Does what its script says, on the event loop."""

    def __init__(self, script: Script) -> None:
        self._script = script

    async def execute(self, context: Context) -> None:
        result = self._script(context)
        assert result is not None
        await result


class SyncWorker(BackgroundWorker[Any, Any]):
    """Does what its script says, in a thread."""

    def __init__(self, script: Script) -> None:
        self._script = script

    def execute(self, context: Context) -> None:
        self._script(context)


def worker_of(script: Script) -> providers.Factory[Any]:
    """A provider of workers that do what ``script`` says."""
    is_async = inspect.iscoroutinefunction(script) or isinstance(script, Gate)
    cls: type[Any] = AsyncWorker if is_async else SyncWorker
    return providers.Factory(cls, providers.Object(script))


def container_of(*registrations: Any, **config: Any) -> BackgroundTasksContainer:
    """A container with these registrations, in memory, on a clock that stands still."""
    container = BackgroundTasksContainer(tasks=providers.List(*registrations))
    container.config.from_dict({"database": ":memory:", **config})
    container.clock.override(FakeClock())
    return container


def container_for(script: Script, **options: Any) -> BackgroundTasksContainer:
    """A container in which ``script`` carries out :class:`Work`."""
    return container_of(background_task(Work, worker_of(script), **options))


def backend_of(container: Any) -> Any:
    """The backend that the container's manager uses at its next start."""
    backend = container.backend()
    container.backend.override(backend)
    return backend


def wanted_by(backend: Any) -> Callable[[], bool]:
    """Asks the manager that subscribes to ``backend`` whether anybody wants to know of changes."""
    subscribe, asked = backend.subscribe, []

    def remember(handler: Any, wanted: Callable[[], bool]) -> Any:
        asked.append(wanted)
        return subscribe(handler, wanted)

    backend.subscribe = remember
    return lambda: asked[-1]()


def clock_of(container: Any) -> FakeClock:
    """The clock of a container that was made here."""
    clock = container.clock()
    assert isinstance(clock, FakeClock)
    return clock


@asynccontextmanager
async def running(container: Any) -> AsyncGenerator[BackgroundTaskManager, None]:
    """The container's manager, started; its stop moves the fake clock on by itself."""
    async with running_manager(container, clock=container.clock()) as manager:
        yield manager


async def run_to_end(
    manager: BackgroundTaskManager, task: BackgroundTaskBase, **options: Any
) -> BackgroundTaskInfo[Any]:
    """Hand ``task`` in and give back its final snapshot."""
    return await manager.wait_for(await manager.run_task(task, **options), PATIENCE)


async def until(predicate: Callable[[], Any]) -> None:
    """Wait until something has become true; fails when it does not."""
    deadline = time.monotonic() + PATIENCE
    while not predicate():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.001)


async def until_waiting_after(
    manager: BackgroundTaskManager, task_id: UUID, attempt: int
) -> BackgroundTaskInfo[Any]:
    """Wait until a task waits again after this attempt; its snapshot then."""
    deadline = time.monotonic() + PATIENCE
    while True:
        info = await get(manager, task_id)
        if (info.status, info.attempt) == ("Pending", attempt):
            return info
        assert time.monotonic() < deadline, f"never waited after attempt {attempt}: {info}"
        await asyncio.sleep(0.001)


async def get(manager: BackgroundTaskManager, task_id: UUID) -> BackgroundTaskInfo[Any]:
    """The newest snapshot of a task that exists."""
    info = await manager.try_get_task(task_id)
    assert info is not None
    return info


async def done(_context: Context) -> None:
    """A script that has nothing to do."""


class Gate:
    """A script that tells when it has begun and goes on when it is let."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.open = asyncio.Event()
        self.runs = 0

    async def __call__(self, context: Context) -> None:
        self.runs += 1
        self.begun.set()
        await self.open.wait()
        context.report_status("gone through")


class Failing:
    """A script that fails so many times, then returns."""

    def __init__(self, times: int, error: type[Exception] = ConnectionError) -> None:
        self.times, self.error, self.runs = times, error, 0

    async def run(self, context: Context) -> None:
        self.runs += 1
        context.report_progress(self.runs, f"attempt {self.runs}")
        if self.runs <= self.times:
            raise self.error(f"failure {self.runs}")
