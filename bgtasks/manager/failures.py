"""Which failures there are."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from bgtasks.backends.base import Backend
from bgtasks.core.error_groups import is_group
from bgtasks.core.facets import FacetQuery, checked_facet
from bgtasks.core.record import NOT_YET
from bgtasks.core.task_filter import TaskFilter, Types
from bgtasks.core.text import shown
from bgtasks.errors import QueryError
from bgtasks.models import UNSET, FailureFacet, FailureGroup

__all__ = ["failure_facets", "failure_groups"]

USUAL = timedelta(days=1)


async def failure_groups(
    backend: Backend, start: object, end: object, types: Types | None
) -> Sequence[FailureGroup]:
    """The groups of what failed between two times. Raises QueryError for what is none."""
    first, last = _span(backend, start, end)
    return await backend.failure_groups(first, last, _types(types))


async def failure_facets(
    backend: Backend, group: str, by: str, start: object, end: object, types: Types | None
) -> Sequence[FailureFacet]:
    """What the tasks of a group have in common. Raises QueryError for what is no group, and for
    what they cannot be told apart by."""
    if not isinstance(group, str) or not is_group(group):
        raise QueryError(
            f"group is {shown(group)}; accepted: the group of a failure, 16 hexadecimal digits"
        )
    first, last = _span(backend, start, end)
    return await backend.failure_facets(
        FacetQuery(group=group, by=checked_facet(by), start=first, end=last, types=_types(types))
    )


def _types(types: Types | None) -> Sequence[str]:
    return TaskFilter(type=UNSET if types is None else types).query(1).types


def _span(backend: Backend, start: object, end: object) -> tuple[datetime, datetime]:
    last = NOT_YET if end is None else _time("to", end)
    first = min(last, backend.now()) - USUAL if start is None else _time("from", start)
    if first >= last:
        raise QueryError(
            f"from {first.isoformat()} to {last.isoformat()} is no span of time; accepted: a start "
            "before its end"
        )
    return first, last


def _time(name: str, given: object) -> datetime:
    try:
        if isinstance(given, datetime) and given.utcoffset() is not None:
            return given.astimezone(UTC)
    except Exception as error:  # raised by the time zone, which is the caller's, or out of range
        raise QueryError(f"{name} is {shown(given)}, which cannot be told in UTC") from error
    raise QueryError(f"{name} is {shown(given)}; accepted: a time with a time zone")
