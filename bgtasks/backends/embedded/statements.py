"""The SQL of this backend, by name."""

from bgtasks.backends.embedded.rows import COLUMNS, LISTED, SHOWN
from bgtasks.backends.statements import load_statements, read_sql

__all__ = ["SCHEMA", "STATEMENTS"]

SCHEMA = read_sql("bgtasks.backends.embedded", "schema.sql")
STATEMENTS = load_statements(
    "bgtasks.backends.embedded", columns=", ".join(COLUMNS), shown=SHOWN, listed=LISTED
)
