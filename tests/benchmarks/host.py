"""A host application with one task type whose worker does nothing."""

from pathlib import Path
from typing import Any

from attrs import frozen
from dependency_injector import containers, providers

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTasksContainer,
    BackgroundWorker,
    BackgroundWorkerContext,
    background_task,
)


@frozen(kw_only=True)
class NoopTask(BackgroundTaskBase):
    """Nothing is to be done."""


class NoopWorker(BackgroundWorker[NoopTask, Any]):
    """Does it."""

    async def execute(self, context: BackgroundWorkerContext[NoopTask, Any]) -> None:
        pass


class Application(containers.DeclarativeContainer):
    """The smallest host: every setting is at its default, but for the database."""

    config = providers.Configuration()
    worker = providers.Factory(NoopWorker)
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=config.background_tasks,
        tasks=providers.List(background_task(NoopTask, worker)),
    )


def application(database: Path, **settings: Any) -> Application:
    """The host, with its tasks in ``database``."""
    container = Application()
    container.config.from_dict({"background_tasks": {"database": str(database), **settings}})
    return container
