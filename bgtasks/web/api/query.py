"""The query string of a listing, checked by name."""

import re
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

from starlette.datastructures import QueryParams

from bgtasks.core.query import MAX_NUMBER, SORTS
from bgtasks.core.task_filter import TaskFilter
from bgtasks.web.filters import (
    NAMES,
    check_names,
    is_filter,
    once,
    parse_filter,
    refuse,
    time_in,
    true_or_false,
)
from bgtasks.web.listing import INCLUDED, PageRequest
from bgtasks.web.protocol import MAX_CURSOR, MAX_LIMIT, MAX_TYPE

__all__ = [
    "parse_after",
    "parse_facets",
    "parse_failures",
    "parse_history",
    "parse_page_request",
    "parse_part",
    "parse_query_filter",
]

PART = 50
"""How many schedules a page has, unless it is asked for another number."""


def parse_page_request(query: QueryParams) -> PageRequest:
    """What the parameters of a filter, ``limit``, ``cursor``, ``include`` and ``count`` ask for.

    Raises QueryError, which names the parameter, its value and what is accepted, also where they
    are too many together.
    """
    fields: dict[str, Any] = {}
    for name, (field, parse) in _PARAMETERS.items():
        if name in query:
            fields[field] = parse(query.getlist(name))
    return PageRequest(tasks=parse_query_filter(query, beside=_PARAMETERS), **fields)


def parse_query_filter(query: QueryParams, beside: Collection[str] = ()) -> TaskFilter:
    """The filter in a query that may have other parameters, too. Raises QueryError."""
    check_names(query, [*NAMES[:3], *beside, *NAMES[3:]])
    return parse_filter({name: query.getlist(name) for name in query if is_filter(name)})


def parse_part(query: QueryParams) -> tuple[int, str]:
    """How many schedules a request asks for (``limit``), and behind which name (``cursor``).

    Raises QueryError, which names the parameter, its value and what is accepted.
    """
    check_names(query, ["limit", "cursor"])
    limit, cursor = query.getlist("limit"), query.getlist("cursor")
    return _limit(limit) if limit else PART, _cursor(cursor) if cursor else ""


def parse_after(query: QueryParams) -> int:
    """Behind which line of a log a request asks for lines (``after``). Raises QueryError."""
    check_names(query, ["after"])
    if "after" not in query:
        return 0
    value = once("after", query.getlist("after"))
    if not re.fullmatch("[0-9]{1,16}", value) or int(value) > MAX_NUMBER:
        raise refuse("after", value, f"a whole number from 0 to {MAX_NUMBER}")
    return int(value)


def parse_history(query: QueryParams) -> dict[str, Any]:
    """Which history a request asks for: ``from``, ``to``, ``type`` and ``step``, each of which may
    be left out. Raises QueryError, which names the parameter, its value and what is accepted."""
    check_names(query, [*_FAILED, "step"])
    step = once("step", query.getlist("step")) if "step" in query else "auto"
    return {**_failed(query), "step": step}


def parse_failures(query: QueryParams) -> dict[str, Any]:
    """Which failures a request asks for: ``from``, ``to`` and ``type``, as of a history."""
    check_names(query, _FAILED)
    return _failed(query)


def parse_facets(query: QueryParams) -> dict[str, Any]:
    """The same, and what the tasks of a failure are to be told apart ``by``."""
    check_names(query, ["by", *_FAILED])
    return {**_failed(query), "by": once("by", query.getlist("by")) if "by" in query else ""}


_FAILED = ["from", "to", "type"]


def _failed(query: QueryParams) -> dict[str, Any]:
    given = {name: once(name, query.getlist(name)) for name in _FAILED if name in query}
    type_name = given.get("type")
    if type_name is not None and not 0 < len(type_name) <= MAX_TYPE:
        raise refuse("type", type_name, f"a task type of 1 to {MAX_TYPE} characters")
    start, end = (time_in(name, given[name]) if name in given else None for name in ("from", "to"))
    return {"start": start, "end": end, "type_name": type_name}


def _limit(values: Sequence[str]) -> int:
    value = once("limit", values)
    if not re.fullmatch("[0-9]{1,9}", value) or not 1 <= int(value) <= MAX_LIMIT:
        raise refuse("limit", value, f"a whole number from 1 to {MAX_LIMIT}")
    return int(value)


def _cursor(values: Sequence[str]) -> str:
    value = once("cursor", values)
    if not 0 < len(value) <= MAX_CURSOR:
        raise refuse("cursor", value, "the nextCursor of a listing, as it was given")
    return value


def _include(values: Sequence[str]) -> frozenset[str]:
    parts = once("include", values).split(",")
    for part in parts:
        if part not in INCLUDED:
            raise refuse("include", part, f"{', '.join(INCLUDED)}, separated by commas")
    return frozenset(parts)


def _sort(values: Sequence[str]) -> str:
    if (value := once("sort", values)) not in SORTS:
        raise refuse("sort", value, ", ".join(SORTS))
    return value


_PARAMETERS: dict[str, tuple[str, Callable[[Sequence[str]], Any]]] = {
    "limit": ("limit", _limit),
    "cursor": ("cursor", _cursor),
    "include": ("include", _include),
    "sort": ("sort", _sort),
    "count": ("count", partial(true_or_false, "count")),
}
