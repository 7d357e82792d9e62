"""Time is handed in: the clock that everything which waits or dates asks."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

__all__ = ["Clock", "SystemClock", "Timer"]


class Timer(Protocol):
    """A call that is due later and can be taken back."""

    def cancel(self) -> None:
        """Take the call back; harmless after it was made."""


class Clock(Protocol):
    """Tells the time and calls back when it has come. ``now`` may be asked from any thread."""

    def now(self) -> datetime:
        """The present time, timezone-aware UTC."""

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call ``callback`` on the running event loop after ``delay`` seconds."""


class SystemClock:
    """The computer's clock and the running event loop's timers."""

    def now(self) -> datetime:
        """The present time, timezone-aware UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        return time.monotonic()

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call ``callback`` on the running event loop after ``delay`` seconds."""
        return asyncio.get_running_loop().call_later(delay, callback)


def resolve(future: "asyncio.Future[None]") -> None:
    """Let whoever waits for ``future`` go on, unless it does already."""
    if not future.done():
        future.set_result(None)


async def sleep(clock: Clock, seconds: float) -> None:
    """Wait until ``seconds`` have passed on ``clock``."""
    woken = asyncio.get_running_loop().create_future()
    timer = clock.call_later(seconds, partial(resolve, woken))
    try:
        await woken
    finally:
        timer.cancel()
