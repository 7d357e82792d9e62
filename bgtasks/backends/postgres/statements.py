"""The SQL of this backend, by name."""

from bgtasks.backends.postgres import engine, rows
from bgtasks.backends.statements import load_statements

__all__ = ["STATEMENTS"]

STATEMENTS = load_statements("bgtasks.backends.postgres", **rows.PARTS, **engine.PARTS)
