"""The clock that is injected wherever bgtasks waits or reads the time."""

import asyncio
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Any, Protocol

from attrs import frozen

__all__ = [
    "Clock",
    "DatedClock",
    "SystemClock",
    "TimeLimit",
    "Timer",
    "Timing",
    "resolve",
    "sleep",
    "wait_done",
]


class Timer(Protocol):
    """A call that is due later and can be cancelled."""

    def cancel(self) -> None:
        """Cancel the call; harmless after the call was made."""


class Clock(Protocol):
    """Tells the time and makes calls later. ``now`` may be called from any thread."""

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

    # The function itself: it is called several times for each task.
    monotonic: "staticmethod[[], float]" = staticmethod(time.monotonic)
    """Seconds on a clock that never goes back."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call ``callback`` on the running event loop after ``delay`` seconds."""
        return asyncio.get_running_loop().call_later(delay, callback)


class DatedClock:
    """``clock`` with another ``now``: a store may go by the time of another host."""

    def __init__(self, clock: Clock, now: Callable[[], datetime]) -> None:
        self._clock = clock
        self.now = now
        """The present time, timezone-aware UTC."""
        self.monotonic: Callable[[], float] = clock.monotonic
        """Seconds on a clock that never goes back."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call ``callback`` on the running event loop after ``delay`` seconds."""
        return self._clock.call_later(delay, callback)


@frozen(kw_only=True)
class Timing:
    """Waits of a process that runs tasks, in seconds, for which there is no setting."""

    close_within: float = 30.0
    """The longest that closing the dependencies of an ended worker may take."""

    give_up_after: float = 5.0
    """After this long dependencies that were cancelled but have not ended are abandoned."""

    built_within: float = 30.0
    """The longest that dependency-injector may assemble an object whose resources are open."""

    abandon_after: float = 5.0
    """After this long a stop proceeds without a worker that was told to end."""

    serving_grace: float = 10.0
    """The longest a backend may take to end serving once no attempt runs."""

    handler_grace: float = 5.0
    """The longest a stop waits for busy handlers of ``task_updated``."""

    told_within: float = 120.0
    """The longest that hooks may take to be told of ends; then another process tells them."""

    prune_every: float = 60.0
    """The time between two searches for tasks past their retention."""

    blocked_after: float = 1.0
    """After this long without a round, an event loop counts as blocked."""

    long_block: float = 5.0
    """After this long a block of the event loop makes the manager unhealthy."""

    watch_grace: float = 5.0
    """The longest a stop waits for the loop watch's thread, which a log handler may delay."""

    resource_grace: float = 10.0
    """The longest that one resource of the application may take to close."""


def resolve(future: "asyncio.Future[None]") -> None:
    """Resolve ``future`` with ``None``, unless it is done already."""
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


async def wait_done(
    futures: Iterable["asyncio.Future[Any]"],
    clock: Clock,
    seconds: float,
    *,
    unless: asyncio.Event | None = None,
) -> bool:
    """Wait until all of ``futures`` are done, ``seconds`` have passed on ``clock``, or ``unless``
    is set. Returns whether all are done. None of them is cancelled."""
    waited_for = [future for future in futures if not future.done()]
    if not waited_for:
        return True
    ends: list[asyncio.Future[Any]] = [
        asyncio.ensure_future(sleep(clock, seconds)),
        asyncio.ensure_future(asyncio.wait(waited_for)),
    ]
    if unless is not None:
        ends.append(asyncio.ensure_future(unless.wait()))
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for end in ends:
            end.cancel()
        await asyncio.gather(*ends, return_exceptions=True)
    return all(future.done() for future in waited_for)


class TimeLimit:
    """``async with TimeLimit(clock, seconds):`` raises TimeoutError in the block once that many
    seconds have passed on ``clock``. ``asyncio.timeout`` would go by the event loop's time."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._timeout = asyncio.timeout(None)
        self._timer: Timer | None = None

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()
        self._timer = self._clock.call_later(self._seconds, self._expire)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self._timeout.__aexit__(kind, error, trace)

    def _expire(self) -> None:
        if not self._timeout.expired():
            self._timeout.reschedule(asyncio.get_running_loop().time())
