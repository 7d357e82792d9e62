"""Which failures there are."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from bgtasks.backends.base import Backend
from bgtasks.core.record import NOT_YET
from bgtasks.core.task_filter import TaskFilter, Types
from bgtasks.core.text import shown
from bgtasks.errors import QueryError
from bgtasks.models import UNSET, FailureGroup

__all__ = ["failure_groups"]

USUAL = timedelta(days=1)


async def failure_groups(
    backend: Backend, start: object, end: object, types: Types | None
) -> Sequence[FailureGroup]:
    """The groups of what failed between two times. Raises QueryError for what is none."""
    last = NOT_YET if end is None else _time("to", end)
    first = min(last, backend.now()) - USUAL if start is None else _time("from", start)
    if first >= last:
        raise QueryError(
            f"from {first.isoformat()} to {last.isoformat()} is no span of time; accepted: a start "
            "before its end"
        )
    wanted = TaskFilter(type=UNSET if types is None else types)
    return await backend.failure_groups(first, last, wanted.query(1).types)


def _time(name: str, given: object) -> datetime:
    try:
        if isinstance(given, datetime) and given.utcoffset() is not None:
            return given.astimezone(UTC)
    except Exception as error:  # raised by the time zone, which is the caller's, or out of range
        raise QueryError(f"{name} is {shown(given)}, which cannot be told in UTC") from error
    raise QueryError(f"{name} is {shown(given)}; accepted: a time with a time zone")
