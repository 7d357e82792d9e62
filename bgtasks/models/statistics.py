"""What an operator asks of all tasks at once."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal
from uuid import UUID

from attrs import frozen

__all__ = [
    "Attention",
    "AttentionKind",
    "History",
    "HistoryPoint",
    "OldestWaiting",
    "Percentiles",
    "ProcessCounts",
    "Stats",
]

AttentionKind = Literal["failing", "waiting", "silent", "lost", "unrun", "blocked", "paused"]
"""What somebody should look at: a type fails more than it usually does, a task waits for long, one
that runs shows nothing for long, a process was lost, nobody runs a type, an event loop is blocked,
a type is paused."""


@frozen(kw_only=True)
class Attention:
    """Something that somebody should look at. ``text`` says it in a sentence, ``since`` since when
    it is so; ``filter`` names the tasks that it is about, as the parameters of
    ``GET api/tasks``."""

    kind: AttentionKind
    text: str
    type: str | None = None
    since: datetime | None = None
    filter: Mapping[str, str] | None = None


@frozen
class OldestWaiting:
    """The task that could have started longest ago, and since when."""

    id: UUID
    type: str
    since: datetime


@frozen
class ProcessCounts:
    """How many processes have their manager running, and how many ended without a word within the
    last day."""

    alive: int
    lost: int


@frozen(kw_only=True)
class Stats:
    """How things are at ``as_of``, by the clock that dates tasks. Times are timezone-aware UTC.

    ``waiting``, ``scheduled`` and ``retrying`` tasks are ``Pending``: for a place, for a time that
    was named, for their next attempt. ``cancelling`` ones are among the ``running`` and were asked
    to end. ``completed``, ``failed`` and ``cancelled`` are those that are kept in these states; how
    many ended when, says ``get_history``. ``next_scheduled_at`` is the next time at which a
    scheduled or retrying task is due. ``places`` is how many attempts all processes that live may
    run at once.
    """

    as_of: datetime
    waiting: int
    scheduled: int
    retrying: int
    running: int
    cancelling: int
    completed: int
    failed: int
    cancelled: int
    oldest_waiting: OldestWaiting | None
    next_scheduled_at: datetime | None
    places: int
    processes: ProcessCounts
    attention: tuple[Attention, ...]


@frozen
class Percentiles:
    """Times in milliseconds, each at most 9.1 % off: half of all were at most ``p50``, and so
    on."""

    p50: float
    p95: float
    p99: float


@frozen(kw_only=True)
class HistoryPoint:
    """What happened in one step from ``at`` on; ``None`` where it is not known.

    ``submitted`` tasks were accepted, ``started`` attempts began; ``completed``, ``failed`` and
    ``cancelled`` tasks came to that end. ``retried`` is how often a task had to wait for another
    attempt, because one had failed or somebody had it run again. All of that is counted when it
    happens, and never taken back.
    ``waiting`` (for whatever it is) and ``running`` tasks there were at the end of the step.
    ``wait_ms`` is how long attempts that began had waited since they could have started,
    ``run_ms`` how long those ran that ended and were not interrupted; ``None`` where there were
    none.
    """

    at: datetime
    submitted: int | None = None
    started: int | None = None
    completed: int | None = None
    failed: int | None = None
    cancelled: int | None = None
    retried: int | None = None
    waiting: int | None = None
    running: int | None = None
    wait_ms: Percentiles | None = None
    run_ms: Percentiles | None = None


@frozen
class History:
    """What happened, by points of ``step`` seconds, the oldest first: at most 200. What was before
    ``known_since`` is not known, nor what is still to come."""

    step: int
    known_since: datetime
    points: tuple[HistoryPoint, ...]
