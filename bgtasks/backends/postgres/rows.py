"""Task records as rows of the table ``bgtasks_tasks``, and back."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from bgtasks.core.lifecycle import Change
from bgtasks.core.record import LEFT_OUT, SMALL_PAYLOAD, TaskRecord
from bgtasks.models import AttemptFailure, BackgroundTaskStatus

__all__ = [
    "COLUMNS",
    "LISTED",
    "SLIM",
    "change_columns",
    "claim_columns",
    "failure_columns",
    "failure_of",
    "insert_columns",
    "record_of",
    "report_columns",
    "settle_columns",
]

COLUMNS = ", ".join(TaskRecord._fields)
"""All columns, in the order of a record's fields."""

SLIM = COLUMNS.replace("data,", f"'{LEFT_OUT}' AS data,", 1)
"""The same with an empty ``data``: only whoever runs a task needs what it holds."""

LISTED = SLIM.replace(
    "payload,",
    # The number of bytes is known without reading a value that is kept out of line.
    f"CASE WHEN pg_catalog.octet_length(payload) <= {SMALL_PAYLOAD} THEN payload "
    f"WHEN payload IS NOT NULL THEN '{LEFT_OUT}' END AS payload,",
    1,
)
"""The same without large payloads: what lists show."""

_WIDTH = len(TaskRecord._fields)
_STATUS = TaskRecord._fields.index("status")
_STATUSES = {status.value: status for status in BackgroundTaskStatus}

Columns = Sequence[Sequence[Any]]
"""One array for each parameter of a statement: PostgreSQL takes many rows as ``unnest`` of them."""


def record_of(row: Sequence[Any]) -> TaskRecord:
    """The record in a row that begins with all columns."""
    values = list(row[:_WIDTH])
    values[_STATUS] = _STATUSES[values[_STATUS]]
    return TaskRecord._make(values)


def failure_of(row: Sequence[Any]) -> AttemptFailure:
    """The failure in a row of ``failures_of``."""
    return AttemptFailure(*row)


def insert_columns(records: Iterable[TaskRecord], waits: Iterable[timedelta | None]) -> Columns:
    """What ``insert_tasks`` takes; with each task how long it waits, ``None``: it is final."""
    return _columns(
        (
            record.id,
            wait,
            record.type,
            record.name,
            record.data,
            record.owner,
            record.priority,
            record.status.value,
            record.progress,
            record.payload,
            record.status_message,
            record.error_message,
            record.created_at,
            record.changed_at,
            record.started_at,
            record.completed_at,
            record.scheduled_at,
            record.due_at,
            record.revision,
            record.attempt,
            record.failures,
            record.interruptions,
            record.cancel_requested,
            record.delayed,
        )
        for record, wait in zip(records, waits, strict=True)
    )


def change_columns(changes: Iterable[tuple[Change, int | None]]) -> Columns:
    """What ``write_changes`` takes: the new values, with each change the job that stands for the
    task from now on, and what the stored task must still be."""
    return _columns(
        (
            after.status.value,
            after.progress,
            after.payload,
            after.status_message,
            after.error_message,
            after.changed_at,
            after.started_at,
            after.completed_at,
            after.scheduled_at,
            after.due_at,
            after.revision,
            after.attempt,
            after.failures,
            after.interruptions,
            after.cancel_requested,
            after.delayed,
            job,
            before.sequence,
            before.status.value,
            before.attempt,
            before.revision,
        )
        for before, after, job in ((change.before, change.after, job) for change, job in changes)
    )


def claim_columns(changes: Iterable[Change]) -> Columns:
    """What ``write_claims`` takes, beside the moment of all of them."""
    return _columns(
        (
            after.attempt,
            after.revision,
            before.sequence,
            before.attempt,
            before.revision,
        )
        for before, after in ((change.before, change.after) for change in changes)
    )


def settle_columns(ends: Iterable[tuple[Change, int]]) -> Columns:
    """What ``settle`` takes; with each change the job of the attempt."""
    return _columns(
        (
            after.status.value,
            after.progress,
            after.payload,
            after.status_message,
            after.error_message,
            after.changed_at,
            after.completed_at,
            after.failures,
            after.revision,
            job,
            before.sequence,
            before.attempt,
            before.revision,
        )
        for before, after, job in ((change.before, change.after, job) for change, job in ends)
    )


def report_columns(changes: Iterable[Change]) -> Columns:
    """What ``write_reports`` takes."""
    return _columns(
        (
            after.progress,
            after.payload,
            after.status_message,
            after.error_message,
            after.changed_at,
            after.revision,
            before.sequence,
            before.attempt,
            before.revision,
        )
        for before, after in ((change.before, change.after) for change in changes)
    )


def failure_columns(failures: Iterable[tuple[int, AttemptFailure]]) -> Columns:
    """What ``write_failures`` takes; with each failure the ``sequence`` of its task."""
    return _columns(
        (
            sequence,
            failure.attempt,
            failure.kind,
            failure.error_message,
            failure.traceback,
            failure.ended_at,
        )
        for sequence, failure in failures
    )


def _columns(rows: Iterable[Sequence[Any]]) -> Columns:
    return list(zip(*rows, strict=True))
