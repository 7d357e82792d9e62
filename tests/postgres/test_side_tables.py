"""Rows beside tasks: one statement writes a change and what is beside it."""

from typing import Any
from uuid import UUID

import pytest

from bgtasks.backends.beside import KINDS, Kind, SideTable
from bgtasks.backends.postgres.rows import TYPES
from bgtasks.backends.postgres.side_tables import SideTables
from tests.contract import rows_beside
from tests.contract.rows_beside import Begun, Count, Ended, Line

TASK = UUID(int=7)

TABLES = SideTables(rows_beside.KINDS)

SCRATCH = """
CREATE TEMP TABLE bgtasks_tasks (sequence bigint PRIMARY KEY, id uuid, revision bigint);
INSERT INTO bgtasks_tasks VALUES (1, '00000000-0000-0000-0000-000000000007', 1), (2, NULL, 1);
CREATE TEMP TABLE bgtasks_lines (
    task bigint, number integer, text text, PRIMARY KEY (task, number));
CREATE TEMP TABLE bgtasks_attempts (
    task bigint, attempt integer, by text, how text, PRIMARY KEY (task, attempt));
CREATE TEMP TABLE bgtasks_counts (type text PRIMARY KEY, tasks bigint, seconds double precision);
"""

CHANGE = """
WITH written AS (
    UPDATE bgtasks_tasks SET revision = revision + 1 WHERE sequence = ANY($1::bigint[])
    RETURNING sequence
)
{beside}
SELECT sequence FROM written
"""


async def change(sql: Any, tasks: list[int], *rows: tuple[int, Any]) -> None:
    statement, values = TABLES.complete(CHANGE, rows)
    found = await sql.fetch(statement, tasks, *values)
    assert [row[0] for row in found] == tasks


async def test_a_row_that_is_there_stays_gets_new_values_or_is_added_to(sql: Any) -> None:
    await sql.execute(SCRATCH)
    await change(
        sql,
        [1],
        (1, Line(1, "a")),
        (1, Begun(1, "me")),
        (1, Line(2, None)),
        (1, Count("A", 1, 0.5)),
        (1, Count("A", 1, 0.5)),
    )
    await change(sql, [1], (1, Line(1, "b")), (1, Ended(1, "well")), (1, Count("A", 2, 0.25)))
    assert await TABLES.of_task(sql, Line, TASK) == [Line(1, "a"), Line(2, None)]
    assert [*map(tuple, await sql.fetch("SELECT * FROM bgtasks_attempts"))] == [
        (1, 1, "me", "well")
    ]
    assert [*map(tuple, await sql.fetch("SELECT * FROM bgtasks_counts"))] == [("A", 4, 1.25)]


async def test_what_is_beside_a_change_that_is_not_written_is_not_written_either(
    sql: Any,
) -> None:
    await sql.execute(SCRATCH)
    await change(sql, [2], (1, Line(1, "a")), (2, Line(1, "b")), (1, Count("A", 1, 0.5)))
    assert await sql.fetch("SELECT task FROM bgtasks_lines") == [(2,)]
    assert await sql.fetchval("SELECT count(*) FROM bgtasks_counts") == 0


async def test_rows_of_tasks_that_are_there_can_be_written_alone(sql: Any) -> None:
    await sql.execute(SCRATCH)
    await TABLES.keep(sql, [(1, Line(1, "a")), (1, Begun(1, "me")), (1, Line(1, "b"))])
    assert await TABLES.of_task(sql, Line, TASK) == [Line(1, "a")]
    assert await sql.fetchval("SELECT by FROM bgtasks_attempts") == "me"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.table)
async def test_the_database_has_a_table_for_each_kind(sql: Any, kind: Kind) -> None:
    table = SideTable(kind, TYPES, "bgtasks_")
    columns = await sql.fetch(
        "SELECT attname FROM pg_attribute WHERE attrelid = $1::text::regclass", table.name
    )
    assert {row[0] for row in columns} >= set(table.names), "add a migration"
    key = await sql.fetch(
        """
        SELECT attname FROM pg_index, unnest(indkey) WITH ORDINALITY AS part (number, place)
          JOIN pg_attribute ON attnum = part.number
         WHERE indrelid = $1::text::regclass AND attrelid = indrelid AND indisprimary
         ORDER BY place
        """,
        table.name,
    )
    assert [row[0] for row in key] == table.key
