"""Threads of one's own, for what a start or a stop must not wait for others to have.

The event loop's default executor (``asyncio.to_thread``) is shared with the whole application:
while its workers fill it, everything else that is given to it waits for them. These threads are
daemons, so that a call that never returns does not keep the process from ending.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

__all__ = ["CallingThread", "call_in_own_thread"]

logger = logging.getLogger(__name__)

T = TypeVar("T")


class CallingThread:
    """Makes calls one after the other in a thread of its own. Use it on one event loop."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._calls: queue.SimpleQueue[tuple[asyncio.Future[Any], Callable[[], Any]] | None]
        self._calls = queue.SimpleQueue()
        self._ended = self._loop.create_future()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def call(self, function: Callable[[], T]) -> "asyncio.Future[T]":
        """Make a call after those before it; the future has its result or what it raised."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._calls.put((future, function))
        return future

    def stop(self) -> "asyncio.Future[None]":
        """Make the calls that wait, then end; the future is done once the thread has ended."""
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
        except RuntimeError:  # the event loop was closed: nobody waits any more
            logger.debug("%s: the event loop ended before", threading.current_thread().name)


async def call_in_own_thread(function: Callable[[], T], name: str) -> T:
    """The result of ``function``, called in a new thread; raises what it raises.

    Where the caller is cancelled, the thread goes on.
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
