"""A clock that stands still until a test advances it."""

import heapq
import itertools
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

__all__ = ["FakeClock"]


class _FakeTimer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class FakeClock:
    """A :class:`~bgtasks.Clock` for tests: give it to a container with
    ``container.background_tasks.clock.override(providers.Object(FakeClock()))``.

    The clock starts at ``start`` (default 2026-01-01 00:00 UTC). ``advance`` moves it; ``set``
    changes only the time of day, as setting a computer's clock does.
    """

    def __init__(self, start: datetime | None = None) -> None:
        self._start = start or datetime(2026, 1, 1, tzinfo=UTC)
        self._set_by = timedelta()
        self._seconds = 0.0
        self._lock = threading.Lock()
        self._order = itertools.count()
        self._timers: list[tuple[float, int, _FakeTimer]] = []
        self._clean_at = 64

    def now(self) -> datetime:
        """The time that this clock shows."""
        return self._start + timedelta(seconds=self._seconds) + self._set_by

    def monotonic(self) -> float:
        """Seconds since this clock was made."""
        return self._seconds

    def call_later(self, delay: float, callback: Callable[[], None]) -> _FakeTimer:
        """Have ``advance`` call ``callback`` once ``delay`` seconds have passed."""
        timer = _FakeTimer(callback)
        with self._lock:
            due = self._seconds + max(delay, 0.0)
            if len(self._timers) >= self._clean_at:
                self._clean()
            heapq.heappush(self._timers, (due, next(self._order), timer))
        return timer

    def _clean(self) -> None:
        """Drop cancelled timers: the clock may never reach their times."""
        self._timers = [entry for entry in self._timers if entry[2].callback is not None]
        heapq.heapify(self._timers)
        self._clean_at = 2 * len(self._timers) + 64

    def advance(self, seconds: float) -> None:
        """Advance by ``seconds`` and make the calls that become due, in the order of their times.

        To be called on the event loop's thread; what the calls start runs at the next ``await``.
        """
        end = self._seconds + seconds
        while True:
            with self._lock:
                if not self._timers or self._timers[0][0] > end:
                    break
                due, _, timer = heapq.heappop(self._timers)
            self._seconds = max(self._seconds, due)
            callback, timer.callback = timer.callback, None
            if callback is not None:
                callback()
        self._seconds = end

    def set(self, time: datetime) -> None:
        """Make ``now`` return ``time``; ``monotonic`` and the pending calls stay as they are."""
        self._set_by += time - self.now()

    @property
    def pending(self) -> int:
        """How many calls are pending."""
        return sum(timer.callback is not None for _, _, timer in self._timers)
