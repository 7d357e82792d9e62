"""Questions to the tables that change nothing."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any
from uuid import UUID

from bgtasks.backends.postgres import rows
from bgtasks.backends.postgres.searching import search_values
from bgtasks.backends.postgres.side_tables import SIDE_TABLES
from bgtasks.backends.postgres.statements import STATEMENTS
from bgtasks.backends.task_reads import WINDOW, only
from bgtasks.core.attempts import AttemptRow
from bgtasks.core.record import (
    Accepted,
    Counts,
    OwnerCounts,
    Place,
    TaskPage,
    TaskQuery,
    TaskRecord,
    attempts_of,
)
from bgtasks.core.task_types import TypeRecord
from bgtasks.models import Attempt, BackgroundTaskStatus

__all__ = [
    "accepted_before",
    "count",
    "count_owners",
    "count_window",
    "counts_of",
    "fetch_attempts",
    "fetch_page",
    "fetch_shown",
    "fetch_task",
    "fetch_types",
    "stored_types",
]

_START = {True: 0, False: 2**63 - 1}
"""Where a walk begins, oldest first or newest first."""


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


async def fetch_attempts(connection: Any, task_id: UUID) -> list[Attempt]:
    """The attempts of a task that are kept, oldest first."""
    found = await fetch_shown(connection, [task_id], payloads=False)
    # After the task: an attempt that ends in between has its row then, and shows as that.
    kept = await SIDE_TABLES.of_task(connection, AttemptRow, task_id) if found else []
    return attempts_of(found[0], kept) if found else []


async def fetch_page(connection: Any, query: TaskQuery) -> TaskPage:
    """A page of tasks, newest first. Asks for one more than wanted, to know if there is more. Of a
    search, only ``WINDOW`` tasks are looked at."""
    if query.sorted_by is not None:
        return await _sorted_page(connection, query)
    if query.search:
        return await _search_page(connection, query)
    found = await _fetch(connection, query, query.limit + 1, STATEMENTS)
    records = [rows.record_of(row) for row in found[: query.limit]]
    more = len(found) > query.limit and bool(records)
    return TaskPage(records, records[-1].sequence if more else None)


async def count(connection: Any, query: TaskQuery) -> Counts:
    """See :meth:`TaskStore.count`."""
    if query.owners is None:
        found = await connection.fetch(STATEMENTS["count_tasks"], [True, False])
        return only(counts_of(found), query)
    counts: Counter[tuple[str, BackgroundTaskStatus]] = Counter()
    if None in query.owners:
        counts.update(counts_of(await connection.fetch(STATEMENTS["count_tasks"], [False])))
    if owners := [owner for owner in query.owners if owner is not None]:
        counts.update(counts_of(await connection.fetch(STATEMENTS["count_owned"], owners)))
    return only(counts, query)


async def count_window(connection: Any, query: TaskQuery) -> tuple[Counts, int | None]:
    """How many tasks a search finds among the next ``WINDOW``, and where to go on."""
    sequences, following = await _window(connection, query)
    values = search_values(query.search)
    found = await connection.fetch(STATEMENTS["count_searched"], sequences, WINDOW, *values)
    return counts_of(found), following


async def count_owners(connection: Any, query: TaskQuery) -> tuple[OwnerCounts, int | None]:
    """The same by owner."""
    sequences, following = await _window(connection, query)
    values = search_values(query.search)
    found = await connection.fetch(STATEMENTS["count_owners"], sequences, WINDOW, *values)
    return {row[0]: row[1] for row in found}, following


async def accepted_before(connection: Any, sequence: int) -> Accepted | None:
    """The newest task before a sequence."""
    row = await connection.fetchrow(STATEMENTS["accepted_before"], sequence)
    return None if row is None else Accepted(*row)


def counts_of(found: Iterable[Sequence[Any]]) -> Counts:
    """Numbers of tasks by type and status."""
    return {(name, BackgroundTaskStatus(status)): int(number) for name, status, number in found}


async def fetch_types(connection: Any, names: Sequence[str] | None) -> list[TypeRecord]:
    """What is kept of these types, or of all that have tasks or are paused."""
    if names is None:
        paused = [row[0] for row in await connection.fetch(STATEMENTS["paused_types"])]
        names = list({*paused, *await stored_types(connection)})
    found = await connection.fetch(STATEMENTS["types"], names)
    return sorted(TypeRecord(*row) for row in found)


async def stored_types(connection: Any) -> list[str]:
    """Every type there is a task of: one step of the index for each, not for each task."""
    types: list[str] = []
    name = ""
    while (name := await connection.fetchval(STATEMENTS["next_type"], name)) is not None:
        types.append(name)
    return types


def _in_order(name: str, query: TaskQuery) -> str:
    return f"{name} created" if query.is_oldest_first else name


async def _sorted_page(connection: Any, query: TaskQuery) -> TaskPage:
    """A page in the order of a time: of the newest ``WINDOW`` tasks that fit."""
    sequences, following = await _window(connection, query)
    place = query.place or Place(None, 0)
    found = await connection.fetch(
        STATEMENTS[f"sorted_tasks {query.sort}"],
        sequences,
        query.limit + 1,
        *search_values(query.search),
        query.place is None,
        *place,
    )
    records = [rows.record_of(row) for row in found[: query.limit]]
    following_place = query.place_of(records[-1]) if len(found) > query.limit else None
    return TaskPage(records, None, following_place, complete=following is None)


async def _search_page(connection: Any, query: TaskQuery) -> TaskPage:
    sequences, following = await _window(connection, query)
    values = search_values(query.search)
    found = await connection.fetch(
        STATEMENTS[_in_order("searched_tasks", query)], sequences, query.limit + 1, *values
    )
    records = [rows.record_of(row) for row in found]
    if len(records) > query.limit:
        return TaskPage(records[: query.limit], records[query.limit - 1].sequence)
    return TaskPage(records, following)


async def _window(connection: Any, query: TaskQuery) -> tuple[list[int], int | None]:
    """The newest tasks that a search has to look at, and the sequence to go on before."""
    if query.search.error is not None:
        return await _window_of_error(connection, query, query.search.error)
    found = await _fetch(connection, query, WINDOW + 1, _SEQUENCES)
    newest = [row[0] for row in found]
    return newest[:WINDOW], newest[WINDOW - 1] if len(newest) > WINDOW else None


async def _window_of_error(
    connection: Any, query: TaskQuery, error: str
) -> tuple[list[int], int | None]:
    """The same of one failure: there may be few of it among many tasks."""
    before = _START[query.is_oldest_first] if query.before is None else query.before
    statement = STATEMENTS[_in_order("sequences_of_error", query)]
    newest = await connection.fetch(statement, error, before, WINDOW + 1)
    found = [row[0] for row in newest]
    owners = query.owners
    fit = await connection.fetch(
        STATEMENTS["those_that_fit"],
        found[:WINDOW],
        list(query.types) or None,
        [status.value for status in query.statuses] or None,
        None if owners is None else [owner for owner in owners if owner is not None],
        owners is not None and None in owners,
    )
    return [row[0] for row in fit], found[WINDOW - 1] if len(found) > WINDOW else None


_SEQUENCES = {
    name: STATEMENTS[name].replace(f"SELECT {rows.LISTED} FROM", "SELECT sequence FROM")
    for kind in ("newest_tasks", "filtered_tasks", "owned_tasks")
    for name in (kind, f"{kind} created")
}
"""The statements of a page, of which a search needs the sequences alone."""


async def _fetch(
    connection: Any, query: TaskQuery, limit: int, statements: Mapping[str, str]
) -> Sequence[Sequence[Any]]:
    def statement(name: str) -> str:
        return statements[_in_order(name, query)]

    before = _START[query.is_oldest_first] if query.before is None else query.before
    if not query.types and not query.statuses and query.owners is None:
        return list(await connection.fetch(statement("newest_tasks"), before, limit))
    # A filter that does not name a column of the index names all values that it can have.
    types = dict.fromkeys(query.types) if query.types else await stored_types(connection)
    statuses = [item.value for item in dict.fromkeys(query.statuses or BackgroundTaskStatus)]
    branches = list(product(types, statuses))
    columns = [[item[0] for item in branches], [item[1] for item in branches]]
    if query.owners is None:
        return list(await connection.fetch(statement("filtered_tasks"), before, limit, *columns))
    owners = [owner for owner in dict.fromkeys(query.owners) if owner is not None]
    return list(
        await connection.fetch(
            statement("owned_tasks"),
            before,
            limit,
            *columns,
            owners,
            None in query.owners,
        )
    )
