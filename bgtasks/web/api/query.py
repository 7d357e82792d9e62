"""The query string of a listing, checked by name."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from starlette.datastructures import QueryParams

from bgtasks.core.query import check_combinations
from bgtasks.errors import QueryError
from bgtasks.models import BackgroundTaskStatus
from bgtasks.web.listing import TaskFilter
from bgtasks.web.protocol import MAX_CURSOR, MAX_LIMIT, MAX_OWNER, MAX_TYPE, MAX_TYPES

__all__ = ["parse_filter"]

_STATUSES = ", ".join(BackgroundTaskStatus)


def parse_filter(query: QueryParams) -> TaskFilter:
    """The filter that ``type``, ``status``, ``owner``, ``limit``, ``cursor`` and ``include``
    ask for.

    Raises QueryError, which names the parameter, its value and what is accepted, also where they
    are too many together.
    """
    fields: dict[str, Any] = {}
    for name in dict.fromkeys(query.keys()):
        if name not in _PARAMETERS:
            raise QueryError(
                f"unknown parameter {name[:100]!r}; accepted: {', '.join(_PARAMETERS)}"
            )
        field, parse = _PARAMETERS[name]
        fields[field] = parse(query.getlist(name))
    wanted = TaskFilter(**fields)
    check_combinations(wanted.types, wanted.statuses, wanted.owners)
    return wanted


def _refuse(name: str, value: str, accepted: str) -> QueryError:
    return QueryError(f"{name} is {value[:MAX_TYPE]!r}; accepted: {accepted}")


def _types(values: Sequence[str]) -> Sequence[str]:
    for value in values:
        if not 0 < len(value) <= MAX_TYPE:
            raise _refuse("type", value, f"a task type of 1 to {MAX_TYPE} characters")
    return _distinct("type", values)


def _owners(values: Sequence[str]) -> Sequence[str | None]:
    for value in values:
        if len(value) > MAX_OWNER:
            raise _refuse("owner", value, f"at most {MAX_OWNER} characters; empty for no owner")
    return [value or None for value in _distinct("owner", values)]


def _distinct(name: str, values: Sequence[str]) -> Sequence[str]:
    if len(values) > MAX_TYPES:
        raise QueryError(f"{name} is given {len(values)} times; accepted: at most {MAX_TYPES}")
    return list(dict.fromkeys(values))


def _statuses(values: Sequence[str]) -> Sequence[BackgroundTaskStatus]:
    found = []
    for name in ",".join(values).split(","):
        try:
            found.append(BackgroundTaskStatus(name.strip()))
        except ValueError:
            raise _refuse("status", name, f"{_STATUSES}, repeated or separated by commas") from None
    return list(dict.fromkeys(found))


def _limit(values: Sequence[str]) -> int:
    value = _once("limit", values)
    if not re.fullmatch("[0-9]{1,9}", value) or not 1 <= int(value) <= MAX_LIMIT:
        raise _refuse("limit", value, f"a whole number from 1 to {MAX_LIMIT}")
    return int(value)


def _cursor(values: Sequence[str]) -> str:
    value = _once("cursor", values)
    if not 0 < len(value) <= MAX_CURSOR:
        raise _refuse("cursor", value, "the nextCursor of a listing, as it was given")
    return value


def _include(values: Sequence[str]) -> bool:
    if (value := _once("include", values)) != "payload":
        raise _refuse("include", value, "payload")
    return True


def _once(name: str, values: Sequence[str]) -> str:
    if len(values) > 1:
        raise QueryError(f"{name} is given {len(values)} times; accepted: once")
    return values[0]


_PARAMETERS: dict[str, tuple[str, Callable[[Sequence[str]], Any]]] = {
    "type": ("types", _types),
    "status": ("statuses", _statuses),
    "owner": ("owners", _owners),
    "limit": ("limit", _limit),
    "cursor": ("cursor", _cursor),
    "include": ("payloads", _include),
}
