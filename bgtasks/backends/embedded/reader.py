"""Questions to the file, on a connection of their own."""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from heapq import nlargest, nsmallest
from itertools import chain, product
from math import prod
from operator import itemgetter
from typing import Any
from uuid import UUID

from attrs import frozen

from bgtasks.backends.embedded import rows
from bgtasks.backends.embedded.searching import search_values
from bgtasks.backends.embedded.side_tables import SIDE_TABLES
from bgtasks.backends.embedded.statements import STATEMENTS
from bgtasks.backends.task_reads import WINDOW
from bgtasks.core.attempts import AttemptRow
from bgtasks.core.record import (
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
    "count_all",
    "count_owned",
    "count_owners",
    "count_window",
    "counts_of",
    "fetch_attempts",
    "fetch_page",
    "fetch_shown",
    "fetch_task",
    "hold_moment",
    "one_moment",
    "stored_types",
]


@frozen
class _Way:
    """Along the tasks: those ``beyond`` a ``start``, in an ``order``; ``pick`` those that come
    first."""

    start: int
    beyond: str
    order: str
    pick: Callable[..., list[Any]]


_DOWN = _Way(2**63 - 1, "<", "DESC", nlargest)
_UP = _Way(0, ">", "ASC", nsmallest)

Branch = Mapping[str, str | None]
"""What some columns must be equal to."""


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


def fetch_page(connection: sqlite3.Connection, query: TaskQuery) -> TaskPage:
    """A page of tasks, newest first. Asks for one more than wanted, to know if there is more. Of a
    search, only ``WINDOW`` tasks are looked at."""
    with one_moment(connection):
        if query.sorted_by is not None:
            return _sorted_page(connection, query)
        return _search_page(connection, query) if query.search else _fetch_page(connection, query)


def count_window(connection: sqlite3.Connection, query: TaskQuery) -> tuple[Counts, int | None]:
    """How many tasks a search finds among the next ``WINDOW``, and where to go on."""
    with one_moment(connection):
        sequences, following = _window(connection, query)
        values = search_values(query.search) | {"sequences": json.dumps(sequences)}
        return counts_of(connection.execute(STATEMENTS["count_searched"], values)), following


def count_owners(
    connection: sqlite3.Connection, query: TaskQuery
) -> tuple[OwnerCounts, int | None]:
    """The same by owner."""
    with one_moment(connection):
        sequences, following = _window(connection, query)
        values = search_values(query.search) | {"sequences": json.dumps(sequences)}
        return dict(connection.execute(STATEMENTS["count_owners"], values)), following


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


def accepted_before(connection: sqlite3.Connection, sequence: int) -> tuple[int, datetime] | None:
    """The newest task before a sequence: its sequence, and when it was accepted."""
    row = connection.execute(STATEMENTS["accepted_before"], (sequence,)).fetchone()
    at = row and rows.to_time(row[1])
    return None if at is None else (row[0], at)


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


def _way(query: TaskQuery) -> _Way:
    return _UP if query.is_oldest_first else _DOWN


def _in_order(name: str, query: TaskQuery) -> str:
    return STATEMENTS[f"{name} created" if query.is_oldest_first else name]


def _sorted_page(connection: sqlite3.Connection, query: TaskQuery) -> TaskPage:
    """A page in the order of a time: of the newest ``WINDOW`` tasks that fit."""
    sequences, following = _window(connection, query)
    place = query.place or Place(None, 0)
    values = {
        "sequences": json.dumps(sequences),
        "is_first": query.place is None,
        "at": rows.from_time(place.at),
        "after": place.sequence,
        "limit": query.limit + 1,
    }
    found = connection.execute(
        STATEMENTS[f"sorted_tasks {query.sort}"], values | search_values(query.search)
    )
    records = [rows.record_of(row) for row in found]
    more = len(records) > query.limit
    records = records[: query.limit]
    following_place = query.place_of(records[-1]) if more else None
    return TaskPage(records, None, following_place, complete=following is None)


def _search_page(connection: sqlite3.Connection, query: TaskQuery) -> TaskPage:
    sequences, following = _window(connection, query)
    values = {"sequences": json.dumps(sequences), "limit": query.limit + 1}
    found = connection.execute(
        _in_order("searched_tasks", query), values | search_values(query.search)
    )
    records = [rows.record_of(row) for row in found]
    if len(records) > query.limit:
        return TaskPage(records[: query.limit], records[query.limit - 1].sequence)
    return TaskPage(records, following)


def _window(connection: sqlite3.Connection, query: TaskQuery) -> tuple[list[int], int | None]:
    """The newest tasks that a search has to look at, and the sequence to go on before."""
    if query.search.error is not None:
        return _window_of_error(connection, query, query.search.error)
    newest = _newest(connection, query, WINDOW + 1)
    return newest[:WINDOW], newest[WINDOW - 1] if len(newest) > WINDOW else None


