"""Questions to the file, on a connection of their own."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from heapq import nlargest
from itertools import product
from uuid import UUID

from bgtasks.backends.embedded import rows
from bgtasks.backends.embedded.statements import STATEMENTS
from bgtasks.models import AttemptFailure, BackgroundTaskStatus
from bgtasks.record import TaskPage, TaskQuery, TaskRecord

__all__ = ["fetch_failures", "fetch_page", "fetch_task"]

_NEWEST = 2**63 - 1


def fetch_task(connection: sqlite3.Connection, task_id: UUID) -> TaskRecord | None:
    """The task as it was last committed."""
    row = connection.execute(STATEMENTS["task_by_id"], (task_id.bytes,)).fetchone()
    return None if row is None else rows.record_of(row)


def fetch_failures(connection: sqlite3.Connection, task_id: UUID) -> list[AttemptFailure]:
    """How the attempts of a task ended that did not end well, oldest first."""
    found = connection.execute(STATEMENTS["failures_of"], (task_id.bytes,))
    return [rows.failure_of(row) for row in found]


def fetch_page(connection: sqlite3.Connection, query: TaskQuery) -> TaskPage:
    """A page of tasks, newest first. Asks for one more than wanted, to know if there is more."""
    with _one_moment(connection):
        return _fetch_page(connection, query)


@contextmanager
def _one_moment(connection: sqlite3.Connection) -> Iterator[None]:
    """Everything inside sees the same state, whatever is committed meanwhile."""
    if connection.in_transaction:  # the writer's own, which is one moment too
        yield
        return
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("COMMIT")


def _fetch_page(connection: sqlite3.Connection, query: TaskQuery) -> TaskPage:
    wanted = query.limit + 1
    newest = nlargest(
        wanted,
        (
            sequence
            for branch in _branches(connection, query)
            for sequence in _sequences(connection, branch, query.before, wanted)
        ),
    )
    found = connection.execute(
        STATEMENTS["tasks_by_sequences"], (json.dumps(newest[: query.limit]),)
    )
    records = [rows.record_of(row) for row in found]
    more = len(newest) > query.limit and bool(records)
    return TaskPage(records, records[-1].sequence if more else None)


def _branches(
    connection: sqlite3.Connection, query: TaskQuery
) -> list[list[tuple[str, str | None]]]:
    """The query as combinations of equalities, each of which names every column of an index.

    Then the rows of a branch come in the order of ``sequence``, so that it is a walk of ``limit``
    steps however many tasks there are; ``IN`` would sort all that match. For the same reason a
    filter by type names all five statuses, and one by owner all types that there are.
    """
    types, statuses = query.types, query.statuses
    if query.owners is not None and not types:
        types = _stored_types(connection)
        if not types:
            return []
    if types and not statuses:
        statuses = tuple(BackgroundTaskStatus)
    parts: list[list[tuple[str, str | None]]] = []
    if query.owners is not None:
        parts.append([("owner", owner) for owner in dict.fromkeys(query.owners)])
    if types:
        parts.append([("type", name) for name in dict.fromkeys(types)])
    if statuses:
        parts.append([("status", status.value) for status in dict.fromkeys(statuses)])
    return [list(branch) for branch in product(*parts)]


def _stored_types(connection: sqlite3.Connection) -> list[str]:
    """Every type there is a task of: one step of the index for each, not for each task."""
    types, name = [], ""
    while (row := connection.execute(STATEMENTS["next_type"], (name,)).fetchone())[0] is not None:
        name = row[0]
        types.append(name)
    return types


def _sequences(
    connection: sqlite3.Connection,
    branch: Sequence[tuple[str, str | None]],
    before: int | None,
    limit: int,
) -> list[int]:
    conditions = [f"{column} IS ?" for column, _ in branch] + ["sequence < ?"]
    index = f"INDEXED BY tasks_by_{branch[0][0]}" if branch else ""
    statement = (
        f"SELECT sequence FROM tasks {index} "  # noqa: S608 - fixed texts
        f"WHERE {' AND '.join(conditions)} ORDER BY sequence DESC LIMIT ?"
    )
    values = [value for _, value in branch] + [_NEWEST if before is None else before, limit]
    return [row[0] for row in connection.execute(statement, values)]
