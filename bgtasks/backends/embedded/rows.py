"""Task records as rows of the table ``tasks``, and back."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from bgtasks.core.record import LEFT_OUT, SMALL_PAYLOAD, TaskRecord
from bgtasks.models import AttemptFailure, BackgroundTaskStatus

__all__ = [
    "COLUMNS",
    "LISTED",
    "SHOWN",
    "failure_of",
    "from_time",
    "insert_values",
    "record_of",
    "to_time",
]

COLUMNS = (
    "sequence",
    "id",
    "type",
    "name",
    "data",
    "owner",
    "priority",
    "status",
    "progress",
    "payload",
    "status_message",
    "error_message",
    "created_at",
    "changed_at",
    "started_at",
    "completed_at",
    "scheduled_at",
    "due_at",
    "revision",
    "attempt",
    "failures",
    "interruptions",
    "cancel_requested",
    "delayed",
)

SHOWN = ", ".join(f"'{LEFT_OUT}' AS data" if name == "data" else name for name in COLUMNS)
"""The same without what only whoever runs a task needs."""

LISTED = SHOWN.replace(
    "payload",
    # Not length(payload): to count characters, SQLite would have to look at each of them.
    f"CASE WHEN length(CAST(payload AS BLOB)) <= {SMALL_PAYLOAD} THEN payload "
    f"WHEN payload IS NOT NULL THEN '{LEFT_OUT}' END AS payload",
)
"""The same without large payloads: what lists show."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_STATUSES = {status.value: status for status in BackgroundTaskStatus}


def from_time(time: datetime | None) -> int | None:
    """Whole microseconds since 1970; exact, which a float of seconds would not be."""
    return None if time is None else (time - _EPOCH) // _MICROSECOND


def to_time(microseconds: int | None) -> datetime | None:
    """The aware UTC time of so many microseconds since 1970."""
    return None if microseconds is None else _EPOCH + timedelta(microseconds=microseconds)


def insert_values(record: TaskRecord) -> tuple[Any, ...]:
    """All columns but ``sequence``, in the order of the table."""
    return (
        record.id.bytes,
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
        from_time(record.created_at),
        from_time(record.changed_at),
        from_time(record.started_at),
        from_time(record.completed_at),
        from_time(record.scheduled_at),
        from_time(record.due_at),
        record.revision,
        record.attempt,
        record.failures,
        record.interruptions,
        int(record.cancel_requested),
        int(record.delayed),
    )


def change_values(before: TaskRecord, after: TaskRecord) -> tuple[Any, ...]:
    """What ``write_change`` takes: the new values, then what the stored task must still be."""
    return (
        after.status.value,
        after.progress,
        after.payload,
        after.status_message,
        after.error_message,
        from_time(after.changed_at),
        from_time(after.started_at),
        from_time(after.completed_at),
        from_time(after.scheduled_at),
        from_time(after.due_at),
        after.revision,
        after.attempt,
        after.failures,
        after.interruptions,
        int(after.cancel_requested),
        int(after.delayed),
        before.sequence,
        before.status.value,
        before.attempt,
        before.revision,
    )


def report_values(before: TaskRecord, after: TaskRecord) -> tuple[Any, ...]:
    """What ``write_report`` takes."""
    return (
        after.progress,
        after.payload,
        after.status_message,
        after.error_message,
        from_time(after.changed_at),
        after.revision,
        before.sequence,
        before.attempt,
        before.revision,
    )


def record_of(row: tuple[Any, ...]) -> TaskRecord:
    """The record in a row of all columns."""
    created_at, changed_at = to_time(row[12]), to_time(row[13])
    assert created_at is not None  # noqa: S101 - the columns are NOT NULL
    assert changed_at is not None  # noqa: S101
    return TaskRecord(
        sequence=row[0],
        id=UUID(bytes=row[1]),
        type=row[2],
        name=row[3],
        data=row[4],
        owner=row[5],
        priority=row[6],
        status=_STATUSES[row[7]],
        progress=row[8],
        payload=row[9],
        status_message=row[10],
        error_message=row[11],
        created_at=created_at,
        changed_at=changed_at,
        started_at=to_time(row[14]),
        completed_at=to_time(row[15]),
        scheduled_at=to_time(row[16]),
        due_at=to_time(row[17]),
        revision=row[18],
        attempt=row[19],
        failures=row[20],
        interruptions=row[21],
        cancel_requested=bool(row[22]),
        delayed=bool(row[23]),
    )


def failure_of(row: tuple[Any, ...]) -> AttemptFailure:
    """The failure in a row of ``failures_of``."""
    ended_at = to_time(row[4])
    assert ended_at is not None  # noqa: S101
    return AttemptFailure(row[0], row[1], row[2], row[3], ended_at)
