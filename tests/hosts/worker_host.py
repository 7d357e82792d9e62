"""An application whose tasks ``python -m bgtasks worker tests.hosts.worker_host:application`` runs.

It stands on the embedded backend, put where the setting asks for PostgreSQL, so that what is
tested here is the process around it. ``WORKER_DATABASE`` is the file; ``WORKER_TROUBLE`` may be
``serving``: the backend fails when it is to serve. Workers say on standard output when they begin.
"""

import asyncio
import logging
import os
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

from attrs import frozen
from dependency_injector import containers, providers

from bgtasks import (
    BackendError,
    BackgroundTaskBase,
    BackgroundTasksContainer,
    BackgroundWorker,
    BackgroundWorkerContext,
    Settings,
    background_task,
)
from bgtasks.backends.embedded.backend import EmbeddedBackend

log = logging.getLogger("host")


def say(text: str) -> None:
    """Tell the test."""
    print(text, flush=True)


@frozen(kw_only=True)
class ShortTask(BackgroundTaskBase):
    """Takes a little longer than it takes to send a signal."""


@frozen(kw_only=True)
class EndlessTask(BackgroundTaskBase):
    """Waits until it is cancelled."""


@frozen(kw_only=True)
class DeafTask(BackgroundTaskBase):
    """Runs in a thread and never looks at its token."""


@frozen(kw_only=True)
class BlockingTask(BackgroundTaskBase):
    """Blocks the event loop."""


@frozen(kw_only=True)
class PoolTask(BackgroundTaskBase):
    """Leaves a thread of the event loop's pool behind, for which Python waits."""


class Worker(BackgroundWorker[Any, Any]):
    """Does it."""

    def __init__(self, resource: str) -> None:
        self.resource = resource

    async def execute(self, context: BackgroundWorkerContext[Any, Any]) -> None:
        log.info("works with %s", self.resource)
        say(f"begun {context.task.type}")
        match context.task:
            case ShortTask():
                await asyncio.sleep(0.3)
            case BlockingTask():
                time.sleep(60)  # noqa: ASYNC251 - that's the point
            case PoolTask():
                await asyncio.to_thread(threading.Event().wait, 60)
            case _:
                await asyncio.Event().wait()


class DeafWorker(BackgroundWorker[Any, Any]):
    """Hears nothing."""

    def execute(self, context: BackgroundWorkerContext[Any, Any]) -> None:
        say(f"begun {context.task.type}")
        threading.Event().wait(60)


class Backend(EmbeddedBackend):
    """Fails where it is told to."""

    async def serve(self, runner: Any) -> None:
        """See :meth:`EmbeddedBackend.serve`."""
        if os.environ.get("WORKER_TROUBLE") == "serving":
            raise BackendError("the server has gone away")
        await super().serve(runner)


def make_backend(settings: Settings, registry: Any, clock: Any) -> Backend:
    """The backend, with what the command line has set."""
    return Backend(
        os.environ["WORKER_DATABASE"],
        registry,
        clock,
        max_concurrency=settings.max_concurrency,
        types=settings.types,
    )


async def open_resource() -> AsyncIterator[str]:
    """Something that the application opens once."""
    yield "a resource"
    say("resource closed")


class Application(containers.DeclarativeContainer):
    """As an application is laid out."""

    config = providers.Configuration()
    config.from_dict(
        {
            "database": "postgresql://stands.for.it/self",
            "run_tasks": False,
            "stop_grace": os.environ.get("WORKER_GRACE", "60"),
        }
    )
    resource = providers.Resource(open_resource)
    worker = providers.Factory(Worker, resource)
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=config,
        tasks=providers.List(
            background_task(ShortTask, worker),
            background_task(EndlessTask, worker),
            background_task(BlockingTask, worker),
            background_task(PoolTask, worker),
            background_task(DeafTask, providers.Factory(DeafWorker)),
        ),
    )


application = Application()
tasks: Any = application.background_tasks
tasks.backend.override(providers.Factory(make_backend, tasks.settings, tasks.registry, tasks.clock))
