"""The arguments of ``run_task``, checked and made into a record for the backend."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict
from uuid import UUID

from attrs import field, frozen

from bgtasks.core.checks import unknown_options
from bgtasks.core.durations import EXAMPLES, Duration, to_length
from bgtasks.core.record import TaskRecord, changing
from bgtasks.core.text import MAX_NAME, clean, clean_message, describe, shown
from bgtasks.errors import SettingsError
from bgtasks.models import BackgroundTaskBase

__all__ = [
    "BlockingRunOptions",
    "RunOptions",
    "SubmitOptions",
    "check_names",
    "new_record",
    "submit_options",
]

MAX_OWNER = 255
MAX_KEY = 255
MAX_PRIORITY = 1_000_000
LONGEST_DELAY = timedelta(days=3660)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _owner(owner: Any) -> str | None:
    return None if owner is None else clean(_text("owner", owner, MAX_OWNER), MAX_OWNER)


def _key(key: Any) -> str | None:
    return None if key is None else _text("key", key, MAX_KEY)


def _text(name: str, value: Any, longest: int) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= longest:
        raise SettingsError(
            f"{name} is {shown(value)}; accepted: 1 to {longest} characters, or None"
        )
    return value


def _priority(priority: Any) -> int:
    whole = isinstance(priority, int) and not isinstance(priority, bool)
    if not whole or abs(priority) > MAX_PRIORITY:
        raise SettingsError(
            f"priority is {shown(priority)}; accepted: a whole number from "
            f"-{MAX_PRIORITY:,} to {MAX_PRIORITY:,}"
        )
    return int(priority)


def _delay(delay: Any) -> timedelta | None:
    if delay is None:
        return None
    length = to_length(delay, LONGEST_DELAY)
    if length is None:
        raise SettingsError(
            f"delay is {shown(delay)}; accepted: seconds, {EXAMPLES}, "
            f"0 to {LONGEST_DELAY.days} days"
        )
    return length


def _run_at(run_at: Any) -> datetime | None:
    if run_at is None:
        return None
    try:
        aware = isinstance(run_at, datetime) and run_at.utcoffset() is not None
        at = run_at.astimezone(UTC) if aware else None
    except Exception as error:  # raised by the time zone, which is the caller's code
        raise SettingsError(
            f"run_at is {shown(run_at)}, which cannot be told in UTC: {describe(error)}"
        ) from error
    if at is None:
        raise SettingsError(
            f"run_at is {shown(run_at)}; accepted: a time with a time zone, "
            "such as datetime.now(UTC) + timedelta(hours=1)"
        )
    if at < _EPOCH:
        raise _out_of_range(run_at)
    # A plain datetime: the caller's may be of a subclass that behaves differently.
    return datetime(at.year, at.month, at.day, at.hour, at.minute, at.second, at.microsecond, UTC)


def _out_of_range(run_at: Any) -> SettingsError:
    return SettingsError(
        f"run_at is {shown(run_at)}; accepted: a time from 1970 on, and at most "
        f"{LONGEST_DELAY.days} days from now"
    )


class BlockingRunOptions(TypedDict, total=False):
    """The options of ``run_task`` in a thread; ``BackgroundTaskManager.run_task`` explains them."""

    owner: str | None
    delay: Duration | None
    run_at: datetime | None
    priority: int
    key: str | None


class RunOptions(BlockingRunOptions, total=False):
    """The options of ``run_task`` on the event loop. Type checkers need them written out; a test
    shows that they are those of :class:`SubmitOptions`."""

    connection: Any


@frozen(kw_only=True)
class SubmitOptions:
    """The options of ``run_task``, checked. Raises SettingsError, which names the option.

    ``connection`` is the caller's; the task is inserted in its transaction. The backend decides
    whether it can use the connection.
    """

    owner: str | None = field(default=None, converter=_owner)
    delay: timedelta | None = field(default=None, converter=_delay)
    run_at: datetime | None = field(default=None, converter=_run_at)
    priority: int = field(default=0, converter=_priority)
    key: str | None = field(default=None, converter=_key)
    connection: Any = None

    def __attrs_post_init__(self) -> None:
        if self.delay is not None and self.run_at is not None:
            raise SettingsError("delay and run_at are both given; give one of them")

    def due(self, now: datetime) -> datetime | None:
        """When a task that is submitted ``now`` may start at the earliest; ``None``: at once."""
        if self.delay is not None:
            return now + self.delay
        if self.run_at is not None and self.run_at > now + LONGEST_DELAY:
            raise _out_of_range(self.run_at)
        return self.run_at


_DEFAULTS = SubmitOptions()


def submit_options(options: RunOptions) -> SubmitOptions:
    """Check the options that ``run_task`` was given. Raises SettingsError, and TypeError for an
    unknown one."""
    if not options:
        return _DEFAULTS
    check_names(options, RunOptions.__optional_keys__)
    return SubmitOptions(**options)


def check_names(options: Mapping[str, Any], accepted: Collection[str]) -> None:
    """Raise TypeError for options that are not among the ``accepted`` ones."""
    if unknown := unknown_options(options, accepted):
        raise TypeError(unknown)


def new_record(
    task: BackgroundTaskBase,
    type_name: str,
    data: str,
    options: SubmitOptions,
    now: datetime,
    turn_key: str | None = None,
) -> TaskRecord:
    """The record of a task that is submitted ``now``. Raises SettingsError for a ``run_at`` that
    is too far away."""
    message = task.initial_status_message
    due = options.due(now)
    return _new(
        _BLANK,
        task.id,
        type_name,
        clean(str(task.display_name), MAX_NAME),
        data,
        options.owner,
        options.priority,
        None if message is None else clean_message(str(message)),
        now,
        now,
        due,
        due if due is not None and due > now else None,
        options.delay is not None,
        turn_key,
    )


_BLANK = TaskRecord(UUID(int=0), "", "", "", _EPOCH, _EPOCH)
_new = changing(
    "id",
    "type",
    "name",
    "data",
    "owner",
    "priority",
    "status_message",
    "created_at",
    "changed_at",
    "scheduled_at",
    "due_at",
    "delayed",
    "turn_key",
)
