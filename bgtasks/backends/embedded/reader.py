"""Questions to the file, on a connection of their own."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from bgtasks.backends.embedded import rows
from bgtasks.backends.embedded.side_tables import SIDE_TABLES
from bgtasks.backends.embedded.statements import STATEMENTS
from bgtasks.core.attempts import AttemptRow
from bgtasks.core.record import Accepted, Counts, TaskRecord, attempts_of
from bgtasks.core.task_types import TypeRecord
from bgtasks.models import Attempt, BackgroundTaskStatus

__all__ = [
    "accepted_before",
    "count_all",
    "count_owned",
    "counts_of",
    "fetch_attempts",
    "fetch_shown",
    "fetch_task",
    "hold_moment",
    "one_moment",
    "stored_types",
]


def fetch_task(connection: sqlite3.Connection, task_id: UUID) -> TaskRecord | None:
    """The task as it was last committed."""
    row = connection.execute(STATEMENTS["task_by_id"], (task_id.bytes,)).fetchone()
    return None if row is None else rows.record_of(row)


def fetch_shown(
    connection: sqlite3.Connection, task_ids: Iterable[UUID], *, payloads: bool
) -> list[TaskRecord]:
    """Those of these tasks that there are, without their data."""
    statement = STATEMENTS["shown_by_id" if payloads else "listed_by_id"]
    found = (connection.execute(statement, (item.bytes,)).fetchone() for item in task_ids)
    return [rows.record_of(row) for row in found if row is not None]


def fetch_attempts(connection: sqlite3.Connection, task_id: UUID) -> list[Attempt]:
    """The attempts of a task that are kept, oldest first."""
    with one_moment(connection):
        found = fetch_shown(connection, [task_id], payloads=False)
        kept = SIDE_TABLES.of_task(connection, AttemptRow, task_id)
    return attempts_of(found[0], kept) if found else []


def fetch_types(
    connection: sqlite3.Connection, names: Sequence[str] | None = None
) -> list[TypeRecord]:
    """What is kept of these types, or of all that have tasks or are paused."""
    with one_moment(connection):
        kept = {name: row for name, *row in connection.execute(STATEMENTS["types"])}
        paused = {name for name, row in kept.items() if row[0] is not None}
        found = set(names) if names is not None else {*stored_types(connection), *paused}
        return [_type_record(connection, name, kept.get(name)) for name in sorted(found)]


def _type_record(
    connection: sqlite3.Connection, name: str, kept: Sequence[Any] | None
) -> TypeRecord:
    waiting, running = (
        connection.execute(STATEMENTS["count_of"], (name, status.value)).fetchone()[0]
        for status in (BackgroundTaskStatus.PENDING, BackgroundTaskStatus.RUNNING)
    )
    paused_at, reason = (None, None) if kept is None else kept[:2]
    return TypeRecord(name, rows.to_time(paused_at), reason, waiting, running)


def hold_moment(connection: sqlite3.Connection) -> None:
    """The next question is answered as of now, whatever is committed meanwhile."""
    connection.execute("BEGIN")
    connection.execute(STATEMENTS["is_any_running"]).fetchone()  # begins to read


def count_all(connection: sqlite3.Connection) -> list[tuple[str, str, int, int]]:
    """How many tasks there are, as of the moment that is held, which then is let go."""
    try:
        return connection.execute(STATEMENTS["count_all"]).fetchall()
    finally:
        connection.execute("COMMIT")


def count_owned(connection: sqlite3.Connection, owners: Sequence[str]) -> Counts:
    """How many tasks these owners have."""
    counts: Counter[tuple[str, BackgroundTaskStatus]] = Counter()
    with one_moment(connection):
        for owner in owners:
            counts.update(counts_of(connection.execute(STATEMENTS["count_owned"], (owner,))))
    return counts


def accepted_before(connection: sqlite3.Connection, sequence: int) -> Accepted | None:
    """The newest task before a sequence."""
    row = connection.execute(STATEMENTS["accepted_before"], (sequence,)).fetchone()
    at = row and rows.to_time(row[1])
    return None if at is None else Accepted(row[0], at, UUID(bytes=row[2]))


def counts_of(found: Iterable[tuple[str, str, int]]) -> Counts:
    """Numbers of tasks by type and status."""
    return {(name, BackgroundTaskStatus(status)): number for name, status, number in found}


@contextmanager
def one_moment(connection: sqlite3.Connection) -> Iterator[None]:
    """Everything inside sees the same state, whatever is committed meanwhile."""
    if connection.in_transaction:  # the writer's own, which is one moment too
        yield
        return
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("COMMIT")


def stored_types(connection: sqlite3.Connection) -> list[str]:
    """Every type there is a task of: one step of the index for each, not for each task."""
    types, name = [], ""
    while (row := connection.execute(STATEMENTS["next_type"], (name,)).fetchone())[0] is not None:
        name = row[0]
        types.append(name)
    return types
