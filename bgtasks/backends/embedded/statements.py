"""The SQL of this backend, by name."""

from bgtasks.backends.embedded.rows import COLUMNS, LISTED, SHOWN
from bgtasks.backends.statements import load_statements

__all__ = ["STATEMENTS"]

STATEMENTS = load_statements(
    "bgtasks.backends.embedded", columns=", ".join(COLUMNS), shown=SHOWN, listed=LISTED
)
