"""Questions to the tables that change nothing."""

from collections.abc import Sequence
from itertools import product
from typing import Any
from uuid import UUID

from bgtasks.backends.postgres import rows
from bgtasks.backends.postgres.side_tables import SIDE_TABLES
from bgtasks.backends.postgres.statements import STATEMENTS
from bgtasks.core.record import TaskPage, TaskQuery, TaskRecord
from bgtasks.models import AttemptFailure, BackgroundTaskStatus

__all__ = ["fetch_failures", "fetch_page", "fetch_shown", "fetch_task", "stored_types"]

NEWEST = 2**63 - 1


async def fetch_task(connection: Any, task_id: UUID) -> TaskRecord | None:
    """The task as it was last committed."""
    row = await connection.fetchrow(STATEMENTS["task_by_id"], task_id)
    return None if row is None else rows.record_of(row)


async def fetch_shown(
    connection: Any, task_ids: Sequence[UUID], *, payloads: bool
) -> list[TaskRecord]:
    """Those of these tasks that there are, without their data."""
    statement = STATEMENTS["slim_by_ids" if payloads else "listed_by_ids"]
    return [rows.record_of(row) for row in await connection.fetch(statement, task_ids)]


async def fetch_failures(connection: Any, task_id: UUID) -> list[AttemptFailure]:
    """How the attempts of a task ended that did not end well, oldest first."""
    return await SIDE_TABLES.of_task(connection, AttemptFailure, task_id)


async def fetch_page(connection: Any, query: TaskQuery) -> TaskPage:
    """A page of tasks, newest first. Asks for one more than wanted, to know if there is more."""
    before = NEWEST if query.before is None else query.before
    found = await _fetch(connection, query, before, query.limit + 1)
    records = [rows.record_of(row) for row in found[: query.limit]]
    more = len(found) > query.limit and bool(records)
    return TaskPage(records, records[-1].sequence if more else None)


async def stored_types(connection: Any) -> list[str]:
    """Every type there is a task of: one step of the index for each, not for each task."""
    types: list[str] = []
    name = ""
    while (name := await connection.fetchval(STATEMENTS["next_type"], name)) is not None:
        types.append(name)
    return types


async def _fetch(
    connection: Any, query: TaskQuery, before: int, limit: int
) -> Sequence[Sequence[Any]]:
    if not query.types and not query.statuses and query.owners is None:
        return list(await connection.fetch(STATEMENTS["newest_tasks"], before, limit))
    # A filter that does not name a column of the index names all values that it can have.
    types = dict.fromkeys(query.types) if query.types else await stored_types(connection)
    statuses = [item.value for item in dict.fromkeys(query.statuses or BackgroundTaskStatus)]
    branches = list(product(types, statuses))
    columns = [[item[0] for item in branches], [item[1] for item in branches]]
    if query.owners is None:
        return list(await connection.fetch(STATEMENTS["filtered_tasks"], before, limit, *columns))
    owners = [owner for owner in dict.fromkeys(query.owners) if owner is not None]
    return list(
        await connection.fetch(
            STATEMENTS["owned_tasks"], before, limit, *columns, owners, None in query.owners
        )
    )
