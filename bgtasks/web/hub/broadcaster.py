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

logger: logging.Logger = logging.getLogger(__name__)

MAX_WAITING = 10_000
"""The most tasks whose newest snapshots wait to be broadcast."""

V = TypeVar("V")


class Broadcaster:
    """Accepts every update at once and calls ``deliver`` with one after the other.

    There is no throttle here: the process that runs a task decides how often it reports. While
    ``deliver`` is busy, only the newest snapshot of each task waits. A snapshot that is not newer
    than the delivered one is dropped.
    """

    def __init__(self, deliver: Callable[[Info], Awaitable[None]]) -> None:
        self._deliver = deliver
        self._waiting: _Newest[Info] = _Newest(MAX_WAITING)
        self._delivered: _Newest[tuple[datetime, int]] = _Newest(MAX_WAITING)
        self._wake = asyncio.Event()

    def put(self, info: Info) -> None:
        """Accept an update. Never waits; to be called on the event loop."""
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
    """The newest value of each task, for at most ``size`` tasks; then the oldest is dropped."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[UUID, V] = OrderedDict()
        self.get = self._values.get

    def put(self, task_id: UUID, value: V) -> UUID | None:
        """Keep ``value``; returns the task whose value was dropped for it."""
        self._values[task_id] = value
        if len(self._values) <= self._size:
            return None
        return self._values.popitem(last=False)[0]

    def pop(self, task_id: UUID) -> V | None:
        return self._values.pop(task_id, None)

    def pop_oldest(self) -> V | None:
        return self._values.popitem(last=False)[1] if self._values else None
