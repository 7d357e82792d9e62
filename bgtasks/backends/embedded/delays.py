"""Waking delayed tasks when their time has come."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from bgtasks.backends.embedded.store import Store
from bgtasks.backends.embedded.writer import Writer
from bgtasks.clock import Clock, Timer

__all__ = ["Delays"]

logger = logging.getLogger(__name__)

LONGEST_TIMER = 60.0
"""Seconds after which a timer looks again: the computer's clock may have been set, and timers
stand still while the computer is suspended."""


class Delays:
    """One timer for the delayed task that is due next. ``later`` calls back after a while."""

    def __init__(
        self, writer: Writer, clock: Clock, later: Callable[[Callable[[], None]], None]
    ) -> None:
        self._writer = writer
        self._clock = clock
        self._later = later
        self._timer: Timer | None = None
        self._next_due: datetime | None = None
        self._releasing = False

    def wake_at(self, next_due: datetime | None) -> None:
        """The next delayed task is due then; ``None``: there is none."""
        self._next_due = next_due
        self.close()
        if next_due is None:
            return
        wait = (next_due - self._clock.now()).total_seconds()
        if wait > 0:
            self._timer = self._clock.call_later(min(wait, LONGEST_TIMER), self._release)
        elif not self._releasing:
            self._release()

    def close(self) -> None:
        """Wake nothing more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _release(self) -> None:
        self._timer = None
        self._releasing = True
        self._writer.tell(Store.release_due, self._released)

    def _released(self, _: Any, error: Exception | None) -> None:
        if error is not None:
            logger.error("delayed tasks cannot be started now: %s", error)
            self._later(self._release)
            return
        self._releasing = False
        self.wake_at(self._next_due)
