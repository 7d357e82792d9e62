"""The stored form of a task, and the queries that backends answer."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from attrs import frozen

from bgtasks.core.attempts import AttemptRow, attempt_of, process_of
from bgtasks.models import (
    Attempt,
    BackgroundTaskInfo,
    BackgroundTaskStatus,
    LightTaskInfo,
    TaskSchedule,
    WaitingFor,
)

__all__ = [
    "AFTER_ID",
    "LEFT_OUT",
    "MAX_PAGE",
    "MAX_SEARCHED",
    "NOT_YET",
    "ONCE_ENDED",
    "SMALL_PAYLOAD",
    "Accepted",
    "Counts",
    "KeptTask",
    "OwnerCounts",
    "Place",
    "Row",
    "Search",
    "Sort",
    "Span",
    "TaskPage",
    "TaskQuery",
    "TaskRecord",
    "Turn",
    "View",
    "attempts_of",
    "changing",
    "info_of",
    "listed",
    "turn_of",
    "waiting_for",
]

MAX_PAGE = 1000
"""The most tasks one page of a listing may have."""

SMALL_PAYLOAD = 4_096
"""The longest payload, and the longest result, in characters of JSON, that lists of tasks carry
without being asked."""

MAX_SEARCHED = 16_384
"""The longest data of a task, in characters of JSON, that a search looks into: ten thousand tasks
are looked at in one go."""

AFTER_ID = len('{"id":"00000000-0000-0000-0000-000000000000"') + 1
"""From which character on the data of a task has its arguments: the id comes first."""

LEFT_OUT = ""
"""Stands for ``payload``, ``result`` or ``data`` that was not read: no JSON text is empty."""


NOT_YET = datetime(9000, 1, 1, tzinfo=UTC)
"""``due_at`` of a task that waits behind another one: nothing but the end of that lets it start."""


ONCE_ENDED = datetime(1970, 1, 1, tzinfo=UTC)
"""``tell_at`` of a task whose end hooks are to be told, as soon as it has ended."""


class TaskRecord(NamedTuple):
    """Everything that is kept of one task. ``data``, ``payload`` and ``result`` are JSON text, or
    ``LEFT_OUT`` in a record that was read for a list.

    ``sequence`` is the place in the order of acceptance, set by the backend (0 before).
    ``failures`` and ``interruptions`` count since the task was submitted or retried by hand.
    ``due_at`` is when a waiting task may start; ``None`` once that time has come. ``delayed`` says
    that ``due_at`` came from a delay or a retry's wait, and not from a time that somebody named.
    ``changed_at`` is when the newest revision was made. ``key``, ``held_key``, ``key_until`` and
    ``key_rule`` are those of a unique task (see :mod:`bgtasks.core.keys`). ``headers`` is JSON text
    that hooks gave to the task for its attempts; like ``data``, it goes only to them.
    ``version`` is that of the type whose ``data`` this is.
    ``turn_key`` is what the task takes turns by (``PerKey``); ``held`` says that it waits for its
    turn: then it may not start, whatever is free.
    ``schedule`` is the name of the one that submitted the task, for its ``tick``, after ``missed``
    ticks that nobody was there for.
    ``tell_at`` is from when on hooks may be told of the task's end: ``None``, no hook asks for
    that; ``ONCE_ENDED``, at once; a later time while a process tells them; ``NOT_YET``, they were.
    ``process`` names the one that the newest attempt was begun in. ``error_group`` is the key of
    the task's newest failure (see :mod:`bgtasks.core.error_groups`), which was at ``failed_at``;
    both stay when a later attempt completes.

    A named tuple, not an attrs class: each step of each task makes a new one, and copying the
    fields of a frozen attrs class costs several times as much.
    """

    id: UUID
    type: str
    name: str
    data: str
    created_at: datetime
    changed_at: datetime
    owner: str | None = None
    priority: int = 0
    status: BackgroundTaskStatus = BackgroundTaskStatus.PENDING
    progress: float = 0.0
    payload: str | None = None
    status_message: str | None = None
    error_message: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    scheduled_at: datetime | None = None
    due_at: datetime | None = None
    revision: int = 1
    attempt: int = 0
    failures: int = 0
    interruptions: int = 0
    cancel_requested: bool = False
    delayed: bool = False
    key: str | None = None
    held_key: str | None = None
    key_until: datetime | None = None
    key_rule: str | None = None
    headers: str | None = None
    turn_key: str | None = None
    held: bool = False
    schedule: str | None = None
    tick: datetime | None = None
    missed: int = 0
    result: str | None = None
    version: int = 1
    tell_at: datetime | None = None
    process: str | None = None
    error_group: str | None = None
    failed_at: datetime | None = None
    sequence: int = 0


def changing(*names: str, **always: Any) -> Callable[..., TaskRecord]:
    """A function of a record and new values of the fields ``names``, in this order. It returns the
    record with them, and with the values that ``always`` gives to other fields.

    For steps that every task takes: several times as fast as ``_replace``, since the function is
    compiled once and takes nothing by name.
    """
    place = {name: at for at, name in enumerate(TaskRecord._fields)}
    new = {name: name for name in names} | {name: f"always_{name}" for name in always}
    if unknown := new.keys() - place.keys():
        raise TypeError(f"a record has no fields {', '.join(sorted(unknown))}")
    lines = "\n    ".join(f"values[{place[name]}] = {value}" for name, value in new.items())
    source = f"""
