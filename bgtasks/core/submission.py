"""What callers of ``run_task`` hand in, checked and made into a record for the backend."""

from datetime import UTC, datetime, timedelta
from typing import Any

from bgtasks.core.durations import EXAMPLES, Duration, to_seconds
from bgtasks.core.record import TaskRecord
from bgtasks.core.text import MAX_NAME, clean, clean_message, describe, shown
from bgtasks.errors import SettingsError
from bgtasks.models import BackgroundTaskBase

__all__ = ["due_time", "new_record"]

MAX_OWNER = 255
MAX_PRIORITY = 1_000_000
LONGEST_DELAY = timedelta(days=3660)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def new_record(
    task: BackgroundTaskBase,
    type_name: str,
    data: str,
    *,
    owner: str | None,
    due: datetime | None,
    priority: int,
    now: datetime,
    delayed: bool = False,
) -> TaskRecord:
    """The record of a task that is accepted ``now``; ``delayed``: ``due`` was counted from now.
    Raises SettingsError for an owner or a
    priority that cannot be used."""
    message = task.initial_status_message
    return TaskRecord(
        id=task.id,
        type=type_name,
        name=clean(str(task.display_name), MAX_NAME),
        data=data,
        owner=_checked_owner(owner),
        priority=_checked_priority(priority),
        status_message=None if message is None else clean_message(str(message)),
        created_at=now,
        changed_at=now,
        scheduled_at=due,
        due_at=due if due is not None and due > now else None,
        delayed=delayed,
    )


def due_time(delay: Duration | None, run_at: datetime | None, now: datetime) -> datetime | None:
    """When a task may start at the earliest; ``None``: at once. Raises SettingsError."""
    if delay is None and run_at is None:
        return None
    if delay is not None and run_at is not None:
        raise SettingsError("delay and run_at are both given; give one of them")
    return now + _checked_delay(delay) if run_at is None else _checked_time(run_at, now)


def _checked_owner(owner: Any) -> str | None:
    if owner is None:
        return None
    if not isinstance(owner, str) or not 1 <= len(owner) <= MAX_OWNER:
        raise SettingsError(
            f"owner is {shown(owner)}; accepted: 1 to {MAX_OWNER} characters, or None"
        )
    return clean(owner, MAX_OWNER)


def _checked_priority(priority: Any) -> int:
    whole = isinstance(priority, int) and not isinstance(priority, bool)
    if not whole or abs(priority) > MAX_PRIORITY:
        raise SettingsError(
            f"priority is {shown(priority)}; accepted: a whole number from "
            f"-{MAX_PRIORITY:,} to {MAX_PRIORITY:,}"
        )
    return int(priority)


def _checked_time(run_at: Any, now: datetime) -> datetime:
    try:
        aware = isinstance(run_at, datetime) and run_at.utcoffset() is not None
        at = run_at.astimezone(UTC) if aware else None
    except Exception as error:  # of the time zone, which is code of the caller
        raise SettingsError(
            f"run_at is {shown(run_at)}, which cannot be told in UTC: {describe(error)}"
        ) from error
    if at is None:
        raise SettingsError(
            f"run_at is {shown(run_at)}; accepted: a time with a time zone, "
            "such as datetime.now(UTC) + timedelta(hours=1)"
        )
    if not _EPOCH <= at <= now + LONGEST_DELAY:
        raise SettingsError(
            f"run_at is {shown(run_at)}; accepted: a time from 1970 on, and at most "
            f"{LONGEST_DELAY.days} days from now"
        )
    # Plain, also where the caller's is of a subclass that behaves in another way.
    return datetime(at.year, at.month, at.day, at.hour, at.minute, at.second, at.microsecond, UTC)


def _checked_delay(delay: Any) -> timedelta:
    seconds = to_seconds(delay)
    if seconds is None or not 0 <= seconds <= LONGEST_DELAY.total_seconds():
        raise SettingsError(
            f"delay is {shown(delay)}; accepted: seconds, {EXAMPLES}, "
            f"0 to {LONGEST_DELAY.days} days"
        )
    return timedelta(seconds=seconds)
