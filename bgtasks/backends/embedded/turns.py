"""Which tasks of a key may start: at most so many have their turn at once, the others are held."""

import sqlite3
from collections.abc import Iterable
from typing import Any

from bgtasks.backends.embedded.statements import STATEMENTS
from bgtasks.core.record import Turn
from bgtasks.registry import Registry

__all__ = ["Turns"]

MOST = 500
"""Tasks of one key whose turn comes in one transaction."""


class Turns:
    """Counts in the file itself, so that no count can be wrong. Used by the writer thread alone.

    ``freed`` are the keys in which somebody may have given up a turn.
    """

    def __init__(self, connection: sqlite3.Connection, registry: Registry) -> None:
        self.freed: dict[Turn, None] = {}
        self._connection = connection
        self._registry = registry

    def free(self, turn: Turn) -> int:
        """How many more tasks of a key may have their turn; below 0: so many have it too much."""
        (taken,) = self._connection.execute(STATEMENTS["turns_taken"], turn).fetchone()
        registered = self._registry.named(turn[0])
        if registered is None:  # whoever runs this type knows how many may
            return 0
        per_key = registered.per_key
        return MOST if per_key is None else per_key.limit - int(taken)

    def next_rows(self, turn: Turn, count: int) -> list[tuple[Any, ...]]:
        """The rows of the tasks whose turn is next."""
        found = self._connection.execute(STATEMENTS["next_held"], (*turn, count))
        return found.fetchall()

    def look_at_all(self) -> None:
        """At the start: the limits may be others than when the tasks were held."""
        found: Iterable[Turn] = self._connection.execute(STATEMENTS["held_keys"])
        self.freed.update(dict.fromkeys(found))
