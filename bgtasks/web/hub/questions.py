"""How many questions the policy is asked at once, without one that takes long in the way."""

import asyncio
from types import TracebackType

from bgtasks.clock import Clock, Timer

__all__ = ["Questions"]

AT_ONCE = 100
"""Questions at the same time, so that a policy is not asked 10,000 at once for a new task."""

HELD_FOR = 0.1
"""Seconds after which a question that still waits for its answer no longer counts as one of them:
a policy that hangs for some clients must not hold up the others."""


class Questions:
    """A limit for what is asked at the same time: ``async with questions.one():`` waits for a
    turn."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._free = asyncio.Semaphore(AT_ONCE)

    def one(self) -> "_Question":
        """One question, to be entered."""
        return _Question(self._free, self._clock)


class _Question:
    def __init__(self, free: asyncio.Semaphore, clock: Clock) -> None:
        self._free = free
        self._clock = clock
        self._timer: Timer | None = None

    async def __aenter__(self) -> None:
        await self._free.acquire()
        self._timer = self._clock.call_later(HELD_FOR, self._let_go)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._let_go()

    def _let_go(self) -> None:
        if self._timer is not None:
            self._timer = None
            self._free.release()
