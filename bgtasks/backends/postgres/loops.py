"""What the loops of this backend share: how they pace themselves, and how they end in time."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable

from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.server_errors import SERVER_ERRORS
from bgtasks.clock import SystemClock
from bgtasks.concurrency.lasting import LastingLoop

__all__ = ["Backoff", "Periodic", "Seldom", "end_within", "wait_set"]

logger = logging.getLogger(__name__)

PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Seconds before the first, second ... further try; the last one goes for all that follow."""

END_WITHIN = 3.0
"""Seconds that one part of the backend gets to end its last statement."""


class Backoff:
    """Longer and longer pauses between tries, until one succeeds."""

    def __init__(self) -> None:
        self._failures = 0

    def reset(self) -> None:
        """It has succeeded."""
        self._failures = 0

    async def wait(self) -> None:
        """It has failed: wait before the next try."""
        pause = PAUSES[min(self._failures, len(PAUSES) - 1)]
        self._failures += 1
        await asyncio.sleep(pause)


class Seldom:
    """Says yes at most once in ``seconds``: for log lines that anybody can cause at will."""

    def __init__(self, seconds: float = 30.0) -> None:
        self._seconds = seconds
        self._at = -seconds

    def may(self) -> bool:
        """Whether enough time has passed since the last yes."""
        now = time.monotonic()
        if now - self._at < self._seconds:
            return False
        self._at = now
        return True


class Periodic:
    """Does ``duty`` every so many seconds, or ``soon``; again and again, whatever it raises.

    ``refused`` completes "the server …" where it fails. ``gap`` is the least time in seconds
    between two beginnings, however often ``soon`` is called.
    """

    def __init__(
        self,
        database: Database,
        refused: str,
        duty: Callable[[], Awaitable[object]],
        every: float,
        *,
        gap: float = 0.0,
    ) -> None:
        self._database = database
        self._refused = refused
        self._duty = duty
        self._every = every
        self._gap = gap
        self._began_at = 0.0
        self._wanted = asyncio.Event()
        self._backoff = Backoff()
        self._loop = LastingLoop(f"PostgreSQL {refused}", self._round, SystemClock())

    @property
    def trouble(self) -> str | None:
        """See :attr:`LastingLoop.trouble`."""
        return self._loop.trouble

    def start(self) -> None:
        """Begin; the first time is after ``every`` seconds, or ``soon``."""
        self._loop.start()

    def soon(self) -> None:
        """Do it now, and not only when its time has come."""
        self._wanted.set()

    async def stop(self) -> None:
        """End what is going on, and do it no more."""
        await end_within(self._loop.stop())

    async def once(self) -> None:
        """Do it; where the server refuses, that is noted and tried again soon."""
        try:
            await self._duty()
        except SERVER_ERRORS as error:
            self._database.failed(self._refused, error)
            await self._backoff.wait()
            self.soon()
        else:
            self._database.works(self._refused)
            self._backoff.reset()

    async def _round(self) -> None:
        await wait_set(self._wanted, self._every)
        if (early := self._began_at + self._gap - time.monotonic()) > 0:
            await asyncio.sleep(early)
        self._wanted.clear()
        self._began_at = time.monotonic()
        await self.once()


async def end_within(ending: Awaitable[object], seconds: float = END_WITHIN) -> None:
    """Wait for the end of something, but not longer: a statement that hangs may not hold up a stop,
    and is cut off with its connection."""
    try:
        async with asyncio.timeout(seconds):
            await ending
    except TimeoutError:
        logger.warning("a statement did not end within %g s of the stop: left behind", seconds)


async def wait_set(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event, but not longer; whether it is set. Unlike ``asyncio.wait_for`` of Python
    3.11 this never swallows the cancellation of the one that waits."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
