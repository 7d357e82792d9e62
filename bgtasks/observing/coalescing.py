"""A burst of updates becomes few: the first at once, the last always, one an interval between."""

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
    quiet time, else when the interval is over. Only for use on the event loop's thread. What it
    remembers of a key is dropped once the key was quiet for an interval.
    """

    def __init__(self, clock: Clock, interval: float, emit: Callable[[K], None]) -> None:
        self._clock = clock
        self._interval = interval
        self._emit = emit
        self._last: OrderedDict[K, float] = OrderedDict()
        self._timers: dict[K, Timer] = {}

    def mark(self, key: K) -> None:
        """There is something new for ``key``."""
        if key in self._timers:
            return
        last = self._last.get(key)
        wait = 0.0 if last is None else last + self._interval - self._clock.monotonic()
        if wait <= 0:
            self.flush(key)
        else:
            self._timers[key] = self._clock.call_later(wait, partial(self.flush, key))

    def flush(self, key: K) -> None:
        """Let the newest state of ``key`` through now, in place of any that was due later."""
        self._stop_timer(key)
        self.note(key, self._clock.monotonic())
        self._emit(key)

    def note(self, key: K, at: float) -> None:
        """Something of ``key`` was let through by other means at ``at`` (monotonic seconds)."""
        self._last[key] = at
        self._last.move_to_end(key)
        self._forget_quiet(self._clock.monotonic() - self._interval)

    def drop(self, key: K) -> None:
        """Forget ``key`` and what was due for it."""
        self._stop_timer(key)
        self._last.pop(key, None)

    def close(self) -> None:
        """Forget everything; nothing more is let through."""
        for key in list(self._timers):
            self.drop(key)

    def __contains__(self, key: object) -> bool:
        """Whether something of ``key`` was let through lately, or is due."""
        return key in self._last or key in self._timers

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._last.keys() | self._timers.keys())

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
