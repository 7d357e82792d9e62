"""How a type of tasks is: paused or not, and what waits and runs of it."""

from datetime import datetime
from typing import Any, NamedTuple

from attrs import frozen

from bgtasks.core.limits import Rate
from bgtasks.core.text import MAX_MESSAGE, clean, shown
from bgtasks.errors import SettingsError

__all__ = ["TypeInfo", "TypeRecord", "checked_reason"]

MAX_REASON = min(MAX_MESSAGE, 1_000)


class TypeRecord(NamedTuple):
    """What the store knows of one type."""

    name: str
    paused_at: datetime | None = None
    pause_reason: str | None = None
    waiting: int = 0
    running: int = 0


@frozen
class TypeInfo:
    """A type of tasks as it is now.

    ``paused_at`` and ``pause_reason`` say since when (timezone-aware UTC) and why nothing of it
    is started, ``None`` where it is not paused. ``waiting`` and ``running`` count its tasks that
    are ``Pending`` and ``Running``. ``max_concurrency`` and ``rate`` are the options it is
    registered with in this process; ``None`` for one that is not.
    """

    name: str
    paused_at: datetime | None
    pause_reason: str | None
    waiting: int
    running: int
    max_concurrency: int | None
    rate: Rate | None


def checked_reason(reason: Any) -> str | None:
    """Why a type is paused, as it is stored. Raises SettingsError for what is no text."""
    if reason is None:
        return None
    if not isinstance(reason, str) or len(reason) > MAX_REASON:
        raise SettingsError(
            f"reason is {shown(reason)}; accepted: a text of at most {MAX_REASON:,} characters, "
            "or None"
        )
    return clean(reason, MAX_REASON) or None
