"""Lengths of time as people write them: seconds, a timedelta, or a text such as ``"7 days"``."""

import math
import re
from datetime import timedelta
from typing import Any

from bgtasks.core.text import shown
from bgtasks.errors import SettingsError

__all__ = ["EXAMPLES", "Duration", "checked_timeout", "to_length", "to_seconds"]

Duration = float | timedelta | str
"""Seconds, a timedelta, or a text such as ``"10 m"``, ``"1.5h"`` or ``"7 days"``."""

EXAMPLES = "a timedelta, or a text such as '7 days' or '12h'"

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_TEXT = re.compile(
    r"\s*(\d+(?:\.\d+)?)\s*(s|sec|seconds?|m|min|minutes?|h|hours?|d|days?)?\s*", re.IGNORECASE
)


def to_seconds(value: Any) -> float | None:
    """A :data:`Duration` in seconds; ``None`` for what is no duration or not finite."""
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, str) and (match := _TEXT.fullmatch(value)):
        seconds = float(match[1]) * _UNITS[(match[2] or "s")[0].lower()]
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = value if abs(value) < 1e300 else math.inf
    else:
        return None
    return float(seconds) if math.isfinite(seconds) else None


def to_length(value: Any, longest: timedelta) -> timedelta | None:
    """A :data:`Duration` from nothing to ``longest``; ``None`` for what is none."""
    seconds = to_seconds(value)
    if seconds is None or not 0 <= seconds <= longest.total_seconds():
        return None
    return timedelta(seconds=seconds)


def checked_timeout(timeout: Any) -> float:
    """A timeout in seconds, which may be infinite. Raises SettingsError for what is no timeout."""
    seconds = math.inf if timeout == math.inf else to_seconds(timeout)
    if seconds is None:
        raise SettingsError(f"timeout is {shown(timeout)}; accepted: seconds, {EXAMPLES}")
    return seconds
