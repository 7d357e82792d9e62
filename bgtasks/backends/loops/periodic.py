"""Duties that come again and again."""

import asyncio
import math
from collections.abc import Awaitable, Callable

from bgtasks.backends.loops.pacing import Backoff, end_within, wait_set
from bgtasks.backends.task_store import TaskStore
from bgtasks.clock import Clock, sleep
from bgtasks.concurrency.lasting import LastingLoop

__all__ = ["Periodic"]


class Periodic:
    """Does ``duty`` every so many seconds, or ``soon``, whatever the duty raises.

    ``refused`` completes "the store …" where it fails. ``gap`` is the least time in seconds
    between two beginnings, however often ``soon`` is called.
    """

    def __init__(
        self,
        store: TaskStore,
        refused: str,
        duty: Callable[[], Awaitable[object]],
        every: float,
        clock: Clock,
        *,
        gap: float = 0.0,
    ) -> None:
        self._store = store
        self._refused = refused
        self._duty = duty
        self._every = every
        self._gap = gap
        self._clock = clock
        self._began_at = -math.inf
        self._wanted = asyncio.Event()
        self._backoff = Backoff(clock)
        self._loop = LastingLoop(f"{store.name} {refused}", self._round, clock)

    @property
    def trouble(self) -> str | None:
        """What keeps the duty from being done, in words."""
        return self._loop.trouble

    def start(self) -> None:
        """Begin. The duty is done after ``every`` seconds for the first time, or ``soon``."""
        self._loop.start()

    def soon(self) -> None:
        """Do the duty now, before its time."""
        self._wanted.set()

    async def stop(self) -> None:
        """Cancel the duty if it is being done, and end."""
        await end_within(self._loop.stop())

    async def once(self) -> None:
        """Do the duty once. If the store refuses, note that and try again soon."""
        try:
            await self._duty()
        except Exception as error:
            if not self._store.is_trouble(error):
                raise
            self._store.failed(self._refused, error)
            await self._backoff.wait()
            self.soon()
        else:
            self._store.works(self._refused)
            self._backoff.reset()

    async def _round(self) -> None:
        await wait_set(self._wanted, self._every, self._clock)
        if (early := self._began_at + self._gap - self._clock.monotonic()) > 0:
            await sleep(self._clock, early)
        self._wanted.clear()
        self._began_at = self._clock.monotonic()
        await self.once()
