"""An application with tasks of every kind, for any number of processes that are killed, stopped and
cut off: ``python -m bgtasks worker tests.hosts.load_app:application``.

What it is told comes from the environment:
``HOST_DATABASE`` is required; ``HOST_RUN_TASKS``, ``HOST_HEARTBEAT``, ``HOST_GRACE`` and
``HOST_CONCURRENCY`` are settings, ``HOST_ANYONE`` lets clients in from other machines.
"""

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

from attrs import frozen
from dependency_injector import containers, providers

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTaskPolicy,
    BackgroundTasksContainer,
    BackgroundTaskStatus,
    BackgroundWorker,
    BackgroundWorkerContext,
    Retry,
    background_task,
)


@frozen
class Where:
    """The payload: which process works, and what it has done."""

    pid: int
    step: int = 0


@frozen(kw_only=True)
class QuickTask(BackgroundTaskBase):
    """Is done at once."""


@frozen(kw_only=True)
class StepTask(BackgroundTaskBase):
    """Reports step after step."""

    steps: int = 10
    pause: float = 0.02


@frozen(kw_only=True)
class GateTask(BackgroundTaskBase):
    """Reports until a file is there; says on standard output that it begins and that it has
    ended."""

    gate: str


@frozen(kw_only=True)
class StubbornTask(BackgroundTaskBase):
    """Works until it is cancelled, and then until a file is there."""

    gate: str


@frozen(kw_only=True)
class SyncTask(BackgroundTaskBase):
    """Works in a thread until it is cancelled, or for so long."""

    seconds: float = 0.05


@frozen(kw_only=True)
class FailingTask(BackgroundTaskBase):
    """Fails so many times, then succeeds. It is tried three times."""

    times: int = 1


@frozen(kw_only=True)
class DeclaringTask(BackgroundTaskBase):
    """Says itself that it is done and goes on."""


@frozen(kw_only=True)
class PoisonTask(BackgroundTaskBase):
    """Kills its process."""


def is_open(gate: str) -> bool:
    """Whether the file is there."""
    return Path(gate).exists()


class QuickWorker(BackgroundWorker[QuickTask, Where]):
    async def execute(self, context: BackgroundWorkerContext[QuickTask, Where]) -> None:
        context.set_payload(Where(os.getpid()))


class StepWorker(BackgroundWorker[StepTask, Where]):
    async def execute(self, context: BackgroundWorkerContext[StepTask, Where]) -> None:
        steps = context.task.steps
        for step in range(steps):
            context.report_progress(100 * step / steps, payload=Where(os.getpid(), step))
            await asyncio.sleep(context.task.pause)
        context.set_payload(Where(os.getpid(), steps))


class GateWorker(BackgroundWorker[GateTask, Where]):
    async def execute(self, context: BackgroundWorkerContext[GateTask, Where]) -> None:
        print("begun", flush=True)
        step = 0
        while not is_open(context.task.gate):
            step += 1
            context.set_payload(Where(os.getpid(), step))
            await asyncio.sleep(0.05)
        print("ended", flush=True)


class StubbornWorker(BackgroundWorker[StubbornTask, Where]):
    async def execute(self, context: BackgroundWorkerContext[StubbornTask, Where]) -> None:
        context.set_payload(Where(os.getpid()))
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            context.report_status("not yet")
            while not is_open(context.task.gate):  # noqa: ASYNC110 - another process makes it
                await asyncio.sleep(0.02)
            raise


class SyncWorker(BackgroundWorker[SyncTask, Where]):
    def execute(self, context: BackgroundWorkerContext[SyncTask, Where]) -> None:
        context.set_payload(Where(os.getpid()))
        until = time.monotonic() + context.task.seconds
        while time.monotonic() < until:
            context.cancellation_token.raise_if_cancellation_requested()
            time.sleep(0.01)


class FailingWorker(BackgroundWorker[FailingTask, Where]):
    async def execute(self, context: BackgroundWorkerContext[FailingTask, Where]) -> None:
        tried = (context.state.payload or Where(0)).step + 1
        context.set_payload(Where(os.getpid(), tried))
        if tried <= context.task.times:
            raise OSError(f"failure {tried}")


class DeclaringWorker(BackgroundWorker[DeclaringTask, None]):
    async def execute(self, context: BackgroundWorkerContext[DeclaringTask, None]) -> None:
        context.set_status(BackgroundTaskStatus.COMPLETED, "said so")
        await asyncio.sleep(0.05)


class PoisonWorker(BackgroundWorker[PoisonTask, None]):
    async def execute(self, context: BackgroundWorkerContext[PoisonTask, None]) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Anyone(BackgroundTaskPolicy):
    """For nodes that are not reached by way of loopback."""

    async def can_connect(self, requester: Any) -> bool:
        """Whoever it is."""
        return True


# These are cut off far more often than a host would be; the poison task keeps the default.
OFTEN: dict[str, Any] = {"max_interruptions": 1000}


class Application(containers.DeclarativeContainer):
    """The host."""

    config = providers.Configuration()
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=config.background_tasks,
        tasks=providers.List(
            background_task(QuickTask, providers.Factory(QuickWorker), **OFTEN),
            background_task(StepTask, providers.Factory(StepWorker), **OFTEN),
            background_task(GateTask, providers.Factory(GateWorker), **OFTEN),
            background_task(StubbornTask, providers.Factory(StubbornWorker), **OFTEN),
            background_task(SyncTask, providers.Factory(SyncWorker), max_concurrency=5, **OFTEN),
            background_task(
                FailingTask,
                providers.Factory(FailingWorker),
                retry=Retry(max_attempts=3, backoff=0.05, jitter=0),
                **OFTEN,
            ),
            background_task(DeclaringTask, providers.Factory(DeclaringWorker), **OFTEN),
            background_task(PoisonTask, providers.Factory(PoisonWorker)),
        ),
    )


def settings() -> dict[str, Any]:
    """Whatever the environment has to say."""
    names = {
        "HOST_DATABASE": "database",
        "HOST_RUN_TASKS": "run_tasks",
        "HOST_HEARTBEAT": "heartbeat_timeout",
        "HOST_GRACE": "stop_grace",
        "HOST_CONCURRENCY": "max_concurrency",
    }
    return {setting: os.environ[name] for name, setting in names.items() if name in os.environ}


application: Any = Application()
application.config.from_dict({"background_tasks": settings()})
if "HOST_ANYONE" in os.environ:
    application.background_tasks.policy.override(providers.Singleton(Anyone))
