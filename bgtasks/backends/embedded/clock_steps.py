"""Whether the computer's clock was set back."""

from datetime import timedelta

from bgtasks.clock import Clock

__all__ = ["ClockSteps"]

SMALLEST = 1.0
"""Seconds. Smaller steps are how a clock that is kept right moves anyway."""


class ClockSteps:
    """Notices that the computer's clock went by less than the monotonic one.

    The computer's clock goes by more while the computer is suspended: that is no step to undo.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept = self._seen = self._difference()

    def back(self) -> timedelta | None:
        """How far the clock was set back since this was asked last, if it was."""
        difference = self._difference()
        step = self._seen - difference
        if abs(step) < SMALLEST:
            return None
        self._seen = difference
        return timedelta(seconds=step) if step > 0 else None

    def commit(self) -> None:
        """Keep what was made of the steps that ``back`` returned."""
        self._kept = self._seen

    def rollback(self) -> None:
        """Have ``back`` return these steps again: what was made of them was undone."""
        self._seen = self._kept

    def _difference(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()
