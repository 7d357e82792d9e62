"""Which failures there are in the tables, and how many tasks have each."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bgtasks.backends.postgres.searching import escaped, unescaped
from bgtasks.backends.postgres.statements import STATEMENTS
from bgtasks.backends.task_reads import MAX_FACETS, MAX_FAILED, MAX_GROUPS
from bgtasks.core.attempts import FAILED
from bgtasks.core.facets import MAX_FACET, FacetQuery, FacetValue, FailedTasks, told_value
from bgtasks.models import FailureGroup

__all__ = [
    "fetch_ended_tasks",
    "fetch_facet_values",
    "fetch_failed_tasks",
    "fetch_failure_groups",
]


async def fetch_failure_groups(
    connection: Any, start: datetime, end: datetime, types: Sequence[str]
) -> list[FailureGroup]:
    """See :meth:`TaskReads.failure_groups`."""
    found = await connection.fetch(
        STATEMENTS["failure_groups"], start, end, list(types) or None, MAX_FAILED, MAX_GROUPS
    )
    return [
        FailureGroup(
            group=row[0],
            still_failed=row[1],
            recovered=row[2],
            retrying=row[3],
            first_at=row[4],
            last_at=row[5],
            types=tuple(sorted(row[6])),
            sample_task=row[7],
            error_type=row[8] or FAILED,
            sample=row[9] or "",
            frame=row[10],
        )
        for row in found
    ]


async def fetch_failed_tasks(connection: Any, wanted: FacetQuery) -> FailedTasks:
    """See :meth:`TaskReads.failed_tasks`."""
    found = await connection.fetchrow(
        STATEMENTS["failed_tasks"],
        wanted.group,
        wanted.start,
        wanted.end,
        list(wanted.types) or None,
        MAX_FAILED,
    )
    return FailedTasks(*found)


async def fetch_ended_tasks(connection: Any, wanted: FacetQuery, most: int) -> Sequence[int]:
    """See :meth:`TaskReads.ended_tasks`."""
    found: Sequence[int] = await connection.fetchval(
        STATEMENTS["ended_tasks"], wanted.start, wanted.end, most
    )
    return found


async def fetch_facet_values(
    connection: Any,
    wanted: FacetQuery,
    sequences: Sequence[int],
    keys: Sequence[str | None] | None,
) -> list[FacetValue]:
    """See :meth:`TaskReads.facet_values`."""
    found = await connection.fetch(
        STATEMENTS["facet_values"],
        sequences,
        wanted.group,
        wanted.by,
        None if wanted.path is None else escaped(wanted.path),
        list(wanted.types) or None,
        MAX_FACET,
        keys,
        MAX_FACETS + (keys is not None),  # what has no value comes beside the keys
    )
    return [FacetValue(key, told_value(wanted.by, key, _argument), number) for key, number in found]


def _argument(key: str) -> Any:
    data = json.loads(key)
    return unescaped(data) if isinstance(data, str) else data
