"""The table has what the record has."""

from typing import Any

from bgtasks.backends.columns import field_type
from bgtasks.backends.postgres.rows import TYPES
from bgtasks.core.record import TaskRecord

FOUND = """
SELECT attname, replace(format_type(atttypid, NULL), 'integer', 'bigint'), NOT attnotnull
  FROM pg_attribute
 WHERE attrelid = 'bgtasks_tasks'::regclass AND attnum > 0 AND NOT attisdropped
   AND attname NOT IN ('job', 'changed_by')
"""
"""The columns that say something of a task, the small numbers taken for large ones."""


async def test_the_table_has_a_column_of_the_right_type_for_each_field_of_a_record(
    sql: Any,
) -> None:
    found = {name: (kind, nullable) for name, kind, nullable in await sql.fetch(FOUND)}
    wanted = {}
    for name in TaskRecord._fields:
        kind, nullable = field_type(name)
        wanted[name] = (TYPES[kind].sql, nullable)
    assert found.keys() == wanted.keys(), "add a migration"
    assert found == wanted
