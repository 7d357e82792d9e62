"""Which tasks are meant: one filter for lists, counts and what is done to many tasks at once."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from itertools import islice
from math import prod
from typing import Any, TypedDict, TypeVar, get_args

from attrs import evolve, field, fields_dict, frozen

from bgtasks.core.argument_values import ArgumentValue, checked_arguments
from bgtasks.core.error_groups import is_group
from bgtasks.core.record import Search, Span, TaskQuery, View
from bgtasks.core.text import clean, shown
from bgtasks.errors import QueryError
from bgtasks.models import UNSET, BackgroundTaskStatus, Unset

__all__ = [
    "MAX_VALUES",
    "MAX_WORDS",
    "TIMES",
    "FilterOptions",
    "TaskFilter",
    "check_combinations",
    "filter_of",
]

T = TypeVar("T")

MAX_VALUES = 100
"""The most values one filter may have."""

MAX_COMBINATIONS = 1_000
"""The most combinations of an owner, a type and a status that one query may name: the store
looks each of them up."""

MAX_SEARCH = 200
"""The longest text to search for, in characters."""

MAX_WORDS = 10
"""The most words in it."""

TIMES = tuple(
    f"{name}_{side}" for name in ("created", "started", "ended") for side in ("after", "before")
)
"""The fields of a filter that are times."""

Types = str | Iterable[str]
Statuses = BackgroundTaskStatus | str | Iterable[BackgroundTaskStatus | str]
Owners = str | None | Iterable[str | None]


class FilterOptions(TypedDict, total=False):
    """The fields of :class:`TaskFilter`, as methods take them by name."""

    type: Types | Unset
    status: Statuses | Unset
    owner: Owners | Unset
    created_after: datetime | None
    created_before: datetime | None
    started_after: datetime | None
    started_before: datetime | None
    ended_after: datetime | None
    ended_before: datetime | None
    q: str | None
    in_arguments: bool
    arguments: Mapping[str, ArgumentValue] | None
    view: View | None
    error: str | None


def _several(name: str, given: Any, check: Callable[[str, Any], T]) -> tuple[T, ...] | Unset:
    if given is UNSET:
        unset: Unset = UNSET
        return unset
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


def _types(given: Types | Unset) -> tuple[str, ...] | Unset:
    return _several("type", given, _text)


def _statuses(given: Statuses | Unset) -> tuple[BackgroundTaskStatus, ...] | Unset:
    return _several("status", given, _status)


def _owners(given: Owners | Unset) -> tuple[str | None, ...] | Unset:
    return _several("owner", given, _owner)


def _search_text(given: str | None) -> str | None:
    if given is None:
        return None
    text = _text("q", given)
    if len(text) > MAX_SEARCH or len(text.split()) > MAX_WORDS:
        raise QueryError(
            f"q is {shown(given)}; accepted: at most {MAX_WORDS} words and {MAX_SEARCH} characters"
        )
    return text


def _view(given: Any) -> View | None:
    if given is not None and given not in get_args(View):
        raise QueryError(f"view is {shown(given)}; accepted: {', '.join(get_args(View))}")
    view: View | None = given
    return view


def _error(given: Any) -> str | None:
    if given is not None and not (isinstance(given, str) and is_group(given)):
        raise QueryError(
            f"error is {shown(given)}; accepted: the group of a failure, 16 hexadecimal digits"
        )
    group: str | None = given
    return group


def _utc(name: str, given: Any) -> datetime | None:
    if given is None:
        return None
    try:
        if isinstance(given, datetime) and given.utcoffset() is not None:
            return given.astimezone(UTC)
    except Exception as error:  # raised by the time zone, which is the caller's, or out of range
        raise QueryError(f"{name} is {shown(given)}, which cannot be told in UTC") from error
    raise QueryError(f"{name} is {shown(given)}; accepted: a time with a time zone")


@frozen(kw_only=True)
class TaskFilter:
    """Which tasks are meant: those to which everything applies that is given.

    - ``type``, ``status``, ``owner``: one value or several, at most 100; ``None`` among the owners
      means tasks without an owner. At most 1,000 combinations.
    - ``created_after`` and ``created_before``, and the same for ``started`` (the newest attempt)
      and ``ended`` (when the task became final): aware times, from the one on and before the other.
    - ``q``: words, each of which occurs in the name, the error message, the status message or the
      arguments (unless ``in_arguments`` is false), in any case of letters, or begins the id; at
      most 10 words and 200 characters.
    - ``arguments``: at most 5 paths and the values there, such as ``{"share": "photos"}`` or
      ``{"options.size": 3}``: the keys as the JSON of a task has them (camelCase), or places in a
      list, with dots in between; a text, a number, a bool or ``None``. Arguments of more than
      16,384 characters of JSON are not looked into.
    - ``view``: tasks that are ``"waiting"`` for their turn, ``"scheduled"`` for a time that was
      named, or ``"retrying"`` after a failed attempt.
    - ``error``: the ``group`` of a failure (see :class:`~bgtasks.FailureGroup`): tasks whose newest
      failure is that one, whatever became of them since.

    Raises QueryError, which names the field and what is accepted.
    """

    type: tuple[str, ...] | Unset = field(default=UNSET, converter=_types)
    status: tuple[BackgroundTaskStatus, ...] | Unset = field(default=UNSET, converter=_statuses)
    owner: tuple[str | None, ...] | Unset = field(default=UNSET, converter=_owners)
    created_after: datetime | None = None
    created_before: datetime | None = None
    started_after: datetime | None = None
    started_before: datetime | None = None
    ended_after: datetime | None = None
    ended_before: datetime | None = None
    q: str | None = field(default=None, converter=_search_text)
    in_arguments: bool = True
    arguments: tuple[tuple[str, str], ...] = field(default=(), converter=checked_arguments)
    view: View | None = field(default=None, converter=_view)
    error: str | None = field(default=None, converter=_error)

    def __attrs_post_init__(self) -> None:
        for name in TIMES:
            object.__setattr__(self, name, _utc(name, getattr(self, name)))
        query = self.query(1)
        check_combinations(query.types, query.statuses, query.owners)

    @property
    def is_everything(self) -> bool:
        """Whether no task is left out."""
        query = self.query(1)
        return not (query.types or query.statuses or query.search) and query.owners is None

    @property
    def key(self) -> tuple[Any, ...]:
        """Equal for filters that mean the same, in whatever order their values were given."""
        query = self.query(1)
        owners = None if query.owners is None else frozenset(query.owners)
        return frozenset(query.types), frozenset(query.statuses), owners, query.search

    @property
    def search(self) -> Search:
        """The part of the filter that has to be looked for."""
        words = tuple(dict.fromkeys((self.q or "").split()))
        return Search(
            created=Span(self.created_after, self.created_before),
            started=Span(self.started_after, self.started_before),
            ended=Span(self.ended_after, self.ended_before),
            words=words,
            in_arguments=bool(words) and self.in_arguments,
            arguments=self.arguments,
            view=self.view,
            error=self.error,
        )

    def among(self, statuses: Collection[BackgroundTaskStatus]) -> "TaskFilter | None":
        """Those of the tasks that are in one of ``statuses``; ``None``: no task can be."""
        asked = self.query(1).statuses or statuses
        found = [status for status in asked if status in statuses]
        return evolve(self, status=found) if found else None

    def query(self, limit: int, before: int | None = None) -> TaskQuery:
        """The first ``limit`` of these tasks, or those before a sequence."""
        return TaskQuery(
            types=() if self.type is UNSET else self.type,
            statuses=() if self.status is UNSET else self.status,
            owners=None if self.owner is UNSET else self.owner,
            search=self.search,
            before=before,
            limit=limit,
        )


_FIELDS = tuple(fields_dict(TaskFilter))


def filter_of(given: TaskFilter | None, options: FilterOptions) -> TaskFilter:
    """The filter that a method was given, as one object or by names. Raises QueryError for both
    at once, and for a name that no filter has."""
    if unknown := [name for name in options if name not in _FIELDS]:
        raise QueryError(f"a filter has no {unknown[0]!r}; accepted: {', '.join(_FIELDS)}")
    if given is None:
        return TaskFilter(**options)
    if not isinstance(given, TaskFilter):
        raise QueryError(f"filter is {shown(given)}; accepted: a TaskFilter")
    if options:
        raise QueryError(f"a filter and {', '.join(options)} are both given; give one of them")
    return given


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
