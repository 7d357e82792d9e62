"""The server's clock, as this process knows it."""

from collections.abc import Callable
from datetime import datetime, timedelta

from bgtasks.clock import Clock, Timer

__all__ = ["ServerClock"]


class ServerClock:
    """Dates by the server's clock: hosts' clocks may differ from it and from each other by days.

    The server's time is taken with each heartbeat, and goes on with this process's monotonic clock
    until the next one. Before the first the host's clock has to do.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard: tuple[datetime, float] | None = None

    def heard(self, server_time: datetime, asked_at: float) -> None:
        """Take the time that the server told, which was asked at ``asked_at`` by ``monotonic``."""
        self._heard = server_time, (asked_at + self.monotonic()) / 2

    def now(self) -> datetime:
        """The present time by the server's clock, timezone-aware UTC."""
        if self._heard is None:
            return self._clock.now()
        server_time, at = self._heard
        return server_time + timedelta(seconds=self.monotonic() - at)

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        return self._clock.monotonic()

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call ``callback`` on the running event loop after ``delay`` seconds."""
        return self._clock.call_later(delay, callback)
