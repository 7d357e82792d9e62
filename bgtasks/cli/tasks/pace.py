"""How fast a task goes on, and how long that will take."""

from collections import deque

from bgtasks.cli.tasks.client import Info
from bgtasks.models import BackgroundTaskStatus

__all__ = ["Pace", "duration"]

WINDOW = 60.0
"""Seconds that are looked back on: what a task did an hour ago says little."""

KEPT = 600
"""The most updates that are looked back on."""

_UNITS = ((86_400, "d"), (3600, "h"), (60, "m"))


class Pace:
    """Knows the progress of one attempt of a task over the last minute."""

    def __init__(self) -> None:
        self._attempt = 0
        self._seen: deque[tuple[float, float]] = deque(maxlen=KEPT)

    def of(self, info: Info, now: float) -> str:
        """``1.5 %/s, 40s left`` at the time ``now`` (in seconds, from any moment on); empty while
        it cannot be told."""
        if info.status is not BackgroundTaskStatus.RUNNING or info.attempt != self._attempt:
            self._seen.clear()
            self._attempt = info.attempt
        if info.status is not BackgroundTaskStatus.RUNNING:
            return ""
        self._seen.append((now, info.progress))
        while now - self._seen[0][0] > WINDOW and len(self._seen) > 2:
            self._seen.popleft()
        since, before = self._seen[0]
        if now <= since or info.progress <= before:
            return ""
        rate = (info.progress - before) / (now - since)
        return f"{_rate(rate)}, {duration((100 - info.progress) / rate)} left"


def _rate(per_second: float) -> str:
    if per_second >= 0.1:
        return f"{per_second:.1f} %/s"
    if per_second * 60 >= 0.1:
        return f"{per_second * 60:.1f} %/m"
    return f"{per_second * 3600:.2g} %/h"


def duration(seconds: float) -> str:
    """``40s``, ``3m20s``, ``2h05m``, ``4d03h``."""
    whole = max(0, round(seconds))
    for place, (size, unit) in enumerate(_UNITS):
        if whole >= size:
            small, smaller = ((3600, "h"), (60, "m"), (1, "s"))[place]
            return f"{whole // size}{unit}{whole % size // small:02}{smaller}"
    return f"{whole}s"
