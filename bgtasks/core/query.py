"""A page of tasks: how it is asked for, and what it is."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, get_args, overload
from uuid import UUID

from attrs import evolve, frozen

from bgtasks.core.record import MAX_PAGE, Place, Sort, TaskPage, TaskQuery, TaskRecord
from bgtasks.core.task_filter import TaskFilter
from bgtasks.core.text import shown
from bgtasks.errors import QueryError
from bgtasks.models import BackgroundTaskInfo

__all__ = [
    "MAX_NUMBER",
    "NEWEST_FIRST",
    "SORTS",
    "BackgroundTaskPage",
    "checked_id",
    "checked_number",
    "cursor_after",
    "cursor_of",
    "make_query",
]

SORTS: tuple[Sort, ...] = get_args(Sort)
"""The orders of a list."""

NEWEST_FIRST: Sort = "-created"
"""The order of a list of which nothing else is said."""

MAX_NUMBER = 2**53
"""The greatest number of a line: JavaScript can count so far."""


@frozen
class BackgroundTaskPage(Sequence[BackgroundTaskInfo[Any]]):
    """Tasks in the order that was asked for, by default newest accepted first; itself a sequence
    of them.

    ``next_cursor`` goes into the next call of ``get_tasks`` and is ``None`` on the last page.
    ``complete`` is false where only the newest 10,000 tasks that fit were sorted, and there are
    more. A search that took a second ends its page there, with fewer tasks than asked for, or
    none: ``searched_to`` is then when the last task was submitted that it has looked at,
    ``searched_task`` the id of that one, and the next page goes on.
    """

    items: tuple[BackgroundTaskInfo[Any], ...]
    next_cursor: str | None
    complete: bool = True
    searched_to: datetime | None = None
    searched_task: UUID | None = None

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


def make_query(
    wanted: TaskFilter, limit: int, cursor: str | None, sort: Sort = NEWEST_FIRST
) -> TaskQuery:
    """The query for a page of these tasks. Raises QueryError, which names the argument and what is
    accepted."""
    if sort not in SORTS:
        raise QueryError(f"sort is {shown(sort)}; accepted: {', '.join(SORTS)}")
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MAX_PAGE:
        raise QueryError(
            f"limit is {shown(limit)}; accepted: a whole number from 1 to {MAX_PAGE:,}"
        )
    query = evolve(wanted.query(limit), sort=sort)
    return query if cursor is None else _continued(query, cursor)


def cursor_of(query: TaskQuery, page: TaskPage) -> str | None:
    """The cursor of the page that comes after ``page``."""
    if page.next_place is not None:
        return _cursor(query.sort, page.next_place)
    return None if page.next_before is None else _cursor(query.sort, Place(None, page.next_before))


def cursor_after(record: TaskRecord, sort: Sort = NEWEST_FIRST) -> str:
    """The cursor of the page that goes on after a task."""
    place = TaskQuery(sort=sort).place_of(record) or Place(None, record.sequence)
    return _cursor(sort, place)


def _cursor(sort: Sort, place: Place) -> str:
    at = "" if place.at is None else f"{(place.at - _EPOCH) // _MICROSECOND:x}"
    return f"{_LETTERS[SORTS.index(sort)]}{place.sequence:x}{f'.{at}' if at else ''}"


def _continued(query: TaskQuery, cursor: object) -> TaskQuery:
    found = isinstance(cursor, str) and re.fullmatch(
        r"([a-z])([0-9a-f]{1,15})(?:\.([0-9a-f]{1,14}))?", cursor
    )
    if not found or found[1] != _LETTERS[SORTS.index(query.sort)]:
        raise QueryError(
            f"cursor is {shown(cursor)}; accepted: a next_cursor of an earlier page, sorted alike"
        )
    sequence = int(found[2], 16)
    if query.sorted_by is None:
        return evolve(query, before=sequence)
    at = None if found[3] is None else _EPOCH + int(found[3], 16) * _MICROSECOND
    return evolve(query, place=Place(at, sequence))


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LETTERS = "tubsfe"
"""What cursors begin with, for each order."""
