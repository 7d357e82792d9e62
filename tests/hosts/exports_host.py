"""A host whose exports fail while their share is full, and that can work in the past."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from attrs import frozen
from dependency_injector import containers, providers

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTasksContainer,
    BackgroundWorker,
    BackgroundWorkerContext,
    background_task,
)
from bgtasks.clock import SystemClock
from tests.hosts.dashboard_host import DashboardHost, Policy


@frozen(kw_only=True)
class ExportTask(BackgroundTaskBase):
    share: str
    number: int

    @property
    def display_name(self) -> str:
        return f"Export {self.number} to {self.share}"


class Shares:
    """Which of them are full."""

    def __init__(self) -> None:
        self.full: set[str] = set()

    def write(self, share: str, number: int) -> None:
        if share in self.full:
            raise OSError(28, "No space left on device", f"/mnt/{share}/export-{number}.zip")


class ExportWorker(BackgroundWorker[ExportTask, None]):
    def __init__(self, shares: Shares) -> None:
        self._shares = shares

    async def execute(self, context: BackgroundWorkerContext[ExportTask, None]) -> None:
        self._shares.write(context.task.share, context.task.number)


class ShiftedClock(SystemClock):
    """The computer's clock, as if it were set back: at first by a day, since when all is known."""

    def __init__(self) -> None:
        self.back = timedelta(days=1)

    def now(self) -> datetime:
        return super().now() - self.back


class Exports(containers.DeclarativeContainer):
    config = providers.Configuration()
    shares = providers.Singleton(Shares)
    clock = providers.Singleton(ShiftedClock)
    policy = providers.Singleton(Policy)
    worker = providers.Factory(ExportWorker, shares)
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=config.background_tasks,
        policy=policy,
        clock=clock,
        tasks=providers.List(background_task(ExportTask, worker)),
    )


class ExportsHost(DashboardHost):
    """Exports to ``nas-1``, ``nas-2`` and ``nas-3``."""

    application = Exports

    def __init__(self, database: Path) -> None:
        super().__init__(database)
        self._number = 0

    @property
    def full(self) -> set[str]:
        """The shares to which exports fail."""
        full: set[str] = self.container.shares().full
        return full

    def export(self, shares: Iterable[str], ago: timedelta = timedelta()) -> Sequence[UUID]:
        """Run one export to each of these so long ago, to its end."""
        self.container.clock().back = ago

        async def run() -> Sequence[UUID]:
            manager = self.container.background_tasks.manager()
            tasks = [ExportTask(share=share, number=self._count()) for share in shares]
            ids = await manager.run_tasks(tasks, owner="alice")
            for task_id in ids:
                await manager.wait_for(task_id)
            return tuple(ids)

        try:
            return self.call(run())
        finally:
            self.container.clock().back = timedelta()

    def _count(self) -> int:
        self._number += 1
        return self._number

    def one_night(self) -> Sequence[UUID]:
        """A day on which exports succeed, until fifty minutes ago ``nas-2`` became full; three
        exports to ``nas-3`` failed, too. Returns the 61 that failed on ``nas-2``."""
        for ago in range(23, 1, -1):
            self.export(["nas-1", "nas-2", "nas-3"] * 4, timedelta(hours=ago))
        self.export(["nas-2"] * 4, timedelta(minutes=56))
        self.full.add("nas-2")
        failed: list[UUID] = []
        for ago in range(50, 0, -5):
            count = 7 if ago == 50 else 6
            ids = self.export(["nas-2"] * count + ["nas-1"] * 4, timedelta(minutes=ago))
            failed += ids[:count]
        self.full.add("nas-3")
        self.export(["nas-3"] * 3, timedelta(minutes=2))
        self.full.discard("nas-3")
        return failed
