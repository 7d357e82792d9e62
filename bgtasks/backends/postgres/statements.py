"""The SQL of this backend, by name."""

from bgtasks.backends.postgres import engine
from bgtasks.backends.postgres.rows import COLUMNS, LISTED, SLIM
from bgtasks.backends.statements import load_statements

__all__ = ["STATEMENTS"]

STATEMENTS = load_statements(
    "bgtasks.backends.postgres",
    columns=COLUMNS,
    slim=SLIM,
    listed=LISTED,
    **engine.PARTS,
)
