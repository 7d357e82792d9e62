"""Tasks in the JSON shape of the HTTP API, read back and checked, since the server may be any."""

import math
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import attrs

from bgtasks.cli.tasks.client import Info
from bgtasks.cli.tasks.plain_text import one_line
from bgtasks.cli.usage import CommandFailedError
from bgtasks.core.codec import TaskCodec
from bgtasks.core.codec.json_text import encode
from bgtasks.core.task_details import TaskDetails
from bgtasks.core.task_log import LogLine, TaskLog
from bgtasks.core.task_types import TypeInfo
from bgtasks.models import (
    Attempt,
    Attention,
    BackgroundTaskInfo,
    BackgroundTaskStatus,
    FailureFacet,
    FailureGroup,
    OldestWaiting,
    ProcessInfo,
    ScheduleInfo,
    Stats,
    TickInfo,
)
from bgtasks.web.bulk.progress import BulkProgress
from bgtasks.web.encoded_process import read_process
from bgtasks.web.encoded_schedule import read_schedule

__all__ = [
    "attempts_in",
    "bulk_id_in",
    "bulk_in",
    "counts_in",
    "details_in",
    "facets_in",
    "failures_in",
    "info_in",
    "log_in",
    "matching_in",
    "page_in",
    "processes_in",
    "schedule_in",
    "schedules_in",
    "stats_in",
    "type_in",
    "types_in",
]

Shown = TypeVar(
    "Shown",
    Info,
    Attempt,
    FailureGroup,
    TaskDetails,
    BulkProgress,
    TypeInfo,
    ScheduleInfo,
    TickInfo,
    LogLine,
    Stats,
    OldestWaiting,
    Attention,
    ProcessInfo,
)

_codec = TaskCodec()


def info_in(data: Any) -> Info:
    """The task in ``data``. Raises CommandFailedError if ``data`` is no task."""
    try:
        info = _codec.read_info(BackgroundTaskInfo, data)
        if not (math.isfinite(info.progress) and 0 <= info.progress <= 100):
            raise ValueError(f"progress is {info.progress}")
        return _in_utc(info)
    except Exception as error:
        raise _unreadable("a task", error) from None


def page_in(data: Any) -> tuple[list[Info], str | None]:
    """The tasks of a page and the cursor of the next one. Raises CommandFailedError."""
    return [info_in(item) for item in _items("a page of tasks", data)], _cursor(data)


def schedule_in(data: Any) -> ScheduleInfo:
    """The schedule in ``data``. Raises CommandFailedError."""
    try:
        info = _in_utc(read_schedule(data, _codec))
        return attrs.evolve(info, ticks=tuple(map(_in_utc, info.ticks)))
    except Exception as error:
        raise _unreadable("a schedule", error) from None


def schedules_in(data: Any) -> tuple[list[ScheduleInfo], str | None]:
    """The schedules of a page and the cursor of the next one. Raises CommandFailedError."""
    return [schedule_in(item) for item in _items("a page of schedules", data)], _cursor(data)


def type_in(data: Any) -> TypeInfo:
    """The type of tasks in ``data``. Raises CommandFailedError."""
    try:
        return _in_utc(_codec.read(TypeInfo, data))
    except Exception as error:
        raise _unreadable("a type of tasks", error) from None


def types_in(data: Any) -> list[TypeInfo]:
    """Types of tasks. Raises CommandFailedError."""
    return [type_in(item) for item in _items("a list of types", data)]


def stats_in(data: Any) -> Stats:
    """How things are. Raises CommandFailedError."""
    try:
        stats = _in_utc(_codec.read(Stats, data))
        oldest = stats.oldest_waiting
        return attrs.evolve(
            stats,
            oldest_waiting=None if oldest is None else _in_utc(oldest),
            attention=tuple(map(_in_utc, stats.attention)),
        )
    except Exception as error:
        raise _unreadable("statistics", error) from None


def processes_in(data: Any) -> list[ProcessInfo]:
    """The processes. Raises CommandFailedError."""
    items = _items("a list of processes", data)
    try:
        return [_in_utc(read_process(item, _codec)) for item in items]
    except Exception as error:
        raise _unreadable("a list of processes", error) from None


