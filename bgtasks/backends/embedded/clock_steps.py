"""Whether the computer's clock was set back."""

from datetime import timedelta

from bgtasks.clock import Clock

__all__ = ["ClockSteps"]

SMALLEST = 1.0
"""Seconds; less than that is how a clock that is kept right moves anyway."""


class ClockSteps:
    """Notices that the clock that dates went by less than the one that never goes back.

    It goes by more, too, where the computer was suspended: that is no step to be undone.
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
        """What was made of the steps that were told is kept."""
        self._kept = self._seen

    def rollback(self) -> None:
        """What was made of them is not: tell them again."""
        self._seen = self._kept

    def _difference(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()
