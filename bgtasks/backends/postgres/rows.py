"""Task records as rows of the table ``bgtasks_tasks``, and back."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import attrgetter
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
from bgtasks.core.lifecycle import Change
from bgtasks.core.record import TaskRecord
from bgtasks.models import BackgroundTaskStatus

__all__ = [
    "COLUMNS",
    "LISTED",
    "PARTS",
    "SLIM",
    "TYPES",
    "Arrays",
    "array_parameters",
    "cancel_columns",
    "change_columns",
    "insert_columns",
    "record_of",
    "replacement_columns",
    "report_columns",
    "settle_columns",
]

TYPES: ColumnTypes = {
    UUID: ColumnType("uuid"),
    str: ColumnType("text"),
    int: ColumnType("bigint"),  # where the table has an integer, the server looks if it fits
    float: ColumnType("double precision"),
    bool: ColumnType("boolean"),
    datetime: ColumnType("timestamp with time zone"),
    BackgroundTaskStatus: ColumnType(
        "text", attrgetter("value"), {item.value: item for item in BackgroundTaskStatus}.__getitem__
    ),
}

ALL = Columns(TaskRecord._fields, TYPES)
INSERTED = Columns(columns.INSERTED, TYPES)
CHANGED = Columns(columns.CHANGED, TYPES)
REPLACED = Columns(columns.REPLACED, TYPES)
ENDED = Columns((*columns.ENDED, *columns.FAILED), TYPES)
REPORTED = Columns(columns.REPORTED, TYPES)
CANCELLED = Columns(columns.CANCELLED, TYPES)
GUARD = Columns(["sequence", "attempt", "revision"], TYPES)
"""What the stored task must still be; its status is in the statement."""
STEP_GUARD = Columns([*GUARD.names, "status"], TYPES)

COLUMNS = ALL.each()
"""All columns, in the order of a record's fields."""

SLIM = ALL.each(**NO_DATA)
"""The same with an empty ``data``."""

LISTED = ALL.each(
    **NO_DATA,
    # The number of bytes is known without reading a value that is kept out of line.
    **without_large("pg_catalog.octet_length({0})"),
)
"""The same without large payloads: what lists show."""


def array_parameters(columns: Columns, first: int) -> str:
    """Parameters of a statement, from the number ``first`` on: an array for each column."""
    return ", ".join(f"${at}::{item.sql}[]" for at, item in enumerate(columns.types, first))


def _parts(name: str, written: Columns, first: int) -> dict[str, str]:
    """Parts of a statement that takes arrays for some columns, from the parameter ``first`` on."""
    return {
        name: written.each(),
        f"{name}_arrays": array_parameters(written, first),
        f"set_{name}": written.each("{0} = new.{0}"),
    }


PARTS = {
    "columns": COLUMNS,
    "slim": SLIM,
    "listed": LISTED,
    **_parts("inserted", INSERTED, 3),
    **_parts("changed", CHANGED, 7),
    **_parts("replaced", REPLACED, 7),
    **_parts("ended", ENDED, 6),
    **_parts("reported", REPORTED, 5),
    **_parts("cancelled", CANCELLED, 8),
}
"""What statements are completed with, by the names that it has there."""

Arrays = Sequence[Sequence[Any]]
"""One array for each parameter of a statement: PostgreSQL takes many rows as ``unnest`` of them."""


def record_of(row: Sequence[Any]) -> TaskRecord:
    """The record in a row that begins with all columns."""
    return TaskRecord._make(ALL.decode(row))


def insert_columns(records: Iterable[TaskRecord]) -> Arrays:
    """What ``insert_tasks`` takes, beside the present time."""
    # The driver looks at each value, and most columns of a new task are NULL: `unnest` gives NULL
    # where an array has ended before the others.
    return [
        [] if values[0] is None and values.count(None) == len(values) else values
        for values in INSERTED.arrays(records)
    ]


def change_columns(changes: Sequence[tuple[Change, int | None]]) -> Arrays:
    """What ``write_changes`` takes; with each change the job that stands for the task from now on,
    ``None``: the one there is."""
    jobs = [job for _, job in changes]
    guard = STEP_GUARD.arrays(change.before for change, _ in changes)
    return [*guard, jobs, *CHANGED.arrays(change.after for change, _ in changes)]


def replacement_columns(change: Change, job: int) -> Arrays:
    """What ``write_replacements`` takes; with the new job of the task."""
    return [*STEP_GUARD.arrays([change.before]), [job], *REPLACED.arrays([change.after])]


def cancel_columns(changes: Sequence[tuple[Change, int | None]]) -> Arrays:
    """What ``cancel_tasks`` takes; with each change the job of a task that waits."""
    jobs = [job for _, job in changes]
    guard = STEP_GUARD.arrays(change.before for change, _ in changes)
    return [*guard, jobs, *CANCELLED.arrays(change.after for change, _ in changes)]


def settle_columns(ends: Sequence[tuple[Change, int]]) -> Arrays:
    """What ``settle`` takes; with each change the job of the attempt."""
    changes, jobs = zip(*ends, strict=True)
    return [*_guard(changes), jobs, *ENDED.arrays(change.after for change in changes)]


def report_columns(changes: Sequence[Change]) -> Arrays:
    """What ``write_reports`` takes."""
    return [*_guard(changes), *REPORTED.arrays(change.after for change in changes)]


def _guard(changes: Iterable[Change]) -> Arrays:
    return GUARD.arrays(change.before for change in changes)