def failures_in(data: Any) -> list[FailureGroup]:
    """Failures. Raises CommandFailedError."""
    items = _items("a list of failures", data)
    try:
        return [_in_utc(_codec.read(FailureGroup, item)) for item in items]
    except Exception as error:
        raise _unreadable("a list of failures", error) from None


def facets_in(data: Any) -> list[FailureFacet]:
    """What the tasks of a failure have in common. Raises CommandFailedError."""
    items = _items("a list of values", data)
    try:
        return [
            FailureFacet(
                value=_plain(item["value"]),
                failed=int(item["failed"]),
                total=None if item["total"] is None else int(item["total"]),
            )
            for item in items
        ]
    except Exception as error:
        raise _unreadable("a list of values", error) from None


def _plain(value: Any) -> str | int | float | bool | None:
    if value is None or isinstance(value, str | int | float):
        return value
    raise ValueError(f"a value is a {type(value).__name__}")


def details_in(data: Any) -> TaskDetails | None:
    """What an operator may know of a task; ``None``: it was not told. Raises CommandFailedError."""
    try:
        if "arguments" not in data:
            return None
        return _in_utc(
            TaskDetails(
                arguments_json=encode(dict(data["arguments"])),
                priority=int(data["priority"]),
                changed_at=datetime.fromisoformat(data["changedAt"]),
                max_attempts=None if data["maxAttempts"] is None else int(data["maxAttempts"]),
                timeout=None if data["timeout"] is None else float(data["timeout"]),
            )
        )
    except Exception as error:
        raise _unreadable("a task", error) from None


def attempts_in(data: Any) -> list[Attempt]:
    """The attempts of a task. Raises CommandFailedError."""
    try:
        return [_in_utc(_codec.read(Attempt, item)) for item in data["items"]]
    except Exception as error:
        raise _unreadable("a list of attempts", error) from None


def counts_in(data: Any) -> dict[BackgroundTaskStatus, int]:
    """How many tasks there are in each status. Raises CommandFailedError."""
    try:
        return {BackgroundTaskStatus(name): int(number) for name, number in data.items()}
    except Exception as error:
        raise _unreadable("a count of tasks", error) from None


def log_in(data: Any) -> TaskLog:
    """Lines of a task's log. Raises CommandFailedError."""
    items = _items("a log", data)
    try:
        lines = [_in_utc(_codec.read(LogLine, item)) for item in items]
        return TaskLog(lines, int(data["first"]), int(data["last"]))
    except Exception as error:
        raise _unreadable("a log", error) from None


def matching_in(data: Any) -> dict[str, int]:
    """How many tasks of each type match. Raises CommandFailedError."""
    try:
        return {str(name): int(number) for name, number in data["types"].items()}
    except Exception as error:
        raise _unreadable("a number of tasks", error) from None


def bulk_id_in(data: Any) -> UUID:
    """The id of a bulk job that has begun. Raises CommandFailedError."""
    try:
        return UUID(data["id"])
    except Exception as error:
        raise _unreadable("a bulk job", error) from None


def bulk_in(data: Any) -> BulkProgress:
    """How far a bulk job is. Raises CommandFailedError."""
    try:
        return _in_utc(_codec.read(BulkProgress, data))
    except Exception as error:
        raise _unreadable("a bulk job", error) from None


def _cursor(data: Any) -> str | None:
    cursor = data.get("nextCursor")
    return cursor if isinstance(cursor, str) else None


def _items(expected: str, data: Any) -> list[Any]:
    if not isinstance(data, dict) or not isinstance(data.get("items"), list):
        raise _unreadable(expected, ValueError("there are no items"))
    items: list[Any] = data["items"]
    return items


def _in_utc(value: Shown) -> Shown:
    """``value`` with its times in UTC, so that showing them cannot fail."""
    times: dict[str, Any] = {}
    for name in attrs.asdict(value, recurse=False):
        time = getattr(value, name)
        if isinstance(time, datetime):
            if time.tzinfo is None:
                raise ValueError(f"{name} has no time zone")
            times[name] = time.astimezone(UTC)
    return attrs.evolve(value, **times)


def _unreadable(expected: str, error: Exception) -> CommandFailedError:
    reason = one_line(f"{type(error).__name__}: {error}"[:300])
    return CommandFailedError(
        f"the answer is not {expected} ({reason}); is this command of the same release as the "
        f"application?"
    )
