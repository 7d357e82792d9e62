"""How the loops of the backends pace themselves, and how they end in time."""

import asyncio
import contextlib
import logging
import math
from collections.abc import Awaitable, Sequence

from attrs import frozen

from bgtasks.clock import Clock, TimeLimit, sleep

__all__ = [
    "END_WITHIN",
    "PAUSES",
    "AheadPace",
    "Backoff",
    "OutboxPace",
    "Seldom",
    "ServingPace",
    "end_within",
    "wait_set",
]

logger: logging.Logger = logging.getLogger(__name__)

PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Seconds before the first, second ... further try; the last number holds for all later ones."""

END_WITHIN = 3.0
"""Seconds that one part of a backend gets to end its last statement."""


@frozen(kw_only=True)
class OutboxPace:
    """How an outbox waits, in seconds."""

    reports_every: float = 0.0
    """Between two batches that have reports only."""
    pauses: Sequence[float] = (1.0,)
    """After the first, second ... failure in a row; the last number holds for all later ones."""
    set_aside: float = 30.0
    """For an outcome that the store refuses in every form."""
    stop_within: float = 10.0
    """For outcomes that are not written yet when the outbox stops."""
    tries_while_stopping: bool = False
    """Whether what failed after the stop began is tried again."""


@frozen(kw_only=True)
class AheadPace:
    """How far a process claims ahead. Times in seconds."""

    for_the_next: float = 0.01
    """As many tasks wait for a slot as slots become free in this time."""
    most: int = 32
    """No more than this many wait."""
    least: int = 2
    """Where fewer would wait, none does: a claim takes little of the time of such long tasks."""
    measured_over: float = 0.1
    """How long slots that become free are counted."""
    kept_for: float = 0.1
    """After this long a task that still waits for a slot is handed back."""
    pause: float = 10.0
    """For this long nothing is claimed ahead after a task was handed back."""

    def wanted(self, freed_per_second: float) -> int:
        """How many tasks are to wait for a slot where so many slots become free in a second."""
        count = min(int(freed_per_second * self.for_the_next), self.most)
        return count if count >= self.least else 0


@frozen(kw_only=True)
class ServingPace:
    """How claiming waits, in seconds."""

    look_again: Sequence[float] = (0.05, 0.1, 0.2, 0.5)
    """Before another look at what could start but was not given; the last one goes for all that
    follow."""
    pauses: Sequence[float] = PAUSES
    """After the first, second ... failure in a row; the last number holds for all later ones."""
    ahead: AheadPace = AheadPace()
    """How far claims go beyond the free slots, where the store allows it."""


class Backoff:
    """Longer and longer pauses between tries, until one succeeds."""

    def __init__(self, clock: Clock, pauses: Sequence[float] = PAUSES) -> None:
        self._clock = clock
        self._pauses = pauses
        self._failures = 0

    @property
    def has_failed(self) -> bool:
        """Whether there was a failure since the last success."""
        return self._failures > 0

    def reset(self) -> None:
        """A try has succeeded."""
        self._failures = 0

    def next(self) -> float:
        """A try has failed. Returns the seconds to wait before the next one."""
        pause = self._pauses[min(self._failures, len(self._pauses) - 1)]
        self._failures += 1
        return pause

    async def wait(self) -> None:
        """A try has failed: wait before the next one."""
        await sleep(self._clock, self.next())


class Seldom:
    """Allows something at most once in ``seconds``: log lines that anybody can cause at will."""

    def __init__(self, clock: Clock, seconds: float = 30.0) -> None:
        self._clock = clock
        self._seconds = seconds
        self._at = -math.inf

    def may(self) -> bool:
        """Whether enough time has passed since this last returned ``True``."""
        now = self._clock.monotonic()
        if now - self._at < self._seconds:
            return False
        self._at = now
        return True


async def end_within(ending: Awaitable[object], seconds: float = END_WITHIN) -> None:
    """Wait for the end of something, ``seconds`` at most. A statement that hangs does not hold up a
    stop: it is cut off with its connection."""
    try:
        async with asyncio.timeout(seconds):
            await ending
    except TimeoutError:
        logger.warning("a statement did not end within %g s of the stop: left behind", seconds)


async def wait_set(event: asyncio.Event, seconds: float, clock: Clock) -> bool:
    """Wait for an event, ``seconds`` at most; returns whether it is set. Unlike
    ``asyncio.wait_for`` of Python 3.11 this never swallows a cancellation of the waiting task."""
    with contextlib.suppress(TimeoutError):
        async with TimeLimit(clock, seconds):
            await event.wait()
    return event.is_set()
