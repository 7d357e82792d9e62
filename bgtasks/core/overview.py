"""How things are now, in a few numbers: what a store tells, and how a process says it is."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from bgtasks.core.record import Counts

__all__ = ["LOOKED_AT", "MAX_SHOWN_TASKS", "NO_VITALS", "Overview", "Pause", "Since", "Vitals"]

LOOKED_AT = 1_000
"""How many of the waiting tasks of a type, the first accepted first, are looked at for the one that
waits longest. Where all of them wait for a time, none is named."""

MAX_SHOWN_TASKS = 100
"""How many of the tasks that run in a process it names."""


class Since(NamedTuple):
    """A task, and since when it has been as it is."""

    id: UUID
    type: str
    at: datetime


class Pause(NamedTuple):
    """Since when and why nothing of a type is started."""

    at: datetime
    reason: str | None


class Overview(NamedTuple):
    """What a store tells of all tasks at once.

    ``scheduled`` and ``retrying`` are the tasks that wait for a time, as the views of these names
    have them; ``next_due_at`` is the earliest of these times. ``cancelling`` tasks run and were
    asked to end. ``oldest`` has for each type the task that could have started longest ago,
    ``silent`` the running task that has changed nothing for longest.
    """

    counts: Counts
    scheduled: int
    retrying: int
    next_due_at: datetime | None
    cancelling: int
    oldest: Mapping[str, Since]
    silent: Since | None
    paused: Mapping[str, Pause]


class Vitals(NamedTuple):
    """How a process is. ``loop_lag_ms``: how late its event loop came round at worst in the last
    seconds; ``rss_bytes``: the memory that it holds. ``None``: not known."""

    loop_lag_ms: float | None = None
    rss_bytes: int | None = None


NO_VITALS = Vitals()
