"""The table has what the record has, and the statements write it."""

import re
from datetime import UTC, datetime
from typing import Any

from bgtasks.backends.columns import field_type
from bgtasks.backends.postgres.rows import TYPES
from bgtasks.backends.postgres.statements import STATEMENTS
from bgtasks.core.events import Claimed
from bgtasks.core.keys import UNTIL_STARTED
from bgtasks.core.lifecycle import decide
from bgtasks.core.record import TaskRecord
from bgtasks.ids import uuid7

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


def test_every_field_that_a_claim_changes_is_written_with_it() -> None:
    """The statement has the values of a claim in its text."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    waiting = TaskRecord(uuid7(), "Quick", "quick", "{}", now, now)
    # What is held is not claimed.
    names = [name for name in TaskRecord._fields if name not in ("status", "held")]
    values = {name: unlike_default(name) for name in names}
    unlike = waiting._replace(**{name: it for name, it in values.items() if it is not None})
    unlike = unlike._replace(key_rule=UNTIL_STARTED)
    change = decide(unlike, Claimed(), now.replace(year=2027))
    assert change is not None
    pairs = zip(TaskRecord._fields, unlike, change.after, strict=True)
    written = set(re.findall(r"(\w+) = ", STATEMENTS["write_claims"].split("FROM unnest")[0]))
    assert {name for name, before, now in pairs if before != now} == written - {"changed_by"}


def unlike_default(name: str) -> Any:
    """A value that a new task's field does not have."""
    kind, _ = field_type(name)
    values = {str: "x", int: 7, float: 7.0, bool: True, datetime: datetime(2025, 1, 1, tzinfo=UTC)}
    return values.get(kind)
