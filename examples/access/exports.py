"""What the three applications share: a task that takes a while, and its worker."""

import asyncio
import os

from attrs import frozen
from dependency_injector import containers, providers

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTasksContainer,
    BackgroundWorker,
    BackgroundWorkerContext,
    background_task,
)

# Where the state is kept; without it, in memory, so that every start begins anew.
DATABASE = os.environ.get("DATABASE", ":memory:")


@frozen(kw_only=True)
class ExportTask(BackgroundTaskBase):
    """Export something for whoever asked for it."""

    title: str = "report"

    @property
    def display_name(self) -> str:
        """What people see."""
        return f"Export {self.title}"


class ExportWorker(BackgroundWorker[ExportTask, None]):
    """Pretends to export, for two seconds."""

    async def execute(self, context: BackgroundWorkerContext[ExportTask, None]) -> None:
        """Run one export."""
        for percent in range(0, 100, 10):
            context.report_progress(float(percent))
            await asyncio.sleep(0.2)


class Application(containers.DeclarativeContainer):
    """The containers of each of the applications."""

    config = providers.Configuration()
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=config.background_tasks,
        tasks=providers.List(background_task(ExportTask, providers.Factory(ExportWorker))),
    )


def make_container() -> Application:
    """A container with its settings."""
    container = Application()
    container.config.from_dict({"background_tasks": {"database": DATABASE}})
    return container
