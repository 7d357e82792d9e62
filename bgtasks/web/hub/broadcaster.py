"""From the manager's updates to the clients: in order, the newest of each task."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from bgtasks.concurrency.lasting import ends_this_task
from bgtasks.logs import log_fields, log_safely
from bgtasks.web.encoded_task import Info, newness

__all__ = ["Broadcaster"]

logger = logging.getLogger(__name__)

MAX_WAITING = 10_000
"""How many tasks' newest snapshots wait for being broadcast."""

V = TypeVar("V")


class Broadcaster:
    """Takes every update at once and lets ``deliver`` have them one after the other.

    Nothing is held back: how often a task that runs has news is decided where it runs. While
    ``deliver`` is busy only the newest snapshot of each task waits. What is not newer than what
    was delivered is dropped.
    """

    def __init__(self, deliver: Callable[[Info], Awaitable[None]]) -> None:
        self._deliver = deliver
        self._waiting: _Newest[Info] = _Newest(MAX_WAITING)
        self._delivered: _Newest[tuple[datetime, int]] = _Newest(MAX_WAITING)
        self._wake = asyncio.Event()

    def put(self, info: Info) -> None:
        """Take an update: on the event loop, never waits."""
        waiting = self._waiting.get(info.id)
        known = newness(waiting) if waiting is not None else self._delivered.get(info.id)
        if known is not None and newness(info) <= known:
            return
        if (lost := self._waiting.put(info.id, info)) is not None:
            logger.warning(
                "broadcasting is too slow: an update of task %s is dropped",
                lost,
                extra={"task_id": str(lost)},
            )
        self._wake.set()

    async def run(self) -> None:
        """Wait for updates and deliver them; to be called again and again."""
        await self._wake.wait()
        self._wake.clear()
        while (info := self._waiting.pop_oldest()) is not None:
            self._delivered.pop(info.id)  # so that it goes to the end of the queue
            self._delivered.put(info.id, newness(info))
            try:
                await self._deliver(info)
            except BaseException as error:
                if ends_this_task(error):
                    raise
                log_safely(
                    logger,
                    logging.ERROR,
                    "an update of task %s could not be broadcast",
                    info.id,
                    extra=log_fields(info),
                    error=error,
                )


class _Newest(Generic[V]):
    """The newest value of each task, of at most ``size`` tasks: then the oldest goes."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[UUID, V] = OrderedDict()
        self.get = self._values.get

    def put(self, task_id: UUID, value: V) -> UUID | None:
        """Keep ``value``; returns the task that had to go for it."""
        self._values[task_id] = value
        if len(self._values) <= self._size:
            return None
        return self._values.popitem(last=False)[0]

    def pop(self, task_id: UUID) -> V | None:
        return self._values.pop(task_id, None)

    def pop_oldest(self) -> V | None:
        return self._values.popitem(last=False)[1] if self._values else None
