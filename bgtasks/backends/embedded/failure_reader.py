"""Which failures there are in the file, and how many tasks have each."""

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from bgtasks.backends.embedded import rows
from bgtasks.backends.embedded.statements import STATEMENTS
from bgtasks.backends.task_reads import MAX_FAILED, MAX_GROUPS
from bgtasks.core.attempts import FAILED
from bgtasks.models import FailureGroup

__all__ = ["fetch_failure_groups"]


def fetch_failure_groups(
    connection: sqlite3.Connection, start: datetime, end: datetime, types: Sequence[str]
) -> list[FailureGroup]:
    """See :meth:`TaskReads.failure_groups`."""
    values = {
        "start": rows.from_time(start),
        "end": rows.from_time(end),
        "types": json.dumps(types) if types else None,
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
