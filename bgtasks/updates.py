"""The ``task_updated`` event: whoever wants to know hears of every published change."""

import asyncio
import inspect
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from bgtasks.logs import log_fields
from bgtasks.models import BackgroundTaskInfo

__all__ = ["TaskUpdatedEvent", "UpdateHandler"]

logger = logging.getLogger(__name__)

UpdateHandler = Callable[[BackgroundTaskInfo[Any]], Awaitable[None] | None]

MAX_WAITING = 10_000
"""How many tasks' newest snapshots wait for one slow ``async def`` handler."""


class TaskUpdatedEvent:
    """Calls its subscribers, on the event loop, with each published snapshot.

    A plain function is called at once and must be quick. A coroutine function is called for one
    snapshot after the other; while it is busy only the newest snapshot of each task is kept for
    it, of at most 10,000 tasks. An exception in a handler is logged and reaches nobody else.
    """

    def __init__(self) -> None:
        self._handlers: dict[object, Callable[[BackgroundTaskInfo[Any]], None]] = {}
        self._queues: list[_HandlerQueue] = []

    def subscribe(self, handler: UpdateHandler) -> Callable[[], None]:
        """Call ``handler`` with every snapshot from now on; gives back how to unsubscribe."""
        queue = None
        deliver: Any = handler
        if inspect.iscoroutinefunction(handler):
            queue = _HandlerQueue(handler)
            self._queues.append(queue)
            deliver = queue.put
        key = object()
        self._handlers = {**self._handlers, key: deliver}

        def unsubscribe() -> None:
            self._handlers = {k: item for k, item in self._handlers.items() if k is not key}
            if queue is not None and queue in self._queues:
                self._queues.remove(queue)
                queue.close()

        return unsubscribe

    @property
    def has_subscribers(self) -> bool:
        """Whether anybody would hear of a change."""
        return bool(self._handlers)

    def publish(self, info: BackgroundTaskInfo[Any]) -> None:
        """Tell every subscriber."""
        for handler in self._handlers.values():
            try:
                handler(info)
            except Exception:
                logger.exception(
                    "task_updated handler %r failed for task %s",
                    handler,
                    info.id,
                    extra=log_fields(info),
                )

    async def drain(self) -> None:
        """Wait until every ``async def`` handler has had what waits for it."""
        for queue in list(self._queues):
            await queue.drain()


class _HandlerQueue:
    """Feeds one coroutine function, one snapshot at a time, the newest of each task only."""

    def __init__(self, handler: Callable[[BackgroundTaskInfo[Any]], Awaitable[None]]) -> None:
        self._handler = handler
        self._waiting: OrderedDict[UUID, BackgroundTaskInfo[Any]] = OrderedDict()
        self._feeder: asyncio.Task[None] | None = None

    def put(self, info: BackgroundTaskInfo[Any]) -> None:
        if len(self._waiting) >= MAX_WAITING and info.id not in self._waiting:
            lost, _ = self._waiting.popitem(last=False)
            logger.warning(
                "%r is too slow: an update of task %s is dropped",
                self._handler,
                lost,
                extra={"task_id": str(lost)},
            )
        self._waiting[info.id] = info
        if self._feeder is None:
            self._feeder = asyncio.get_running_loop().create_task(self._feed())

    async def _feed(self) -> None:
        while self._waiting:
            _, info = self._waiting.popitem(last=False)
            try:
                await self._handler(info)
            except Exception:
                logger.exception(
                    "task_updated handler %r failed for task %s",
                    self._handler,
                    info.id,
                    extra=log_fields(info),
                )
        self._feeder = None

    async def drain(self) -> None:
        if self._feeder is not None:
            await self._feeder

    def close(self) -> None:
        self._waiting.clear()
        if self._feeder is not None:
            self._feeder.cancel()
            self._feeder = None
