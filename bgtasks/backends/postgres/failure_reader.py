"""Which failures there are in the tables, and how many tasks have each."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bgtasks.backends.postgres.statements import STATEMENTS
from bgtasks.backends.task_reads import MAX_FAILED, MAX_GROUPS
from bgtasks.core.attempts import FAILED
from bgtasks.models import FailureGroup

__all__ = ["fetch_failure_groups"]


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
