"""Whether the silence of other processes means anything."""

from bgtasks.clock import Clock

__all__ = ["OwnVoice"]


class OwnVoice:
    """Notes when this process could say that it lives.

    Whatever keeps one process from saying so (a stall, a lock, a full disk, a server that is away)
    keeps the others as well. So ``may_condemn`` is true only where this process has spoken without
    a gap for ``timeout`` seconds: until then the others may not have had the time to.
    """

    def __init__(self, clock: Clock, timeout: float) -> None:
        self._clock = clock
        self._timeout = timeout
        self._longest_gap = timeout / 2
        self._is_silenced = True
        self._spoke_at = self._speaks_since = 0.0

    def may_condemn(self) -> bool:
        """Whether the silence of another process means that it is dead."""
        if self._is_silenced:
            return False
        now = self._clock.monotonic()
        is_current = now - self._spoke_at <= self._longest_gap
        return is_current and now - self._speaks_since >= self._timeout

    def failed(self) -> None:
        """Note that this process could not speak."""
        self._is_silenced = True

    def spoke(self, gap: float, *, anew: bool) -> None:
        """Note that this process has spoken, ``gap`` seconds after the time before by the clock
        that dates what all processes say, which may have been set forward. ``anew``: nothing that
        was said before counts."""
        now = self._clock.monotonic()
        gap = max(gap, now - self._spoke_at)
        if self._is_silenced or anew or gap > self._longest_gap:
            self._speaks_since = now
        self._is_silenced = False
        self._spoke_at = now
