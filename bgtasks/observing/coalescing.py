"""Thins a burst of updates: the first at once, one each interval after that, the last always."""

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import partial
from typing import Generic, TypeVar

from bgtasks.clock import Clock, Timer

__all__ = ["Coalescer"]

K = TypeVar("K", bound=Hashable)


class Coalescer(Generic[K]):
    """Decides when the newest state of each key is let through; the caller keeps that state.

    ``emit(key)`` is called at most once every ``interval`` seconds for a key: at once after a
    quiet time, else when the interval is over. Only for use on the event loop's thread. A key is
    forgotten once it was quiet for an interval.
    """

    def __init__(self, clock: Clock, interval: float, emit: Callable[[K], None]) -> None:
        self._clock = clock
        self._interval = interval
        self._emit = emit
        self._last: OrderedDict[K, float] = OrderedDict()
        self._timers: dict[K, Timer] = {}

    def mark(self, key: K, since: float = -math.inf) -> None:
        """``key`` has a newer state. The interval counts from ``since`` (monotonic seconds) if a
        state was published by other means then."""
        if key in self._timers:
            return
        wait = self._last.get(key, since) + self._interval - self._clock.monotonic()
        if wait <= 0:
            self._let_through(key)
        else:
            self._timers[key] = self._clock.call_later(wait, partial(self._let_through, key))

    def drop(self, key: K) -> None:
        """Forget ``key`` and what was due for it."""
        self._stop_timer(key)
        self._last.pop(key, None)

    def close(self) -> None:
        """Forget everything; nothing more is let through."""
        for key in list(self._timers):
            self.drop(key)

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._last.keys() | self._timers.keys())

    def _let_through(self, key: K) -> None:
        self._timers.pop(key, None)
        now = self._clock.monotonic()
        self._last[key] = now
        self._last.move_to_end(key)
        self._forget_quiet(now - self._interval)
        self._emit(key)

    def _stop_timer(self, key: K) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()

    def _forget_quiet(self, before: float) -> None:
        while self._last:
            key, at = next(iter(self._last.items()))
            if at > before or key in self._timers:
                return
            del self._last[key]
