"""Rows beside tasks: a kind is a class and a table, whatever it does to a row that is there."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from uuid import UUID

import pytest

from bgtasks.backends.beside import KINDS, Kind, SideTable
from bgtasks.backends.embedded.database import open_database
from bgtasks.backends.embedded.rows import TYPES
from bgtasks.backends.embedded.side_tables import SideTables
from tests.contract import rows_beside
from tests.contract.rows_beside import Begun, Count, Ended, Line

TASK = UUID(int=7)


TABLES = SideTables(rows_beside.KINDS)


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(
            """
            CREATE TABLE tasks (sequence INTEGER PRIMARY KEY, id BLOB);
            INSERT INTO tasks VALUES (1, x'07'), (2, NULL);
            CREATE TABLE lines (task, number, text, PRIMARY KEY (task, number));
            CREATE TABLE attempts (task, attempt, by, how, PRIMARY KEY (task, attempt));
            CREATE TABLE counts (type PRIMARY KEY, tasks, seconds);
            """
        )
        connection.execute("UPDATE tasks SET id = ? WHERE sequence = 1", (TASK.bytes,))
        yield connection


def test_a_row_that_is_there_stays_gets_new_values_or_is_added_to(
    connection: sqlite3.Connection,
) -> None:
    TABLES.write(connection, 1, [Line(1, "a"), Line(2, None), Begun(1, "me"), Count("A", 1, 0.5)])
    TABLES.write(connection, 1, [Line(1, "b"), Ended(1, "well"), Count("A", 2, 0.25)])
    TABLES.write(connection, 2, [Line(1, "c")])
    assert TABLES.of_task(connection, Line, TASK) == [Line(1, "a"), Line(2, None)]
    assert connection.execute("SELECT * FROM attempts").fetchall() == [(1, 1, "me", "well")]
    assert connection.execute("SELECT * FROM counts").fetchall() == [("A", 3, 0.75)]


def test_all_that_is_kept_beside_some_tasks_is_read_at_once(
    connection: sqlite3.Connection,
) -> None:
    TABLES.write(connection, 1, [Line(1, "a"), Begun(1, "me"), Count("A", 1, 0.5)])
    TABLES.write(connection, 2, [Line(1, "c")])
    found = TABLES.between(connection, 1, 1)
    assert found.keys() == {1}
    assert set(found[1]) >= {Line(1, "a"), Begun(1, "me")}
    assert TABLES.between(connection, 2, 9) == {2: [Line(1, "c")]}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.table)
def test_the_file_has_a_table_for_each_kind(kind: Kind) -> None:
    table = SideTable(kind, TYPES)
    with closing(open_database(":memory:")) as connection:
        found = list(connection.execute(f"PRAGMA table_info({table.name})"))
        assert {row[1] for row in found} >= set(table.names), "add a migration"
        key = sorted((row[5], row[1]) for row in found if row[5])
        assert [name for _, name in key] == table.key
        steps = connection.execute(
            f"EXPLAIN QUERY PLAN SELECT * FROM {table.name} WHERE task = 1 ORDER BY {table.key[-1]}"
        ).fetchall()
    assert [row[3] for row in steps] == [f"SEARCH {table.name} USING PRIMARY KEY (task=?)"]
