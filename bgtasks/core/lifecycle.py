"""The life of a task: one pure function decides every transition.

``decide(record, event, now)`` returns the one change to write, or ``None`` if the event makes no
change: it is too late, of an attempt that no longer holds the task, or without effect. Nothing
here reads a clock, a file or a random number. A backend writes the change only if the stored task
is still the ``before`` that the change was decided on.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import NamedTuple
from uuid import UUID

from attrs import evolve

from bgtasks.core.attempts import INTERRUPTED, AttemptRow
from bgtasks.core.codec.json_text import decode, encode
from bgtasks.core.error_groups import group_of
from bgtasks.core.events import (
    Cancelled,
    CancelRequested,
    Claimed,
    Completed,
    Ended,
    Event,
    Failed,
    Held,
    Interrupted,
    NotBegun,
    Outcome,
    Released,
    Replaced,
    Report,
    Reported,
    RetryRequested,
    TurnCame,
    TypeUnknown,
    VersionUnknown,
)
from bgtasks.core.keys import held_after_claim, held_after_end, held_after_retry, is_behind
from bgtasks.core.record import ONCE_ENDED, Row, TaskRecord, changing
from bgtasks.models import BackgroundTaskStatus

__all__ = ["Change", "decide", "with_id"]

PENDING = BackgroundTaskStatus.PENDING
RUNNING = BackgroundTaskStatus.RUNNING

# The steps that every task takes.
_begin = changing(
    "attempt",
    "started_at",
    "process",
    "revision",
    "changed_at",
    status=RUNNING,
    progress=0.0,
    status_message=None,
    error_message=None,
    scheduled_at=None,
    due_at=None,
    delayed=False,
)
_show = changing("progress", "status_message", "error_message", "payload", "revision", "changed_at")
_end = changing(
    "status",
    "progress",
    "status_message",
    "error_message",
    "payload",
    "completed_at",
    "failures",
    "result",
    "revision",
    "changed_at",
    scheduled_at=None,
    due_at=None,
    delayed=False,
    held=False,
)


class Change(NamedTuple):
    """One step of a task's life: what it was, what it becomes, and what is written beside it.

    A named tuple, as the records are: each step makes one.
    """

    before: TaskRecord
    after: TaskRecord
    beside: tuple[Row, ...] = ()


_change: Callable[[tuple[TaskRecord, TaskRecord, tuple[Row, ...]]], Change]
_change = partial(tuple.__new__, Change)
"""The same without a call in between, for the steps that every task takes."""


def decide(record: TaskRecord, event: Event, now: datetime) -> Change | None:
    """The one change that ``event`` makes to ``record`` at ``now``; ``None`` if it makes none."""
    match event:
        case Ended():
            is_held = _holds(record, event.attempt)
            return _ended(record, event.outcome, event.report, now) if is_held else None
        case Claimed(process):
            return _claimed(record, process, now)
        case Reported():
            return _reported(record, event.report, now) if _holds(record, event.attempt) else None
        case CancelRequested():
            return _cancel_requested(record, now)
        case RetryRequested():
            return _retry_requested(record, now)
        case Replaced(new):
            return _replaced(record, new, now)
        case TurnCame(key_until):
            return _turn_came(record, key_until, now)
        case TypeUnknown():
            return _says(record, f"Waiting: no worker is registered for {record.type}", now)
        case VersionUnknown(why):
            return _says(record, f"Waiting: {why}", now)
        case Held():
            return _held(record, now)
        case Released():
            return _released(record, now)


def _holds(record: TaskRecord, attempt: int) -> bool:
    """The fence: whether the task is running in this attempt."""
    return record.status is RUNNING and record.attempt == attempt


def _claimed(record: TaskRecord, process: str | None, now: datetime) -> Change | None:
    if record.status is not PENDING or record.held:
        return None
    after = _begin(record, record.attempt + 1, now, process, record.revision + 1, now)
    if record.held_key is not None:
        after = after._replace(held_key=held_after_claim(record, now))
    return _change((record, after, ()))


def _reported(record: TaskRecord, report: Report, now: datetime) -> Change:
    after = _show(
        record,
        report.progress,
        report.status_message,
        report.error_message,
        report.payload,
        record.revision + 1,
        now,
    )
    return _change((record, after, ()))


def _ended(record: TaskRecord, outcome: Outcome, report: Report | None, now: datetime) -> Change:
    match outcome:
        case Completed():
            return _final(
                record, BackgroundTaskStatus.COMPLETED, report, now, result=outcome.result
            )
        case Cancelled():
            return _cancelled(record, report, now)
        case Failed():
            return _failed(record, outcome, report, now)
        case Interrupted():
            return _interrupted(record, outcome, report, now)
        case NotBegun(why):
            return _not_begun(record, why, now)


def _final(
    record: TaskRecord,
    status: BackgroundTaskStatus,
    report: Report | None,
    now: datetime,
    error_message: str | None = None,
    *,
    result: str | None = None,
) -> Change:
    last = report or record  # both have these four
    after = _end(
        record,
        status,
        100.0 if status is BackgroundTaskStatus.COMPLETED else last.progress,
        last.status_message,
        last.error_message if error_message is None else error_message,
        last.payload,
        now,
        record.failures + (status is BackgroundTaskStatus.FAILED),
        result,
        record.revision + 1,
        now,
    )
    if record.held_key is not None:
        after = after._replace(held_key=held_after_end(record, now))
    return _change((record, after, ()))


def _failed(record: TaskRecord, outcome: Failed, report: Report | None, now: datetime) -> Change:
    message = outcome.error_message
    group = group_of(outcome.error_type, message, outcome.frame)
    row = _row(
        record,
        outcome.kind,
        now,
        error_type=outcome.error_type,
        error_message=message,
        frame=outcome.frame,
        traceback=outcome.traceback,
        error_group=group,
    )
    if outcome.retry_after is None or record.cancel_requested:
        final = _final(record, BackgroundTaskStatus.FAILED, report, now, message)
        return _with_row(final, row)
    at = now + outcome.retry_after
    waiting = _waiting(record, report, now, message, "Waiting for the next attempt")
    after = waiting._replace(failures=record.failures + 1, scheduled_at=at, due_at=at, delayed=True)
    return _with_row(Change(record, after), row)


def _cancelled(record: TaskRecord, report: Report | None, now: datetime) -> Change:
    final = _final(record, BackgroundTaskStatus.CANCELLED, report, now)
    return _with_row(final, _row(record, "cancelled", now))


def _row(record: TaskRecord, outcome: str, now: datetime, **error: str | None) -> AttemptRow:
    """What is kept of the attempt that ``record`` is in."""
    return AttemptRow(record.attempt, outcome, now, record.started_at, record.process, **error)


def _with_row(change: Change, row: AttemptRow) -> Change:
    """The change with what is kept of the attempt that it ends; a task that has failed is found by
    that."""
    after = change.after
    if row.error_group is not None:
        after = after._replace(error_group=row.error_group, failed_at=row.ended_at)
    return Change(change.before, after, (row,))


def _interrupted(
    record: TaskRecord, outcome: Interrupted, report: Report | None, now: datetime
) -> Change:
    """Put the task back in the queue, unless its type forbids that or it crashed too often.

    A task that kills its process each time must not do so for ever: after ``max_interruptions``
    crashes the task has failed. Orderly stops are not limited.
    """
    if record.cancel_requested:
        return _cancelled(record, report, now)
    count = record.interruptions + outcome.counted
    row = _row(record, "interrupted", now, error_type=INTERRUPTED, error_message=outcome.by)
    if not outcome.may_rerun:
        message = f"Interrupted: {outcome.by}. This task type is not run again (rerun_interrupted)."
    elif outcome.counted and count >= outcome.max_interruptions:
        message = f"Interrupted {count} times, the last time: {outcome.by}. Not run again."
    else:
        waiting = _waiting(record, report, now, None, "Interrupted; waiting to run again")
        return Change(record, waiting._replace(interruptions=count), (row,))
    final = _final(record, BackgroundTaskStatus.FAILED, report, now, message)
    after = final.after._replace(failures=record.failures, interruptions=count)
    row = evolve(row, error_group=group_of(INTERRUPTED, outcome.by, None))
    return _with_row(Change(record, after), row)


def _not_begun(record: TaskRecord, why: str, now: datetime) -> Change:
    if record.cancel_requested:
        return _cancelled(record, None, now)
    waiting = _waiting(record, None, now, None, "Waiting to run")
    row = _row(record, "not begun", now, error_type=INTERRUPTED, error_message=why)
    return Change(record, waiting, (row,))


def _waiting(
    record: TaskRecord,
    report: Report | None,
    now: datetime,
    error_message: str | None,
    status_message: str,
) -> TaskRecord:
    last = report or record
    return record._replace(
        status=PENDING,
        progress=last.progress,
        payload=last.payload,
        status_message=status_message,
        error_message=error_message,
        revision=record.revision + 1,
        changed_at=now,
    )


def _cancel_requested(record: TaskRecord, now: datetime) -> Change | None:
    if record.status.is_final or record.cancel_requested:
        return None
    requested = record._replace(cancel_requested=True)
    if record.status is PENDING:
        return Change(record, _final(requested, BackgroundTaskStatus.CANCELLED, None, now).after)
    return Change(record, requested._replace(revision=record.revision + 1, changed_at=now))


def _retry_requested(record: TaskRecord, now: datetime) -> Change | None:
    if record.status not in (BackgroundTaskStatus.FAILED, BackgroundTaskStatus.CANCELLED):
        return None
    after = record._replace(
        status=PENDING,
        status_message="Waiting to run again",
        completed_at=None,
        cancel_requested=False,
        failures=0,
        interruptions=0,
        scheduled_at=None,
        due_at=None,
        delayed=False,
        held_key=held_after_retry(record),
        tell_at=None if record.tell_at is None else ONCE_ENDED,
        revision=record.revision + 1,
        changed_at=now,
    )
    return Change(record, after)


def _replaced(record: TaskRecord, new: TaskRecord, now: datetime) -> Change | None:
    """Do ``new`` in place of a waiting task, which keeps its id, owner and key. Behind another one
    it goes on waiting."""
    if record.status is not PENDING:
        return None
    after = record._replace(
        name=new.name,
        data=with_id(new.data, record.id),
        version=new.version,
        priority=new.priority,
        progress=0.0,
        payload=None,
        status_message=new.status_message,
        error_message=None,
        scheduled_at=new.scheduled_at,
        due_at=record.due_at if is_behind(record) else new.due_at,
        delayed=new.delayed,
        headers=new.headers,
        turn_key=new.turn_key,
        # With another key or time it stands in line anew.
        held=record.held and new.turn_key == record.turn_key and new.due_at is None,
        failures=0,
        interruptions=0,
        error_group=None,
        failed_at=None,
        revision=record.revision + 1,
        changed_at=now,
    )
    return Change(record, after)


def with_id(data: str, task_id: UUID) -> str:
    """The JSON of a task as that of the task with another id."""
    return encode({**decode(data), "id": str(task_id)})


def _turn_came(record: TaskRecord, key_until: datetime | None, now: datetime) -> Change | None:
    if record.status is not PENDING or not is_behind(record):
        return None
    times = [time for time in (record.scheduled_at, key_until) if time is not None and time > now]
    after = record._replace(
        held_key=record.key,
        due_at=max(times, default=None),
        revision=record.revision + 1,
        changed_at=now,
    )
    return Change(record, after)


def _held(record: TaskRecord, now: datetime) -> Change | None:
    """Its time has come, if it waited for one: it stands in line from now on."""
    if record.status is not PENDING or record.held:
        return None
    after = record._replace(
        held=True,
        scheduled_at=None,
        due_at=None,
        delayed=False,
        revision=record.revision + 1,
        changed_at=now,
    )
    return Change(record, after)


def _released(record: TaskRecord, now: datetime) -> Change | None:
    if not record.held:
        return None
    after = record._replace(held=False, revision=record.revision + 1, changed_at=now)
    return Change(record, after)


def _says(record: TaskRecord, message: str, now: datetime) -> Change | None:
    """A waiting task says why it waits."""
    if record.status is not PENDING or record.status_message == message:
        return None
    return Change(
        record,
        record._replace(status_message=message, revision=record.revision + 1, changed_at=now),
    )
