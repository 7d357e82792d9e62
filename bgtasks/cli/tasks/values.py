"""What may be written on the command line for a task id, a status, a limit."""

import argparse
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from bgtasks.cli.tasks.plain_text import one_line
from bgtasks.core.durations import to_seconds
from bgtasks.core.record import MAX_PAGE
from bgtasks.core.schedules.definition import checked_name
from bgtasks.models import BackgroundTaskStatus
from bgtasks.web.protocol import parse_task_id

__all__ = [
    "argument",
    "group",
    "json_object",
    "limit",
    "line_number",
    "schedule_name",
    "statuses",
    "task_id",
    "text",
    "time",
    "whole_number",
]

_STATUSES = {status.lower(): status for status in BackgroundTaskStatus}


def text(value: str) -> str:
    """A name of a type or an owner."""
    if not value.isprintable():
        raise argparse.ArgumentTypeError(f"{one_line(value)!r} has characters no name has")
    return value


MIN_PART = 4
"""The shortest beginning or end of an id."""


def task_id(value: str) -> UUID | str:
    """The id of a task, or its beginning or end in hexadecimal, without hyphens."""
    try:
        return parse_task_id(value)
    except ValueError:
        part = value.replace("-", "").lower()
    if not re.fullmatch(f"[0-9a-f]{{{MIN_PART},32}}", part):
        raise argparse.ArgumentTypeError(
            f"{one_line(value)!r}; accepted: a UUID, or its first or last letters, at least "
            f"{MIN_PART}"
        )
    return part


def group(value: str) -> str:
    """The group of a failure, or its beginning."""
    if not re.fullmatch("[0-9a-fA-F]{4,16}", value):
        raise argparse.ArgumentTypeError(
            f"{one_line(value)!r}; accepted: the group of a failure, 16 hexadecimal digits, or at "
            "least the first 4"
        )
    return value.lower()


def json_object(value: str) -> dict[str, Any]:
    """The arguments of a task."""
    try:
        data = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"{one_line(value)!r} is no JSON: {error}") from None
    if not isinstance(data, dict):
        raise argparse.ArgumentTypeError(f"{one_line(value)!r}; accepted: an object in JSON")
    return data


def argument(value: str) -> tuple[str, str]:
    """The path of an argument, and what is there."""
    path, equals, found = value.partition("=")
    if not path or not equals:
        raise argparse.ArgumentTypeError(f"{one_line(value)!r}; accepted: PATH=VALUE")
    return path, found


def schedule_name(value: str) -> str:
    """The name of a schedule."""
    try:
        return checked_name(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(one_line(str(error))) from None


def whole_number(most: int) -> Callable[[str], int]:
    """What reads a whole number from 1 to ``most``."""

    def read(value: str) -> int:
        if not (value.isdecimal() and len(value) < 10 and 1 <= int(value) <= most):
            raise argparse.ArgumentTypeError(
                f"{one_line(value)!r}; accepted: a whole number from 1 to {most:,}"
            )
        return int(value)

    return read


limit: Callable[[str], int] = whole_number(MAX_PAGE)
"""How many tasks are wanted."""


def line_number(value: str) -> int:
    """The number of a line of a log, or 0."""
    return 0 if value == "0" else whole_number(999_999_999)(value)


def statuses(value: str) -> list[BackgroundTaskStatus]:
    """Statuses in any case, separated by commas."""
    found = []
    for name in value.split(","):
        status = _STATUSES.get(name.strip().lower())
        if status is None:
            raise argparse.ArgumentTypeError(
                f"{one_line(name)!r}; accepted: {', '.join(BackgroundTaskStatus)}"
            )
        found.append(status)
    return found


def time(value: str) -> datetime:
    """A time, or how long ago it was: ``2h``, ``2026-01-31``, ``2026-01-31T09:00``; without a zone
    it is one of this computer."""
    ago = to_seconds(value)
    try:
        if ago is not None:
            return datetime.now(UTC) - timedelta(seconds=ago)
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"{one_line(value)!r}; accepted: how long ago, such as 2h or '7 days', or a time such "
            "as 2026-01-31T09:00"
        ) from None
