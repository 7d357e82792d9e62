"""SIGTERM and SIGINT: the first asks for a stop, the second hurries it, the third ends at once."""

import asyncio
import os
import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["StopSignals"]

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopSignals:
    """Handles the signals while entered; both kinds count together.

    Not ``loop.add_signal_handler``, whose handlers wait for the event loop: a third signal is
    sent because something hangs.
    """

    def __init__(self) -> None:
        self.stop_asked: asyncio.Event = asyncio.Event()
        self._count = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._hurry: Callable[[], None] | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        self._before = {item: signal.signal(item, self._received) for item in SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for item, handler in self._before.items():
            signal.signal(item, handler)

    def attach(self, hurry: Callable[[], None]) -> None:
        """Notify the running event loop from now on, also of earlier signals: ``stop_asked`` is set
        at the first signal, ``hurry`` is called at the second."""
        self._loop, self._hurry = asyncio.get_running_loop(), hurry
        self._act()

    def _received(self, number: int, _frame: FrameType | None) -> None:
        self._count += 1
        if self._count > 2:
            # With the default handler, so that the exit status tells of the signal.
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        elif self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._act)

    def _act(self) -> None:
        if self._count >= 1:
            self.stop_asked.set()
        if self._count >= 2 and self._hurry is not None:
            self._hurry()
