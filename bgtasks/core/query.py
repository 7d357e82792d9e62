"""A page of tasks: how it is asked for, and what it is."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, overload
from uuid import UUID

from attrs import frozen

from bgtasks.core.record import MAX_PAGE, TaskQuery
from bgtasks.core.task_filter import TaskFilter
from bgtasks.core.text import shown
from bgtasks.errors import QueryError
from bgtasks.models import BackgroundTaskInfo

__all__ = [
    "MAX_NUMBER",
    "BackgroundTaskPage",
    "checked_id",
    "checked_number",
    "cursor_of",
    "make_query",
]

MAX_NUMBER = 2**53
"""The greatest number of a line: JavaScript can count so far."""


@frozen
class BackgroundTaskPage(Sequence[BackgroundTaskInfo[Any]]):
    """Tasks, newest accepted first; itself a sequence of them. A search may find fewer than asked
    for, or none, though more follow.

    ``next_cursor`` goes into the next call of ``get_tasks`` and is ``None`` on the last page.
    """

    items: tuple[BackgroundTaskInfo[Any], ...]
    next_cursor: str | None

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[BackgroundTaskInfo[Any]]:
        return iter(self.items)

    @overload
    def __getitem__(self, index: int) -> BackgroundTaskInfo[Any]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[BackgroundTaskInfo[Any]]: ...
    def __getitem__(
        self, index: int | slice
    ) -> BackgroundTaskInfo[Any] | Sequence[BackgroundTaskInfo[Any]]:
        return self.items[index]


def checked_id(task_id: UUID) -> UUID:
    """``task_id`` itself. Raises TypeError where it is no UUID."""
    if not isinstance(task_id, UUID):
        raise TypeError(f"task_id is {shown(task_id)}; accepted: a uuid.UUID, as run_task gives it")
    return task_id


def checked_number(name: str, number: int) -> int:
    """The number of a line of a log. Raises QueryError, which names the argument."""
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= MAX_NUMBER:
        raise QueryError(
            f"{name} is {shown(number)}; accepted: a whole number from 0 to {MAX_NUMBER}"
        )
    return number


def make_query(wanted: TaskFilter, limit: int, cursor: str | None) -> TaskQuery:
    """The query for a page of these tasks. Raises QueryError, which names the argument and what is
    accepted."""
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MAX_PAGE:
        raise QueryError(
            f"limit is {shown(limit)}; accepted: a whole number from 1 to {MAX_PAGE:,}"
        )
    return wanted.query(limit, None if cursor is None else _sequence_of(cursor))


def cursor_of(before: int | None) -> str | None:
    """The cursor of the page that continues before this ``sequence``."""
    return None if before is None else f"t{before:x}"


def _sequence_of(cursor: str) -> int:
    if not isinstance(cursor, str) or not re.fullmatch(r"t[0-9a-f]{1,15}", cursor):
        raise QueryError(f"cursor is {shown(cursor)}; accepted: a next_cursor of an earlier page")
    return int(cursor[1:], 16)