def _window_of_error(
    connection: sqlite3.Connection, query: TaskQuery, error: str
) -> tuple[list[int], int | None]:
    """The same of one failure: there may be few of it among many tasks."""
    values = (error, _start(query), WINDOW + 1)
    statement = _in_order("sequences_of_error", query)
    found = [row[0] for row in connection.execute(statement, values)]
    owners = query.owners
    names = {
        "sequences": json.dumps(found[:WINDOW]),
        "types": json.dumps(query.types) if query.types else None,
        "statuses": json.dumps(query.statuses) if query.statuses else None,
        "owners": None if owners is None else json.dumps([item for item in owners if item]),
        "nobodys": owners is not None and None in owners,
    }
    fit = [row[0] for row in connection.execute(STATEMENTS["those_that_fit"], names)]
    return fit, found[WINDOW - 1] if len(found) > WINDOW else None


def _newest(connection: sqlite3.Connection, query: TaskQuery, wanted: int) -> list[int]:
    return _way(query).pick(
        wanted,
        (
            sequence
            for branch in _branches(connection, query, wanted)
            for sequence in _sequences(connection, branch, query, wanted)
        ),
    )


def _fetch_page(connection: sqlite3.Connection, query: TaskQuery) -> TaskPage:
    newest = _newest(connection, query, query.limit + 1)
    found = connection.execute(
        _in_order("listed_by_sequences", query), (json.dumps(newest[: query.limit]),)
    )
    records = [rows.record_of(row) for row in found]
    more = len(newest) > query.limit and bool(records)
    return TaskPage(records, records[-1].sequence if more else None)


def _branches(connection: sqlite3.Connection, query: TaskQuery, wanted: int) -> list[Branch]:
    """The query as combinations of equalities, each of which names every column of an index.

    Then the rows of a branch come in the order of ``sequence``, so that it is a walk of ``limit``
    steps however many tasks there are; ``IN`` would sort all that match. For the same reason a
    filter by type names all five statuses, and one by owner all types that there are.
    """
    types, statuses = query.types, query.statuses
    if query.owners is not None and not types:
        types = stored_types(connection)
    if (types or query.owners is not None) and not statuses:
        statuses = tuple(BackgroundTaskStatus)
    parts: dict[str, list[str | None]] = {}
    if query.owners is not None:
        parts["owner"] = list(dict.fromkeys(query.owners))
    if query.owners is not None or types:
        parts["type"] = list(dict.fromkeys(types))
    if statuses:
        parts["status"] = [status.value for status in dict.fromkeys(statuses)]
    return _newest_branches(connection, parts, query, wanted)


def _newest_branches(
    connection: sqlite3.Connection,
    parts: Mapping[str, Sequence[str | None]],
    query: TaskQuery,
    wanted: int,
) -> list[Branch]:
    """Those of the combinations of ``parts`` whose newest tasks are the newest: of others nothing
    can be among the ``wanted`` newest tasks. One statement, one step of the index for each."""
    if prod(map(len, parts.values())) <= 1:
        return [dict(zip(parts, values, strict=True)) for values in product(*parts.values())]
    way = _way(query)
    conditions = " AND ".join(f"{name} IS wanted_{name}.column1" for name in parts)
    lists = [f"(VALUES {', '.join(['(?)'] * len(parts[name]))}) AS wanted_{name}" for name in parts]
    statement = (
        f"SELECT (SELECT sequence FROM tasks INDEXED BY tasks_by_{next(iter(parts))} "  # noqa: S608
        f"WHERE {conditions} AND sequence {way.beyond} ? ORDER BY sequence {way.order} LIMIT 1), "
        f"{', '.join(f'wanted_{name}.column1' for name in parts)} FROM {', '.join(lists)}"
    )
    values = [_start(query), *chain.from_iterable(parts.values())]
    found = (row for row in connection.execute(statement, values) if row[0] is not None)
    newest = way.pick(wanted, found, key=itemgetter(0))
    return [dict(zip(parts, row[1:], strict=True)) for row in newest]


def stored_types(connection: sqlite3.Connection) -> list[str]:
    """Every type there is a task of: one step of the index for each, not for each task."""
    types, name = [], ""
    while (row := connection.execute(STATEMENTS["next_type"], (name,)).fetchone())[0] is not None:
        name = row[0]
        types.append(name)
    return types


def _sequences(
    connection: sqlite3.Connection, branch: Branch, query: TaskQuery, limit: int
) -> list[int]:
    way = _way(query)
    conditions = [f"{column} IS ?" for column in branch] + [f"sequence {way.beyond} ?"]
    index = f"INDEXED BY tasks_by_{next(iter(branch))}" if branch else ""
    # As one row: at each row the interpreter lock is given away, and comes back late from a loop
    # that is busy.
    statement = (
        f"SELECT json_group_array(sequence) FROM (SELECT sequence FROM tasks {index} "  # noqa: S608
        f"WHERE {' AND '.join(conditions)} ORDER BY sequence {way.order} LIMIT ?)"
    )
    found: list[int] = json.loads(
        connection.execute(statement, [*branch.values(), _start(query), limit]).fetchone()[0]
    )
    return found


def _start(query: TaskQuery) -> int:
    return _way(query).start if query.before is None else query.before
