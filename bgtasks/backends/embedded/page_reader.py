"""Pages of the tasks in the file, and what a search finds among them."""

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from heapq import nlargest, nsmallest
from itertools import chain, product
from math import prod
from operator import itemgetter
from typing import Any

from attrs import frozen

from bgtasks.backends.embedded import rows
from bgtasks.backends.embedded.reader import counts_of, one_moment, stored_types
from bgtasks.backends.embedded.searching import search_values
from bgtasks.backends.embedded.statements import STATEMENTS
from bgtasks.backends.task_reads import WINDOW
from bgtasks.core.record import Counts, OwnerCounts, Place, TaskPage, TaskQuery
from bgtasks.models import BackgroundTaskStatus

__all__ = ["count_owners", "count_window", "fetch_page"]


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
