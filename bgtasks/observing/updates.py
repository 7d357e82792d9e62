"""The ``task_updated`` event: its subscribers are notified of every published change."""

import asyncio
import inspect
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from bgtasks.clock import Clock, SystemClock, wait_done
from bgtasks.concurrency.lasting import ends_this_task
from bgtasks.core.text import shown
from bgtasks.logs import log_fields, log_safely
from bgtasks.models import BackgroundTaskInfo

__all__ = ["TaskUpdatedEvent", "UpdateHandler"]

logger: logging.Logger = logging.getLogger(__name__)

UpdateHandler = Callable[[BackgroundTaskInfo[Any]], Awaitable[object] | None]

MAX_WAITING = 10_000
"""How many tasks' newest snapshots wait for one slow handler."""


class TaskUpdatedEvent:
    """Calls its subscribers, on the event loop, with each published snapshot.

    A handler is called at once and must return quickly. If the handler returns an awaitable, as
    an ``async def`` does, that is awaited before the handler is called again; meanwhile only the
    newest snapshot of each task is kept for it, of at most 10,000 tasks. An error of a handler
    is logged and reaches nobody else.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self.has_subscribers: bool = False
        """Whether there is a subscriber."""
        self._clock = clock or SystemClock()
        self._handlers: tuple[_Handler, ...] = ()

    def subscribe(self, handler: UpdateHandler) -> Callable[[], None]:
        """Call ``handler`` with every snapshot from now on; returns how to unsubscribe."""
        if not callable(handler):
            raise TypeError(f"handler is {shown(handler)}; expected a function of one snapshot")
        added = _Handler(handler)
        self._set((*self._handlers, added))

        def unsubscribe() -> None:
            self._set(tuple(item for item in self._handlers if item is not added))
            added.close()

        return unsubscribe

    def publish(self, info: BackgroundTaskInfo[Any]) -> None:
        """Notify every subscriber."""
        for handler in self._handlers:
            handler.put(info)

    async def drain(
        self, seconds: float | None = None, *, unless: asyncio.Event | None = None
    ) -> None:
        """Wait until every handler has handled its waiting snapshots.

        After ``seconds``, or once ``unless`` is set, the handlers that are still busy are
        cancelled and named in the log.
        """
        busy = {item.feeder: item for item in self._handlers if item.feeder is not None}
        if not busy:
            return
        if seconds is None:
            await asyncio.wait(busy)
        elif not await wait_done(busy, self._clock, seconds, unless=unless):
            for handler in busy.values():
                handler.give_up()
            await asyncio.sleep(0)  # so that a handler notices its cancel before the loop ends

    def _set(self, handlers: "tuple[_Handler, ...]") -> None:
        self._handlers, self.has_subscribers = handlers, bool(handlers)


class _Handler:
    """One subscriber, called for one snapshot after the other. While the awaitable that it
    returned is awaited, only the newest snapshot of each task is kept for it."""

    def __init__(self, handler: UpdateHandler) -> None:
        self._handler = handler
        self._name = _name_of(handler)
        self._waiting: OrderedDict[UUID, BackgroundTaskInfo[Any]] = OrderedDict()
        self._closed = False
        self._call: asyncio.Task[None] | None = None
        self.feeder: asyncio.Task[None] | None = None

    def put(self, info: BackgroundTaskInfo[Any]) -> None:
        """Call the handler with ``info``, now or once the handler is free."""
        if self._closed:
            return
        if self.feeder is not None or self._waiting:
            self._keep(info)
        else:
            self._begin_call(info)
        # After a cancel from outside, the next feeder takes what waits.
        if self.feeder is None and (self._call is not None or self._waiting):
            self.feeder = asyncio.get_running_loop().create_task(self._feed())
            self.feeder.add_done_callback(self._feeder_ended)

    def give_up(self) -> None:
        """Cancel the running call and drop what waits."""
        if self.feeder is not None and not self.feeder.done():
            logger.error(
                "task_updated handler %s did not return in time: it is cancelled, and %d "
                "updates are not told to it",
                self._name,
                len(self._waiting),
            )
        self._end()

    def close(self) -> None:
        """End all calls of the handler."""
        self._closed = True
        self._end()

    def _end(self) -> None:
        self._waiting.clear()
        if self.feeder is not None:
            self.feeder.cancel()
        # A handler that unsubscribes itself runs to its end.
        if self._call is not None and self._call is not asyncio.current_task():
            self._call.cancel()
        self.feeder, self._call = None, None

    def _keep(self, info: BackgroundTaskInfo[Any]) -> None:
        if len(self._waiting) >= MAX_WAITING and info.id not in self._waiting:
            lost, _ = self._waiting.popitem(last=False)
            logger.warning(
                "task_updated handler %s is too slow: an update of task %s is dropped",
                self._name,
                lost,
                extra={"task_id": str(lost)},
            )
        self._waiting[info.id] = info

    def _begin_call(self, info: BackgroundTaskInfo[Any]) -> None:
        """Call the handler; an awaitable that it returns is awaited in ``_call``."""
        try:
            result = self._handler(info)
        except KeyboardInterrupt:  # it is meant for the code that runs the event loop
            raise
        except BaseException as error:
            self._log(info, error)
            return
        if result is None or not inspect.isawaitable(result):
            return
        self._call = asyncio.get_running_loop().create_task(self._await(result, info))
        if inspect.iscoroutine(result):
            # A call that is cancelled before its first step leaves its coroutine unawaited.
            self._call.add_done_callback(lambda _: result.close())

    async def _await(self, result: Awaitable[object], info: BackgroundTaskInfo[Any]) -> None:
        """Runs in a task of its own, so that an error or a cancel ends this call alone."""
        try:
            await result
        except BaseException as error:
            if ends_this_task(error):
                raise
            self._log(info, error)

    async def _feed(self) -> None:
        while self._call is not None or self._waiting:
            if (call := self._call) is not None:
                await asyncio.wait([call])
                self._call = None
                if call.cancelled():
                    logger.error("a call of task_updated handler %s was cancelled", self._name)
            if self._waiting:
                _, info = self._waiting.popitem(last=False)
                self._begin_call(info)
        self.feeder = None

    def _feeder_ended(self, feeder: asyncio.Task[None]) -> None:
        if self.feeder is feeder:
            self.feeder = None

    def _log(self, info: BackgroundTaskInfo[Any], error: BaseException) -> None:
        log_safely(
            logger,
            logging.ERROR,
            "task_updated handler %s failed for task %s",
            self._name,
            info.id,
            error=error,
            extra=log_fields(info),
        )


def _name_of(handler: UpdateHandler) -> str:
    try:
        return repr(handler)
    except Exception:
        return f"of type {type(handler).__qualname__}"
