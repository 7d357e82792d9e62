"""Which failures there are in the file, and how many tasks have each."""

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from bgtasks.backends.embedded import rows
from bgtasks.backends.embedded.searching import json_paths
from bgtasks.backends.embedded.statements import STATEMENTS
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


def fetch_failure_groups(
    connection: sqlite3.Connection, start: datetime, end: datetime, types: Sequence[str]
) -> list[FailureGroup]:
    """See :meth:`TaskReads.failure_groups`."""
    values = {
        "start": rows.from_time(start),
        "end": rows.from_time(end),
        "types": _names(types),
        "most": MAX_FAILED,
        "groups": MAX_GROUPS,
    }
    return [_group(*row) for row in connection.execute(STATEMENTS["failure_groups"], values)]


def _group(
    group: str,
    still_failed: int,
    recovered: int,
    retrying: int,
    first_at: int,
    last_at: int,
    types: str,
    task: bytes,
    error_type: str | None,
    message: str | None,
    frame: str | None,
) -> FailureGroup:
    first, last = rows.to_time(first_at), rows.to_time(last_at)
    assert first is not None and last is not None  # noqa: S101, PT018 - NULL alone is none
    return FailureGroup(
        group=group,
        error_type=error_type or FAILED,
        sample=message or "",
        frame=frame,
        still_failed=still_failed,
        recovered=recovered,
        retrying=retrying,
        first_at=first,
        last_at=last,
        types=tuple(sorted(json.loads(types))),
        sample_task=UUID(bytes=task),
    )


def fetch_failed_tasks(connection: sqlite3.Connection, wanted: FacetQuery) -> FailedTasks:
    """See :meth:`TaskReads.failed_tasks`."""
    values = {"group": wanted.group, "types": _names(wanted.types), "most": MAX_FAILED}
    found = connection.execute(STATEMENTS["failed_tasks"], values | _time(wanted)).fetchone()
    return FailedTasks(*map(json.loads, found))


def fetch_ended_tasks(connection: sqlite3.Connection, wanted: FacetQuery, most: int) -> list[int]:
    """See :meth:`TaskReads.ended_tasks`."""
    values = {"most": most} | _time(wanted)
    found: list[int] = json.loads(
        connection.execute(STATEMENTS["ended_tasks"], values).fetchone()[0]
    )
    return found


def fetch_facet_values(
    connection: sqlite3.Connection,
    wanted: FacetQuery,
    sequences: Sequence[int],
    keys: Sequence[str | None] | None,
) -> list[FacetValue]:
    """See :meth:`TaskReads.facet_values`."""
    values = {
        "by": wanted.by,
        "group": wanted.group,
        "types": _names(wanted.types),
        "sequences": json.dumps(sequences),
        "wanted": None if keys is None else json.dumps(keys),
        "longest": MAX_FACET,
        "most": MAX_FACETS + (keys is not None),  # what has no value comes beside the keys
    }
    found = connection.execute(STATEMENTS["facet_values"], values | json_paths(wanted.path))
    return [FacetValue(key, told_value(wanted.by, key, _argument), number) for key, number in found]


def _argument(key: str) -> Any:
    return json.loads(key)[0]


def _names(types: Sequence[str]) -> str | None:
    return json.dumps(types) if types else None


def _time(wanted: FacetQuery) -> dict[str, int | None]:
    return {"start": rows.from_time(wanted.start), "end": rows.from_time(wanted.end)}
