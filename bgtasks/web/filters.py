"""A filter of tasks as clients write it: the parameters of a query, or of a body."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bgtasks.core.task_filter import TIMES, TaskFilter
from bgtasks.errors import QueryError
from bgtasks.models import UNSET, BackgroundTaskStatus
from bgtasks.web.protocol import MAX_OWNER, MAX_TYPE, MAX_TYPES

__all__ = [
    "ARGUMENT",
    "FILTERS",
    "NAMES",
    "check_names",
    "is_filter",
    "once",
    "parse_filter",
    "refuse",
    "time_in",
    "true_or_false",
    "written_filter",
]

_STATUSES = ", ".join(BackgroundTaskStatus)

ARGUMENT = "args."
"""What the name of a parameter begins with that filters by an argument; then comes its path."""

_TIME = "a time such as 2026-01-31T09:00:00Z, with its zone"

Fields = dict[str, Any]


def parse_filter(given: Mapping[str, Sequence[str]]) -> TaskFilter:
    """The filter in these parameters, each of which ``is_filter``. Raises QueryError, which names
    the parameter, its value and what is accepted, also where they are too many together."""
    fields: Fields = {}
    if arguments := {name: values for name, values in given.items() if name.startswith(ARGUMENT)}:
        fields["arguments"] = {
            name.removeprefix(ARGUMENT): once(name, values) for name, values in arguments.items()
        }
    for name, values in given.items():
        if name in arguments:
            continue
        for field, value in FILTERS[name](name, values).items():
            if field in fields:
                raise QueryError(f"{field} is given twice, once as a part of {name}; give it once")
            fields[field] = value
    return TaskFilter(**fields)


def written_filter(wanted: TaskFilter) -> list[tuple[str, str]]:
    """The parameters that ``parse_filter`` reads as this filter."""
    query: list[tuple[str, str]] = []
    if wanted.type is not UNSET:
        query += [("type", name) for name in wanted.type]
    if wanted.status is not UNSET:
        query += [("status", status.value) for status in wanted.status]
    if wanted.owner is not UNSET:
        query += [("owner", owner or "") for owner in wanted.owner]
    for name in TIMES:
        if (at := getattr(wanted, name)) is not None:
            query.append((name, at.isoformat()))
    query += [(f"{ARGUMENT}{path}", value) for path, value in wanted.arguments]
    texts = {name: getattr(wanted, name) for name in ("q", "view", "error")}
    query += [(name, text) for name, text in texts.items() if text is not None]
    return query


def is_filter(name: str) -> bool:
    """Whether a parameter of this name is a part of a filter."""
    return name in FILTERS or name.startswith(ARGUMENT)


def refuse(name: str, value: str, accepted: str) -> QueryError:
    """What to raise for a value that is not accepted."""
    return QueryError(f"{name} is {value[:MAX_TYPE]!r}; accepted: {accepted}")


def once(name: str, values: Sequence[str]) -> str:
    """The one value of a parameter."""
    if len(values) != 1:
        raise QueryError(f"{name} is given {len(values)} times; accepted: once")
    return values[0]


def true_or_false(name: str, values: Sequence[str]) -> bool:
    """The one value of a parameter that is on or off."""
    if (value := once(name, values)) not in ("true", "false"):
        raise refuse(name, value, "true or false")
    return value == "true"


def check_names(
    names: Iterable[str], accepted: Sequence[str], complaint: str = "unknown parameter"
) -> None:
    """Raise QueryError for the name of a parameter that is none of ``accepted``, which may have
    ``args.`` among them."""
    for name in names:
        if name not in accepted and not (ARGUMENT in accepted and name.startswith(ARGUMENT)):
            raise QueryError(f"{complaint} {name[:100]!r}; accepted: {', '.join(accepted)}")


def _types(name: str, values: Sequence[str]) -> Fields:
    for value in values:
        if not 0 < len(value) <= MAX_TYPE:
            raise refuse(name, value, f"a task type of 1 to {MAX_TYPE} characters")
    return {"type": _distinct(name, values)}


def _owners(name: str, values: Sequence[str]) -> Fields:
    for value in values:
        if len(value) > MAX_OWNER:
            raise refuse(name, value, f"at most {MAX_OWNER} characters; empty for no owner")
    return {"owner": [value or None for value in _distinct(name, values)]}


def _distinct(name: str, values: Sequence[str]) -> Iterable[str]:
    if len(values) > MAX_TYPES:
        raise QueryError(f"{name} is given {len(values)} times; accepted: at most {MAX_TYPES}")
    return dict.fromkeys(values)


def _statuses(name: str, values: Sequence[str]) -> Fields:
    found = []
    for part in ",".join(values).split(","):
        try:
            found.append(BackgroundTaskStatus(part.strip()))
        except ValueError:
            raise refuse(name, part, f"{_STATUSES}, repeated or separated by commas") from None
    return {"status": dict.fromkeys(found)}


def _text(name: str, values: Sequence[str]) -> Fields:
    return {name: once(name, values)}


def _time(name: str, values: Sequence[str]) -> Fields:
    return {name: time_in(name, once(name, values))}


def _range(name: str, values: Sequence[str]) -> Fields:
    """``from..to``, of which one may be left out."""
    accepted = f"{_TIME}, and another after '..'; one of them may be left out"
    start, dots, end = once(name, values).partition("..")
    if not dots or not (start or end):
        raise refuse(name, values[0], accepted)
    sides = {f"{name}_after": start, f"{name}_before": end}
    return {side: time_in(name, text, accepted) for side, text in sides.items() if text}


def time_in(name: str, text: str, accepted: str = _TIME) -> datetime:
    """The time that a client wrote, in UTC."""
    try:
        # In a query, a + that was not written as %2B arrives as a space.
        at = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        raise refuse(name, text, accepted) from None
    if at.utcoffset() is None:
        raise refuse(name, text, accepted)
    return at.astimezone(UTC)


FILTERS: Mapping[str, Callable[[str, Sequence[str]], Fields]] = {
    "type": _types,
    "status": _statuses,
    "owner": _owners,
    "q": _text,
    "view": _text,
    "error": _text,
    "created": _range,
    "started": _range,
    "ended": _range,
    **dict.fromkeys(TIMES, _time),
}
"""The parameters of a filter, and what reads them; there are those of arguments, too."""

NAMES = (*FILTERS, ARGUMENT)
"""How the parameters of a filter are called."""
