"""Task records as rows of the table ``tasks``, and back."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter, itemgetter
from typing import Any
from uuid import UUID

from bgtasks.backends import columns
from bgtasks.backends.columns import (
    NO_DATA,
    Columns,
    ColumnType,
    ColumnTypes,
    without_large,
)
from bgtasks.core.record import TaskRecord
from bgtasks.models import BackgroundTaskStatus

__all__ = [
    "CHANGED",
    "COLUMNS",
    "ENDED",
    "FENCE",
    "INSERTED",
    "LISTED",
    "NUMBERED",
    "REPLACED",
    "REPORTED",
    "SHOWN",
    "TYPES",
    "change_values",
    "end_values",
    "from_time",
    "insert_values",
    "record_of",
    "replacement_values",
    "report_values",
    "sequence_of",
    "to_time",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_newest: tuple[datetime, int] = _EPOCH, 0


def from_time(time: datetime | None) -> int | None:
    """Whole microseconds since 1970; exact, which a float of seconds would not be."""
    global _newest
    if time is None:
        return None
    known, microseconds = _newest
    if time is not known:  # steps that are decided together have the same time, twice each
        since = time - _EPOCH
        microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        _newest = time, microseconds
    return microseconds


def to_time(microseconds: int | None) -> datetime | None:
    """The aware UTC time of so many microseconds since 1970."""
    return None if microseconds is None else _EPOCH + timedelta(microseconds=microseconds)


TYPES: ColumnTypes = {
    # A bytearray and an int: of bytes and of a bool, sqlite3 looks for an adapter first.
    UUID: ColumnType(
        "BLOB",
        lambda value: bytearray(value.int.to_bytes(16, "big")),
        lambda stored: UUID(bytes=stored),
    ),
    str: ColumnType("TEXT"),
    int: ColumnType("INTEGER"),
    float: ColumnType("REAL"),
    bool: ColumnType("INTEGER", int, bool),
    datetime: ColumnType("INTEGER", from_time, to_time),
    BackgroundTaskStatus: ColumnType(
        "TEXT",
        attrgetter("_value_"),
        {item.value: item for item in BackgroundTaskStatus}.__getitem__,
    ),
}

INSERTED = Columns(columns.INSERTED, TYPES)
CHANGED = Columns(columns.CHANGED, TYPES)
REPLACED = Columns(columns.REPLACED, TYPES)
REPORTED = Columns(columns.REPORTED, TYPES)
ENDED = Columns(columns.ENDED, TYPES)
NUMBERED = Columns(("sequence", *columns.INSERTED), TYPES)
FENCE = Columns(("sequence", "attempt", "revision"), TYPES)
"""What a running task must still be, for what its attempt tells of it to be written."""

ALL = Columns(TaskRecord._fields, TYPES)
COLUMNS = ALL.each()
"""All columns, in the order of a record's fields."""

SHOWN = ALL.each(**NO_DATA)
"""The same with an empty ``data``."""

LISTED = ALL.each(
    **NO_DATA,
    # Not length(payload): to count characters, SQLite would have to look at each of them.
    **without_large("length(CAST({0} AS BLOB))"),
)
"""The same without large payloads: what lists show."""

insert_values: Callable[[Any], tuple[Any, ...]] = INSERTED.encode
"""What ``insert_task`` takes."""


def change_values(before: TaskRecord, after: TaskRecord) -> tuple[Any, ...]:
    """What ``write_change`` takes: the new values, then what the stored task must still be."""
    return (*CHANGED.encode(after), *_fence(before))


def replacement_values(before: TaskRecord, after: TaskRecord) -> tuple[Any, ...]:
    """What ``write_replacement`` takes."""
    return (*REPLACED.encode(after), *_fence(before))


def _fence(before: TaskRecord) -> tuple[Any, ...]:
    return before.sequence, before.status.value, before.attempt, before.revision


def report_values(before: TaskRecord, after: TaskRecord) -> tuple[Any, ...]:
    """What ``write_report`` takes."""
    return (*REPORTED.encode(after), *FENCE.encode(before))


def end_values(before: TaskRecord, after: TaskRecord) -> tuple[Any, ...]:
    """What ``write_end`` takes."""
    return (*ENDED.encode(after), *FENCE.encode(before))


def record_of(row: tuple[Any, ...]) -> TaskRecord:
    """The record in a row of all columns."""
    return TaskRecord._make(ALL.decode(row))


sequence_of: Callable[[Sequence[Any]], int] = itemgetter(TaskRecord._fields.index("sequence"))
"""The ``sequence`` in a row of all columns, whatever else it holds."""