def change(old, {", ".join(names)}):
    values = [*old]
    {lines}
    return make(kind, values)
"""
    scope: dict[str, Any] = {f"always_{name}": value for name, value in always.items()}
    scope |= {"make": tuple.__new__, "kind": TaskRecord}
    exec(source, scope)  # noqa: S102 - made of field names alone, as a named tuple itself is
    made: Callable[..., TaskRecord] = scope["change"]
    return made


Turn = tuple[str, str]
"""A type and a key: what its tasks take turns by."""


def turn_of(record: TaskRecord) -> Turn | None:
    """Of which key a task has one of the turns: it runs, or may start at once."""
    if record.turn_key is None or record.held or record.status.is_final:
        return None
    return None if record.due_at is not None else (record.type, record.turn_key)


def waiting_for(record: TaskRecord, now: datetime | None = None) -> WaitingFor | None:
    """Why a task does not run that is not final: it waits for a time that is later than ``now``
    (``None``: than any), or for its turn. It may just as well wait for a slot: ``None``."""
    due = record.due_at
    if record.held or due == NOT_YET:
        return "turn"
    return None if due is None or (now is not None and due <= now) else "time"


def listed(record: TaskRecord) -> TaskRecord:
    """The record as lists show it: without ``data``, and without a large payload or result."""
    return record._replace(
        data=LEFT_OUT,
        headers=None,
        payload=_small(record.payload),
        result=_small(record.result),
    )


def _small(text: str | None) -> str | None:
    return text if text is None or len(text) <= SMALL_PAYLOAD else LEFT_OUT


def is_whole(record: TaskRecord) -> bool:
    """Whether neither the payload nor the result was left out."""
    return LEFT_OUT not in (record.payload, record.result)


def info_of(
    record: TaskRecord, payload: Any, result: Any = None, now: datetime | None = None
) -> BackgroundTaskInfo[Any]:
    """The public snapshot of a task with this ``payload`` and ``result``, whatever ``record`` has,
    as it is ``now`` (``None``: as it was written). A record of which one was left out gives a
    snapshot that says so."""
    kind = BackgroundTaskInfo if is_whole(record) else LightTaskInfo
    # By position: a snapshot is made for each update, and names would cost more.
    return kind(
        record.id,
        record.type,
        record.name,
        payload,
        record.status,
        record.progress,
        record.status_message,
        record.error_message,
        record.created_at,
        record.started_at,
        record.completed_at,
        record.revision,
        record.attempt,
        record.cancel_requested,
        record.scheduled_at,
        record.owner,
        waiting_for(record, now),
        None if record.schedule is None else TaskSchedule(record.schedule, record.tick),
        result,
    )


def attempts_of(record: TaskRecord, rows: Iterable[AttemptRow]) -> list[Attempt]:
    """The attempts of a task, from the oldest that is kept: those that have ``rows``, and the one
    that runs or has completed, of which ``record`` has it all."""
    attempts = [attempt_of(row) for row in rows]
    last = attempts[-1].attempt if attempts else 0
    status = record.status
    if status not in (BackgroundTaskStatus.RUNNING, BackgroundTaskStatus.COMPLETED):
        return attempts
    if record.attempt > last:
        is_over = status is BackgroundTaskStatus.COMPLETED
        attempts.append(
            Attempt(
                attempt=record.attempt,
                started_at=record.started_at,
                ended_at=record.completed_at,
                outcome="completed" if is_over else None,
                process=process_of(record.process),
            )
        )
    return attempts


Row = AttemptRow
"""What is kept beside a task, in a table of its own. The tables: ``bgtasks/backends/beside.py``."""

Sort = Literal["-created", "created", "-started", "started", "-ended", "ended"]
"""The order of a list: by when tasks were accepted, last started, or became final; with ``-`` the
newest first."""


class Place(NamedTuple):
    """Where a list goes on that is sorted by a time: after the task with this time (``None``: it
    has none yet) and this ``sequence``."""

    at: datetime | None
    sequence: int


Counts = Mapping[tuple[str, BackgroundTaskStatus], int]
"""How many tasks there are of each type in each status; those left out are none."""

OwnerCounts = Mapping[str | None, int]
"""How many tasks each owner has; ``None``: those without one."""

KeptTask = tuple[TaskRecord, Sequence[Row]]
"""All that is kept of a task: its record, and the rows beside it."""


@frozen
class Span:
    """A time from ``start`` on and before ``end``; ``None`` is no bound."""

    start: datetime | None = None
    end: datetime | None = None

    def __bool__(self) -> bool:
        return self.start is not None or self.end is not None


View = Literal["waiting", "scheduled", "retrying"]
"""Pending tasks by what they wait for: their turn, a time that was named, another attempt."""


@frozen(kw_only=True)
class Search:
    """What no index answers: the tasks that fit have to be looked for among others.

    A task fits when it was accepted, was last started, and became final within ``created``,
    ``started`` and ``ended``, and has each of ``words`` in its name, its error message or its
    status message, in any case of letters, or at the beginning of its id; with ``in_arguments``
    also in a text or a number among its arguments. Each of ``arguments`` is a path and what the
    value there is as a text. Arguments longer than ``MAX_SEARCHED`` are not looked into. ``view``
    is of waiting tasks as of ``now``. ``error`` is the key of the newest failure.
    """

    created: Span = Span()
    started: Span = Span()
    ended: Span = Span()
    words: tuple[str, ...] = ()
    in_arguments: bool = False
    arguments: tuple[tuple[str, str], ...] = ()
    view: View | None = None
    error: str | None = None
    now: datetime = datetime(1970, 1, 1, tzinfo=UTC)

    def __bool__(self) -> bool:
        spans = self.created or self.started or self.ended
        is_one_kind = self.view is not None or self.error is not None
        return bool(spans or self.words or self.arguments) or is_one_kind

    @property
    def accepted_before(self) -> datetime | None:
        """No task that fits was accepted later: what has started or ended was accepted before."""
        ends = [span.end for span in (self.created, self.started, self.ended)]
        return min((end for end in ends if end is not None), default=None)


@frozen(kw_only=True)
class TaskQuery:
    """Which tasks to list, in which order. Empty ``types``/``statuses`` and ``owners=None`` mean
    all.

    ``owners`` may contain ``None``: tasks that have no owner. ``before`` is the ``sequence``
    to continue from (exclusive), ``place`` the same of a list that is sorted by a time; ``limit``
    is 1 to 1,000.
    """

    types: Sequence[str] = ()
    statuses: Sequence[BackgroundTaskStatus] = ()
    owners: Sequence[str | None] | None = None
    search: Search = Search()
    sort: Sort = "-created"
    before: int | None = None
    place: Place | None = None
    limit: int = 50

    @property
    def is_oldest_first(self) -> bool:
        """Whether the list is in the order of acceptance."""
        return self.sort == "created"

    @property
    def sorted_by(self) -> Literal["started_at", "completed_at"] | None:
        """The time that the list is sorted by, if it is not that of acceptance."""
        return _TIMES.get(self.sort)

    def place_of(self, record: TaskRecord) -> Place | None:
        """Where the list goes on after a task, if it is sorted by a time."""
        name = self.sorted_by
        return None if name is None else Place(getattr(record, name), record.sequence)


_TIMES: Mapping[str, Literal["started_at", "completed_at"]] = {
    "-started": "started_at",
    "started": "started_at",
    "-ended": "completed_at",
    "ended": "completed_at",
}


class Accepted(NamedTuple):
    """Of a task its place in the order of acceptance, when it was accepted, and its id."""

    sequence: int
    at: datetime
    id: UUID


@frozen
class TaskPage:
    """A page of records, and the ``sequence`` or the ``place`` to query the next page with. The
    records have no ``data`` and no large payloads. Where the query has a ``search``, a page may
    have fewer records than asked for, and another page still follow: then ``searched_to`` is the
    last task that was looked at. Not ``complete``: only the newest tasks that fit were sorted,
    there are more."""

    records: Sequence[TaskRecord]
    next_before: int | None
    next_place: Place | None = None
    complete: bool = True
    searched_to: Accepted | None = None
