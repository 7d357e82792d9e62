"""The host application that suffers. Its workers write down each attempt that begins."""

import asyncio
import time
from pathlib import Path
from typing import Any, Literal

from attrs import frozen
from dependency_injector import containers, providers

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTasksContainer,
    BackgroundWorker,
    BackgroundWorkerContext,
    Retry,
    background_task,
)
from tests.acceptance.chaos.attempts import AttemptLog

__all__ = [
    "LIMITS",
    "Application",
    "FiveTask",
    "FlakyTask",
    "GateTask",
    "HopelessTask",
    "LimitedTask",
    "LonelyTask",
    "LongTask",
    "OnceTask",
    "QuickTask",
    "ThreadTask",
]


@frozen(kw_only=True)
class QuickTask(BackgroundTaskBase):
    """Is done at once."""


@frozen(kw_only=True)
class LongTask(BackgroundTaskBase):
    """Reports step after step."""

    steps: int = 20
    pause: float = 0.02


@frozen(kw_only=True)
class FlakyTask(BackgroundTaskBase):
    """Fails once, then succeeds."""


@frozen(kw_only=True)
class HopelessTask(BackgroundTaskBase):
    """Fails, and is not tried again."""


@frozen(kw_only=True)
class OnceTask(BackgroundTaskBase):
    """Of a type that is not run again after an interruption."""


@frozen(kw_only=True)
class ThreadTask(BackgroundTaskBase):
    """Works in a thread."""


@frozen(kw_only=True)
class GateTask(BackgroundTaskBase):
    """Works until a file is there; then it completes, or fails."""

    gate: str
    then: Literal["completes", "fails"] = "completes"


@frozen(kw_only=True)
class LimitedTask(BackgroundTaskBase):
    """Of a type of which two may run at once, in all processes."""


@frozen(kw_only=True)
class LonelyTask(BackgroundTaskBase):
    """Of a type of which one may run."""


@frozen(kw_only=True)
class FiveTask(BackgroundTaskBase):
    """Of a type of which five may run at once."""


LIMITS = {"LimitedTask": 2, "LonelyTask": 1, "FiveTask": 5}
"""``max_concurrency`` of the types that have one."""


class Worker(BackgroundWorker[Any, int]):
    """Carries out all of them but the one in a thread."""

    def __init__(self, log: AttemptLog) -> None:
        self._log = log

    async def execute(self, context: BackgroundWorkerContext[Any, int]) -> None:
        task = context.task
        attempt = self._log.began(task.id, type(task).__name__)
        try:
            await self._work(task, context)
        finally:
            self._log.ended(attempt)

    async def _work(self, task: object, context: BackgroundWorkerContext[Any, int]) -> None:
        match task:
            case LongTask():
                for step in range(task.steps):
                    context.report_progress(100 * step / task.steps, payload=step)
                    await asyncio.sleep(task.pause)
            case FlakyTask():
                if not context.state.payload:
                    context.set_payload(1)
                    raise OSError("not today")
            case HopelessTask():
                raise OSError("never")
            case OnceTask() | LimitedTask() | LonelyTask() | FiveTask():
                await asyncio.sleep(0.03)
            case GateTask():
                context.report_status("waits")
                await opened(task.gate)
                if task.then == "fails":
                    raise OSError("as it was told")


async def opened(gate: str) -> None:
    """Wait until the test, which may be another process, has made the file."""
    while not await asyncio.to_thread(Path(gate).exists):  # noqa: ASYNC110
        await asyncio.sleep(0.01)


class ThreadWorker(BackgroundWorker[ThreadTask, int]):
    def __init__(self, log: AttemptLog) -> None:
        self._log = log

    def execute(self, context: BackgroundWorkerContext[ThreadTask, int]) -> None:
        attempt = self._log.began(context.task.id, "ThreadTask")
        try:
            time.sleep(0.02)
        finally:
            self._log.ended(attempt)


class Application(containers.DeclarativeContainer):
    """``log`` is the file for attempts, ``name`` what the process is called in it."""

    config = providers.Configuration()
    log = providers.Singleton(AttemptLog, providers.Callable(Path, config.log), config.name)
    worker = providers.Factory(Worker, log)
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=config.background_tasks,
        tasks=providers.List(
            background_task(QuickTask, worker),
            background_task(LongTask, worker),
            background_task(FlakyTask, worker, retry=Retry(max_attempts=5, backoff=0.05, jitter=0)),
            background_task(HopelessTask, worker),
            background_task(OnceTask, worker, rerun_interrupted=False),
            background_task(GateTask, worker),
            background_task(LimitedTask, worker, max_concurrency=LIMITS["LimitedTask"]),
            background_task(LonelyTask, worker, max_concurrency=LIMITS["LonelyTask"]),
            background_task(FiveTask, worker, max_concurrency=LIMITS["FiveTask"]),
            background_task(ThreadTask, providers.Factory(ThreadWorker, log)),
        ),
    )
