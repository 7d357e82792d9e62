"""What many clients ask of the store at the same time is read once for all of them."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable
from functools import partial
from typing import Any, Literal
from uuid import UUID

from attrs import mutable

from bgtasks.core.query import NEWEST_FIRST, BackgroundTaskPage
from bgtasks.core.record import Sort
from bgtasks.core.task_filter import TaskFilter
from bgtasks.core.task_log import TaskLog
from bgtasks.manager import BackgroundTaskManager
from bgtasks.models import BackgroundTaskInfo

__all__ = ["SharedReads"]

AT_ONCE = 8
"""How many questions to the store are open at the same time."""

Info = BackgroundTaskInfo[Any]
Read = Callable[[], Awaitable[Any]]


@mutable(eq=False)
class _Flight:
    """One read, and how many wait for what it brings."""

    task: "asyncio.Task[Any]"
    riders: int = 0


class SharedReads:
    """The reading side of the manager. A thousand browsers that come back after a deployment ask
    the same; whoever asks before a read has begun gets what that read brings, and a question is
    not asked again before its last answer has come. So nobody is told anything older than what
    was stored when he asked.
    """

    def __init__(self, manager: BackgroundTaskManager) -> None:
        self._manager = manager
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting: dict[Hashable, _Flight] = {}
        self._under_way: dict[Hashable, _Flight] = {}

    async def get_tasks(
        self,
        filter: TaskFilter | None = None,  # noqa: A002 - as the manager calls it
        *,
        limit: int = 50,
        cursor: str | None = None,
        sort: Sort = NEWEST_FIRST,
    ) -> BackgroundTaskPage:
        wanted = filter or TaskFilter()
        page: BackgroundTaskPage = await self._share(
            (wanted.key, limit, cursor, sort),
            partial(self._manager.get_tasks, wanted, limit=limit, cursor=cursor, sort=sort),
        )
        return page

    async def find_tasks(self, task_ids: Iterable[UUID]) -> list[Info]:
        ids = tuple(task_ids)
        found: list[Info] = await self._share(ids, partial(self._manager.find_tasks, ids))
        return found

    async def try_get_task(self, task_id: UUID) -> Info | None:
        found: Info | None = await self._share(
            task_id, partial(self._manager.try_get_task, task_id)
        )
        return found

    async def get_logs(self, task_id: UUID, after: int, source: Literal["task"] | None) -> TaskLog:
        log: TaskLog = await self._share(
            (task_id, after, source),
            partial(self._manager.get_logs, task_id, after, source=source),
        )
        return log

    async def cursor_after(self, task_id: UUID, sort: Sort = NEWEST_FIRST) -> str | None:
        return await self._manager.cursor_after(task_id, sort)

    async def _share(self, key: Hashable, read: Read) -> Any:
        flight = self._waiting.get(key)
        if flight is None:
            flight = self._waiting[key] = _Flight(asyncio.create_task(self._fly(key, read)))
            flight.task.add_done_callback(partial(self._landed, key, flight))
        flight.riders += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.riders -= 1
            if not flight.riders:  # nobody waits for it any longer
                flight.task.cancel()

    async def _fly(self, key: Hashable, read: Read) -> Any:
        if (before := self._under_way.get(key)) is not None:
            await asyncio.wait([before.task])
        async with self._turns:
            self._under_way[key] = self._waiting.pop(key)
            return await read()

    def _landed(self, key: Hashable, flight: _Flight, _: object) -> None:
        for flights in (self._waiting, self._under_way):
            if flights.get(key) is flight:
                del flights[key]
