"""The arguments of ``get_tasks``, checked and made into a query, and the page it returns."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import islice
from math import prod
from typing import Any, TypeVar, overload
from uuid import UUID

from attrs import frozen

from bgtasks.core.record import MAX_PAGE, TaskQuery
from bgtasks.core.text import clean, shown
from bgtasks.errors import QueryError
from bgtasks.models import UNSET, BackgroundTaskInfo, BackgroundTaskStatus, Unset

__all__ = ["BackgroundTaskPage", "check_combinations", "checked_id", "cursor_of", "make_query"]

T = TypeVar("T")

MAX_VALUES = 100
"""The most values one filter may have."""

MAX_COMBINATIONS = 1_000
"""The most combinations of an owner, a type and a status that one query may name: the store
looks each of them up."""


@frozen
class BackgroundTaskPage(Sequence[BackgroundTaskInfo[Any]]):
    """Tasks, newest accepted first; itself a sequence of them.

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


def make_query(
    *,
    type: str | Iterable[str] | Unset,  # noqa: A002 - the glossary's word
    status: BackgroundTaskStatus | str | Iterable[BackgroundTaskStatus | str] | Unset,
    owner: str | None | Iterable[str | None] | Unset,
    limit: int,
    cursor: str | None,
) -> TaskQuery:
    """The query for these arguments of ``get_tasks``. Raises QueryError, which names the
    argument and what is accepted."""
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MAX_PAGE:
        raise QueryError(
            f"limit is {shown(limit)}; accepted: a whole number from 1 to {MAX_PAGE:,}"
        )
    query = TaskQuery(
        types=_values("type", type, _text) or (),
        statuses=_values("status", status, _status) or (),
        owners=_values("owner", owner, _owner),
        before=None if cursor is None else _sequence_of(cursor),
        limit=limit,
    )
    check_combinations(query.types, query.statuses, query.owners)
    return query


def check_combinations(
    types: Collection[object] | None,
    statuses: Collection[object] | None,
    owners: Collection[object] | None,
) -> None:
    """Raise QueryError for more than 1,000 combinations of an owner, a type and a status. A filter
    that is left out counts as one value, for the status as five."""
    numbers = {
        "owner": len(owners) if owners is not None else 1,
        "type": len(types or ()) or 1,
        "status": len(statuses or ()) or len(BackgroundTaskStatus),
    }
    product = prod(numbers.values())
    if product > MAX_COMBINATIONS:
        named = " times ".join(f"{number} of {name}" for name, number in numbers.items())
        raise QueryError(
            f"{named} are {product:,} combinations; accepted: at most {MAX_COMBINATIONS:,}, "
            f"so ask for fewer at once"
        )


def cursor_of(before: int | None) -> str | None:
    """The cursor of the page that continues before this ``sequence``."""
    return None if before is None else f"t{before:x}"


def _sequence_of(cursor: str) -> int:
    if not isinstance(cursor, str) or not re.fullmatch(r"t[0-9a-f]{1,15}", cursor):
        raise QueryError(f"cursor is {shown(cursor)}; accepted: a next_cursor of an earlier page")
    return int(cursor[1:], 16)


def _values(name: str, given: Any, check: Callable[[str, Any], T]) -> tuple[T, ...] | None:
    if given is UNSET:
        return None
    several = isinstance(given, Iterable) and not isinstance(given, (str, bytes))
    values = tuple(islice(given if several else [given], MAX_VALUES + 1))
    if len(values) > MAX_VALUES:
        raise QueryError(
            f"{name} has more than {MAX_VALUES} values; accepted: at most {MAX_VALUES}"
        )
    return tuple(dict.fromkeys(check(name, value) for value in values))


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise QueryError(f"{name} is {shown(value)}; accepted: a text")
    return clean(value, len(value))  # as it was stored


def _owner(name: str, value: Any) -> str | None:
    return None if value is None else _text(name, value)


def _status(name: str, value: Any) -> BackgroundTaskStatus:
    try:
        return BackgroundTaskStatus(value)
    except ValueError:
        accepted = ", ".join(BackgroundTaskStatus)
        raise QueryError(f"{name} is {shown(value)}; accepted: {accepted}") from None
