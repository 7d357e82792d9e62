"""A process, as far as the database can tell: a manager with a way to the server of its own."""

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from bgtasks import (
    BackendError,
    BackgroundTaskBase,
    BackgroundTaskInfo,
    BackgroundTaskManager,
    ManagerStateError,
)
from tests.acceptance.chaos.application import Application
from tests.acceptance.chaos.proxy import FaultyProxy
from tests.acceptance.distributed.node import until

__all__ = ["Node"]

Info = BackgroundTaskInfo[Any]

STOPS = 60.0
"""Seconds after which a stop counts as one that never ends."""


class Node:
    """May be started again. Each of its watchers waits for every task that it is told of, and what
    ``task_updated`` says is kept as well."""

    def __init__(self, name: str, proxy: FaultyProxy, log: Path, **settings: Any) -> None:
        self.name = name
        self.proxy = proxy
        self.updates: dict[UUID, list[Info]] = {}
        self.was_never_stopped = True
        self._watchers: dict[UUID, asyncio.Task[Info]] = {}
        self.application: Any = Application()
        self.application.config.from_dict(
            {
                "log": str(log),
                "name": name,
                "background_tasks": {
                    "database": proxy.url,
                    "heartbeat_timeout": 10,
                    "stop_grace": 0.5,
                    **settings,
                },
            }
        )
        self.manager: BackgroundTaskManager = self.application.background_tasks.manager()
        self.manager.task_updated.subscribe(self._updated)

    async def start(self) -> None:
        await self.manager.start()

    async def stop(self) -> float:
        """An orderly stop; how many seconds it took."""
        self.was_never_stopped = False
        began = asyncio.get_running_loop().time()
        async with asyncio.timeout(STOPS):
            await self.manager.stop()
        return asyncio.get_running_loop().time() - began

    async def close(self) -> None:
        """For good, whatever is wrong; harmless when repeated."""
        self.proxy.heal()
        await self.stop()
        for watcher in self._watchers.values():
            watcher.cancel()
        await asyncio.gather(*self._watchers.values(), return_exceptions=True)
        self.application.log().close()
        await self.proxy.stop()

    async def recovers(self) -> None:
        """Wait until it says itself that nothing is wrong."""
        await until(
            lambda: self.manager.health().trouble is None,
            lambda: f"{self.name} is well: {self.manager.health()}",
        )

    async def hand_in(self, *tasks: BackgroundTaskBase, **options: Any) -> list[UUID]:
        """Accepted, or BackendError."""
        return await self.manager.run_tasks(tasks, **options)

    # Watching

    def watch(self, task_ids: Iterable[UUID]) -> None:
        """Wait for the end of each of these, by ``wait_for``, from now on."""
        for task_id in task_ids:
            self._watchers.setdefault(task_id, asyncio.create_task(self._wait_for(task_id)))

    async def knows_the_end_of(self, task_ids: Iterable[UUID], seconds: float) -> dict[UUID, Info]:
        """What everybody who waits here was told in the end; fails where somebody still waits."""
        watchers = {task_id: self._watchers[task_id] for task_id in task_ids}
        if watchers:
            await asyncio.wait(watchers.values(), timeout=seconds)
        waiting = [task_id for task_id, watcher in watchers.items() if not watcher.done()]
        assert not waiting, f"{self.name} still waits for {len(waiting)} ends: {waiting[:3]}"
        return {task_id: watcher.result() for task_id, watcher in watchers.items()}

    async def sees(self, task_ids: Sequence[UUID], *, ends: int) -> None:
        """Wait until ``task_updated`` has brought so many ends of each of these."""
        await until(
            lambda: all(len(self.ends(task_id)) >= ends for task_id in task_ids),
            lambda: f"{self.name}: {[self.updates.get(task_id) for task_id in task_ids]}",
        )

    def ends(self, task_id: UUID) -> list[Info]:
        """The final snapshots of a task that ``task_updated`` brought."""
        return [info for info in self.updates.get(task_id, ()) if info.status.is_final]

    async def _wait_for(self, task_id: UUID) -> Info:
        while True:
            # It asks the database first, which may not be there, and a stop ends it.
            with contextlib.suppress(BackendError, ManagerStateError):
                return await self.manager.wait_for(task_id)
            await asyncio.sleep(0.05)

    def _updated(self, info: Info) -> None:
        self.updates.setdefault(info.id, []).append(info)
