"""How a worker is told to end: the token that it checks and the source that sets the token."""

import asyncio
import inspect
import logging
import threading
from collections.abc import Callable

from bgtasks.clock import resolve
from bgtasks.errors import TaskCancelled
from bgtasks.logs import log_safely

__all__ = ["CancellationSource", "CancellationToken"]

logger: logging.Logger = logging.getLogger(__name__)

_lock = threading.Lock()
"""One lock for all sources: it is held briefly, and a lock for each attempt costs far more."""


class CancellationSource:
    """The writing end, with which cancellation is requested, once. Thread-safe."""

    __slots__ = ("_callbacks", "_cancelled", "_event", "_seen")

    def __init__(self) -> None:
        self._event: threading.Event | None = None
        self._callbacks: list[Callable[[], None]] | None = None
        self._cancelled = False
        self._seen = False

    @property
    def token(self) -> "CancellationToken":
        """A reading end. The source keeps none: they would keep each other alive."""
        return CancellationToken(self)

    @property
    def is_cancelled(self) -> bool:
        """Whether cancellation was requested. Unlike the token, this does not set ``seen``."""
        return self._cancelled

    @property
    def seen(self) -> bool:
        """Whether the worker's token has told the worker that cancellation was requested."""
        return self._seen

    def cancel(self) -> None:
        """Request cancellation and run the callbacks; a second request changes nothing.

        Never raises: an error of one callback is logged, and the other callbacks still run.
        """
        with _lock:
            if self._cancelled:
                return
            self._cancelled = True
            callbacks, self._callbacks = self._callbacks or (), None
            if self._event is not None:
                self._event.set()
        for callback in callbacks:
            _call(callback)

    def look(self) -> bool:
        """Whether cancellation was requested, as the token asks: if so, ``seen`` is set."""
        if self._cancelled:
            self._seen = True
        return self._cancelled

    def call_when_cancelled(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Run ``callback`` at cancellation, or now if already cancelled; returns the undo."""
        with _lock:
            if not self._cancelled:
                self._callbacks = [*(self._callbacks or ()), callback]
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
            if self._callbacks is not None and callback in self._callbacks:
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

    The token is set when a user cancels the task, when the attempt takes longer than its
    timeout, and when the application stops and the grace period is over.
    """

    __slots__ = ("_source",)

    def __init__(self, source: CancellationSource) -> None:
        self._source = source

    @property
    def is_cancellation_requested(self) -> bool:
        """Whether the worker should end. A worker that returns after it has read true counts as
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
        """Run ``callback`` (from any thread) when cancellation is requested, or now if it
        already was. Returns a function that removes the callback.

        An error of the callback is logged and changes nothing. The callback may run on the event
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
