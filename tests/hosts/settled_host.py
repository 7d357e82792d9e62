"""Says of which ends its hook is told: ``settled_host.py DATABASE MODE``.

MODE is ``run`` (it runs tasks, and says a line for each end: ``told ID STATUS``), ``submit`` (it
only hands in 40 tasks, half of which fail, and is told as well) or ``die`` (the first time that it
is told, it is killed).
"""

import asyncio
import os
import signal
import sys
from typing import Any

from attrs import frozen
from dependency_injector import containers, providers

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTaskInfo,
    BackgroundTasksContainer,
    BackgroundWorker,
    BackgroundWorkerContext,
    background_task,
)
from bgtasks.clock import Timing
from bgtasks.hooks import BackgroundTaskHook
from bgtasks.models import Attempt


@frozen(kw_only=True)
class MailTask(BackgroundTaskBase):
    """Fails if it is to."""

    fails: bool


class MailWorker(BackgroundWorker[MailTask, None]):
    """Sends nothing."""

    async def execute(self, context: BackgroundWorkerContext[MailTask, None]) -> None:
        """Fail, or not."""
        if context.task.fails:
            raise ConnectionError("no route")


class Telling(BackgroundTaskHook):
    """Says what it is told."""

    def __init__(self, mode: str) -> None:
        self._mode = mode

    async def settled(self, info: BackgroundTaskInfo[Any], failure: Attempt | None) -> None:
        """Say so, or die of it."""
        if self._mode == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        print(
            "told",
            info.id,
            info.status,
            failure and failure.error and failure.error.message,
            flush=True,
        )


class Application(containers.DeclarativeContainer):
    """An application with a hook."""

    config = providers.Configuration()
    hook = providers.Singleton(Telling, config.mode)
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=config.background_tasks,
        tasks=providers.List(background_task(MailTask, providers.Factory(MailWorker))),
        hooks=providers.List(hook),
        timing=providers.Object(Timing(told_within=1.0)),
    )


async def main(database: str, mode: str) -> None:
    """One life."""
    container = Application()
    settings = {"database": database, "run_tasks": mode != "submit"}
    container.config.from_dict({"mode": mode, "background_tasks": settings})
    tasks: Any = container.background_tasks
    async with tasks.manager() as manager:
        if mode == "submit":
            await manager.run_tasks([MailTask(fails=bool(index % 2)) for index in range(40)])
        elif mode == "die":
            await manager.run_task(MailTask(fails=True))
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
