"""An application with a tick a second, for worker processes: ``HOST_DATABASE`` is its database."""

import os
from typing import Any

from attrs import frozen
from dependency_injector import containers, providers

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTasksContainer,
    BackgroundWorker,
    BackgroundWorkerContext,
    Every,
    background_task,
    schedule,
)


@frozen(kw_only=True)
class TickTask(BackgroundTaskBase):
    """What is submitted at each tick."""


class TickWorker(BackgroundWorker[TickTask, int]):
    """Reports how many ticks were missed."""

    async def execute(self, context: BackgroundWorkerContext[TickTask, int]) -> None:
        context.set_payload(context.missed)


class Application(containers.DeclarativeContainer):
    """The container."""

    config = providers.Configuration()
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=config.background_tasks,
        tasks=providers.List(background_task(TickTask, providers.Factory(TickWorker))),
        schedules=providers.List(
            schedule("tick", Every(seconds=1), providers.Factory(TickTask), overlap="allow")
        ),
    )


application: Any = Application()
application.config.from_dict(
    {"background_tasks": {"database": os.environ.get("HOST_DATABASE", ":memory:")}}
)
