"""One life of an application under load, to be killed: ``kill_host.py DATABASE LOG MODE SEED``.

It appends to LOG what a client was told: ``accepted <id>`` after ``run_task`` had returned, and
``refused <id>`` after it had raised, and
``told <id> <revision> <status> <attempt>`` for each final snapshot. MODE is ``load`` (hand in tasks
until killed), ``drain`` (run what there is until nothing is left) or ``poison`` (like ``drain``,
where the poison task kills the process).
"""

import asyncio
import contextlib
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any
from uuid import UUID

from attrs import frozen
from dependency_injector import containers, providers

from bgtasks import (
    BackendError,
    BackgroundTaskBase,
    BackgroundTaskInfo,
    BackgroundTaskManager,
    BackgroundTasksContainer,
    BackgroundWorker,
    BackgroundWorkerContext,
    Retry,
    background_task,
)


@frozen(kw_only=True)
class QuickTask(BackgroundTaskBase):
    """Is done at once."""


@frozen(kw_only=True)
class ReportingTask(BackgroundTaskBase):
    """Says what it does, many times."""

    steps: int = 20


@frozen(kw_only=True)
class FailingTask(BackgroundTaskBase):
    """Fails twice, then succeeds; or fails for good."""

    for_good: bool = False


@frozen(kw_only=True)
class SyncTask(BackgroundTaskBase):
    """Works in a thread."""


@frozen(kw_only=True)
class DeclaringTask(BackgroundTaskBase):
    """Says itself that it is done and goes on."""


@frozen(kw_only=True)
class PoisonTask(BackgroundTaskBase):
    """Kills its process."""


class QuickWorker(BackgroundWorker[QuickTask, None]):
    async def execute(self, context: BackgroundWorkerContext[QuickTask, None]) -> None:
        pass


class ReportingWorker(BackgroundWorker[ReportingTask, int]):
    async def execute(self, context: BackgroundWorkerContext[ReportingTask, int]) -> None:
        for step in range(context.task.steps):
            context.report_progress(100 * step / context.task.steps, f"{step}", payload=step)
            await asyncio.sleep(0.01)


class FailingWorker(BackgroundWorker[FailingTask, int]):
    async def execute(self, context: BackgroundWorkerContext[FailingTask, int]) -> None:
        tried = (context.state.payload or 0) + 1
        context.set_payload(tried)
        if context.task.for_good or tried < 3:
            raise OSError(f"failure {tried}")


class SyncWorker(BackgroundWorker[SyncTask, None]):
    def execute(self, context: BackgroundWorkerContext[SyncTask, None]) -> None:
        context.report_status("in a thread")
        time.sleep(0.02)


class DeclaringWorker(BackgroundWorker[DeclaringTask, None]):
    async def execute(self, context: BackgroundWorkerContext[DeclaringTask, None]) -> None:
        from bgtasks import BackgroundTaskStatus

        context.set_status(BackgroundTaskStatus.COMPLETED, "said so")
        await asyncio.sleep(0.05)


class PoisonWorker(BackgroundWorker[PoisonTask, None]):
    async def execute(self, context: BackgroundWorkerContext[PoisonTask, None]) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


RETRY = Retry(max_attempts=4, backoff=0.02, jitter=0)
# The load is cut off far more often than a host would be; the poison task keeps the default.
OFTEN: dict[str, Any] = {"max_interruptions": 1000}


class Application(containers.DeclarativeContainer):
    """The host."""

    config = providers.Configuration()
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=config.background_tasks,
        tasks=providers.List(
            background_task(QuickTask, providers.Factory(QuickWorker), **OFTEN),
            background_task(
                ReportingTask, providers.Factory(ReportingWorker), max_concurrency=5, **OFTEN
            ),
            background_task(FailingTask, providers.Factory(FailingWorker), retry=RETRY, **OFTEN),
            background_task(SyncTask, providers.Factory(SyncWorker), max_concurrency=3, **OFTEN),
            background_task(DeclaringTask, providers.Factory(DeclaringWorker), **OFTEN),
            background_task(PoisonTask, providers.Factory(PoisonWorker)),
        ),
    )


class Log:
    """What a client was told; each line goes to the file in one write."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(self, line: str) -> None:
        os.write(self._file, f"{line}\n".encode())

    def told(self, info: BackgroundTaskInfo[Any]) -> None:
        if info.status.is_final:
            self.write(f"told {info.id} {info.revision} {info.status} {info.attempt}")


def some_task(chance: random.Random) -> BackgroundTaskBase:
    kinds: list[BackgroundTaskBase] = [
        QuickTask(),
        ReportingTask(),
        FailingTask(for_good=chance.random() < 0.3),
        SyncTask(),
        DeclaringTask(),
    ]
    return chance.choice(kinds)


async def hand_in(manager: BackgroundTaskManager, log: Log, chance: random.Random) -> None:
    """One client: hands in tasks, and now and then cancels or retries one."""
    mine: list[UUID] = []
    while True:
        delay = chance.choice([None, None, None, 0.05, 0.3])
        task = some_task(chance)
        try:
            await manager.run_task(task, delay=delay, priority=chance.randint(-1, 1))
        except BackendError:
            log.write(f"refused {task.id}")
        else:
            log.write(f"accepted {task.id}")
            mine.append(task.id)
        if mine and chance.random() < 0.2:
            with contextlib.suppress(BackendError):
                await manager.cancel_task(chance.choice(mine))
        await asyncio.sleep(chance.random() * 0.02)


async def live(database: str, log: Log, mode: str, seed: int) -> None:
    container = Application()
    container.config.from_dict({"background_tasks": {"database": database, "stop_grace": 5}})
    manager = container.background_tasks.manager()
    manager.task_updated.subscribe(log.told)
    async with manager:
        print("started", flush=True)
        if mode == "load":
            chances = [random.Random(seed * 100 + client) for client in range(8)]
            await asyncio.gather(*(hand_in(manager, log, chance) for chance in chances))
        for status in ("Pending", "Running") * 2:  # a retry goes back to the one from the other
            while page := (await manager.get_tasks(status=status, limit=1)).items:
                await manager.wait_for(page[0].id)


if __name__ == "__main__":
    _, database, log_path, mode, seed = sys.argv
    assert Path(database).parent.is_dir()
    asyncio.run(live(database, Log(log_path), mode, int(seed)))
