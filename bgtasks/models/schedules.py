"""What is known of schedules."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from attrs import frozen

__all__ = [
    "ScheduleInfo",
    "TickInfo",
]


@frozen(kw_only=True)
class TickInfo:
    """One tick of a schedule that has come. ``outcome`` is ``"submitted"`` (``task`` is the id of
    its task), ``"skipped"`` (the task before it had not ended), ``"missed"`` (nobody was there, and
    it was too late) or ``"failed"`` (``message`` says why). ``missed`` ticks before it were missed.
    """

    tick: datetime
    outcome: Literal["submitted", "skipped", "missed", "failed"]
    task: UUID | None = None
    missed: int = 0
    message: str | None = None


@frozen(kw_only=True)
class ScheduleInfo:
    """A schedule as it is stored. Times are timezone-aware UTC.

    ``type`` is the type of its tasks. ``spec`` is the cron expression, or the time between two
    ticks; ``in_words`` explains it. ``next_tick`` is ``None`` while it is paused, and ``upcoming``
    has the next five. ``last_tick`` is the newest one that has come, whatever became of it;
    ``last_task`` the newest task; ``skipped`` counts ticks that came while a task before them had
    not ended; ``last_error`` says why the last tick that failed did. ``ticks`` has the last twenty
    that have come, the newest first. ``registered`` says whether a process that is there now has
    the schedule; one that nobody has is dropped after seven days.
    """

    name: str
    type: str
    spec: str
    timezone: str
    paused: bool
    next_tick: datetime | None
    last_tick: datetime | None
    last_task: UUID | None
    skipped: int
    last_error: str | None
    in_words: str
    paused_at: datetime | None = None
    upcoming: tuple[datetime, ...] = ()
    ticks: tuple[TickInfo, ...] = ()
    registered: bool = True
