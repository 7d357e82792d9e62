"""The stored form of a schedule and of its ticks, and what is written when a tick comes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from attrs import frozen

from bgtasks.core.record import NOT_YET, TaskRecord
from bgtasks.core.schedules.definition import Overlap
from bgtasks.core.text import clean_message

__all__ = [
    "MAX_TICKS",
    "Fired",
    "Firing",
    "Outcome",
    "ScheduleRecord",
    "TickRecord",
    "fired",
    "refused",
    "taken",
]

MAX_TICKS = 20
"""How many ticks are kept of each schedule, the newest ones."""

Outcome = Literal["submitted", "skipped", "missed", "failed"]
"""What became of a tick."""


class ScheduleRecord(NamedTuple):
    """Everything that is kept of one schedule. ``spec`` is JSON text, ``digest`` the hash of what
    is registered.

    ``next_tick`` is the tick that comes next, and ``due_at`` when its task is submitted, which a
    jitter makes later. ``last_tick`` is the newest one that has come, whatever became of it,
    ``last_task`` the newest task. ``seen_at`` is when a process that registers the schedule was
    last there.
    """

    name: str
    type: str
    spec: str
    digest: str
    paused_at: datetime | None
    next_tick: datetime | None
    due_at: datetime | None
    seen_at: datetime
    last_tick: datetime | None = None
    last_task: UUID | None = None
    skipped: int = 0
    last_error: str | None = None


class TickRecord(NamedTuple):
    """One tick that has come, and what became of it. ``missed`` is how many ticks before it were
    missed."""

    schedule: str
    tick: datetime
    outcome: Outcome
    task: UUID | None = None
    missed: int = 0
    message: str | None = None


@frozen(kw_only=True)
class Firing:
    """What a process wants to write because a tick has come; written only where the schedule still
    has this ``digest`` and waits for the tick ``expected``, is not paused, and is due.

    ``tick`` is the one that counts, with ``missed`` before it. ``task`` is to be submitted for it;
    ``None``: nothing is, for the reason that ``outcome`` and ``message`` give.
    """

    name: str
    digest: str
    overlap: Overlap
    expected: datetime
    tick: datetime
    missed: int
    next_tick: datetime | None
    due_at: datetime | None
    task: TaskRecord | None = None
    outcome: Literal["missed", "failed"] = "missed"
    message: str | None = None


@frozen
class Fired:
    """What becomes of a tick: the ``task`` is to be inserted, or there is none."""

    outcome: Outcome
    task: TaskRecord | None = None
    message: str | None = None

    def tick_of(self, firing: Firing) -> TickRecord:
        """The tick as it is kept."""
        task = None if self.task is None else self.task.id
        return TickRecord(firing.name, firing.tick, self.outcome, task, firing.missed, self.message)


def fired(firing: Firing, unfinished: Sequence[bool]) -> Fired:
    """What becomes of a tick.

    ``unfinished`` has an entry for each task of the schedule that is not final: whether it is held
    until the one before it has ended.
    """
    if firing.task is None:
        return Fired(firing.outcome, None, firing.message)
    if firing.overlap == "allow" or not unfinished:
        return Fired("submitted", firing.task)
    if firing.overlap == "skip" or any(unfinished):
        return Fired("skipped")
    return Fired("submitted", firing.task._replace(due_at=NOT_YET))


def taken(holder: UUID) -> Fired:
    """What becomes of a tick whose task is unique, while another task has its key."""
    return Fired("skipped", None, f"task {holder} has the key of its task")


def refused(message: str) -> Fired:
    """What becomes of a tick whose task the store does not take."""
    return Fired("failed", None, clean_message(message))
