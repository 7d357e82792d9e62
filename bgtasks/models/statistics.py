"""What an operator asks of all tasks at once."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal
from uuid import UUID

from attrs import frozen

__all__ = ["Attention", "AttentionKind", "OldestWaiting", "ProcessCounts", "Stats"]

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
