"""Threads of one's own, for calls of a start or a stop that must not wait for a free thread.

The event loop's default executor (``asyncio.to_thread``) is shared with the whole application:
while its threads are busy, every further call waits for them. The threads here are daemons, so
that a call that never returns does not keep the process from ending.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

__all__ = ["CallingThread", "call_in_own_thread"]

logger: logging.Logger = logging.getLogger(__name__)

T = TypeVar("T")


class CallingThread:
    """Makes calls one after the other in its own thread. To be used on one event loop."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._calls: queue.SimpleQueue[tuple[asyncio.Future[Any], Callable[[], Any]] | None]
        self._calls = queue.SimpleQueue()
        self._ended = self._loop.create_future()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def call(self, function: Callable[[], T]) -> "asyncio.Future[T]":
        """Make a call after the earlier ones; the future gets its result or its error."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._calls.put((future, function))
        return future

    def stop(self) -> "asyncio.Future[None]":
        """Make the waiting calls, then end; the future is done once the thread has ended."""
        self._calls.put(None)
        return self._ended

    def _run(self) -> None:
        while (item := self._calls.get()) is not None:
            future, function = item
            result, error = None, None
            try:
                if not future.cancelled():
                    result = function()
            except BaseException as raised:
                error = raised
            self._on_loop(partial(_settle, future, result, error))
            del item, future, function, result, error
        self._on_loop(partial(_settle, self._ended, None, None))

    def _on_loop(self, callback: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(callback)
        except RuntimeError:  # the event loop was closed: nobody waits any longer
            logger.debug("%s: the event loop ended before", threading.current_thread().name)


async def call_in_own_thread(function: Callable[[], T], name: str) -> T:
    """The result of ``function``, called in a new thread; raises what it raises.

    If the caller is cancelled, the thread runs on.
    """
    thread = CallingThread(name)
    call = thread.call(function)
    thread.stop()
    return await call


def _settle(future: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    elif isinstance(error, StopIteration):  # a future refuses it
        future.set_exception(RuntimeError(f"the call raised {error!r}"))
    else:
        future.set_exception(error)
