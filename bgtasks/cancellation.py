"""Telling a worker that it should end: the token it looks at, the source that sets it."""

import asyncio
import inspect
import logging
import threading
from collections.abc import Callable

from bgtasks.clock import resolve
from bgtasks.errors import TaskCancelled
from bgtasks.logs import log_safely

__all__ = ["CancellationSource", "CancellationToken"]

logger = logging.getLogger(__name__)

_lock = threading.Lock()
"""One for all sources: held for an instant, and far cheaper than one for each attempt."""


class CancellationSource:
    """The writing end: whoever holds it can ask for cancellation, once. Thread-safe."""

    __slots__ = ("_callbacks", "_cancelled", "_event", "_seen", "token")

    def __init__(self) -> None:
        self._event: threading.Event | None = None
        self._callbacks: list[Callable[[], None]] = []
        self._cancelled = False
        self._seen = False
        self.token = CancellationToken(self)

    @property
    def is_cancelled(self) -> bool:
        """Whether cancellation was asked for. Unlike the token's, looking here leaves no trace."""
        return self._cancelled

    @property
    def seen(self) -> bool:
        """Whether the worker has noticed: its token told it that cancellation was asked for."""
        return self._seen

    def cancel(self) -> None:
        """Ask for cancellation and run the callbacks; asking again changes nothing.

        Never raises: what a callback raises is logged, and keeps nobody else from being told.
        """
        with _lock:
            if self._cancelled:
                return
            self._cancelled = True
            callbacks, self._callbacks = self._callbacks, []
            if self._event is not None:
                self._event.set()
        for callback in callbacks:
            _call(callback)

    def look(self) -> bool:
        """The token's view: whether cancellation was asked for, and remember that it was told."""
        if self._cancelled:
            self._seen = True
        return self._cancelled

    def call_when_cancelled(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Run ``callback`` at cancellation, at once if it was; returns how to take it back."""
        with _lock:
            if not self._cancelled:
                self._callbacks.append(callback)
                return lambda: self._forget(callback)
        _call(callback)
        return lambda: None

    def wait_in_thread(self, timeout: float | None) -> bool:
        """Block the calling thread until cancelled or ``timeout`` seconds have passed."""
        with _lock:
            if self._event is None:
                self._event = threading.Event()
                if self._cancelled:
                    self._event.set()
        self._event.wait(timeout)
        return self.look()

    def _forget(self, callback: Callable[[], None]) -> None:
        with _lock:
            if callback in self._callbacks:
                self._callbacks.remove(callback)


def _call(callback: Callable[[], None]) -> None:
    try:
        callback()
    except BaseException as error:
        log_safely(
            logger,
            logging.ERROR,
            "a callback of on_cancellation_requested raised: the cancellation goes on without it",
            error=error,
        )


class CancellationToken:
    """The reading end that a worker gets. Every method may be called from any thread.

    Set when a user cancels the task, when an attempt takes longer than its timeout, and when
    the application stops and the grace period is over.
    """

    __slots__ = ("_source",)

    def __init__(self, source: CancellationSource) -> None:
        self._source = source

    @property
    def is_cancellation_requested(self) -> bool:
        """Whether the worker should end. A worker that returns after this said so counts as
        cancelled, not as completed."""
        return self._source.look()

    def raise_if_cancellation_requested(self) -> None:
        """Raise :class:`~bgtasks.TaskCancelled` if the worker should end."""
        if self._source.look():
            raise TaskCancelled("cancellation of this task was requested")

    def wait(self, timeout: float | None = None) -> bool:
        """Block this thread until cancellation is requested or ``timeout`` seconds passed.

        For sync workers, in place of ``time.sleep``. Returns whether it was requested.
        """
        return self._source.wait_in_thread(timeout)

    async def wait_async(self) -> None:
        """Wait, in an async worker, until cancellation is requested."""
        loop = asyncio.get_running_loop()
        requested = loop.create_future()

        def tell() -> None:
            loop.call_soon_threadsafe(resolve, requested)

        forget = self._source.call_when_cancelled(tell)
        try:
            await requested
            self._source.look()
        finally:
            forget()

    def on_cancellation_requested(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Run ``callback`` (from any thread) when cancellation is requested, at once if it
        was; returns a function that takes the callback away.

        What the callback raises is logged and changes nothing. It may be called on the event
        loop, so it must not block. Raises ``TypeError`` for a coroutine function, which nobody
        would await.
        """
        if inspect.iscoroutinefunction(callback):
            raise TypeError(
                f"on_cancellation_requested({callback!r}): accepted is a plain function; in an "
                "async worker, await cancellation_token.wait_async() instead"
            )

        def tell() -> None:
            self._source.look()
            callback()

        return self._source.call_when_cancelled(tell)
