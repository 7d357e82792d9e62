"""The tables beside ``tasks``. Their statements follow from their kinds."""

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import Any, TypeVar
from uuid import UUID

from bgtasks.backends.beside import KINDS, Kind, SideTable
from bgtasks.backends.embedded.rows import TYPES

__all__ = ["SIDE_TABLES", "SideTables"]

T = TypeVar("T")

TOGETHER = (64, 8, 1)
"""How many rows a statement may have: few numbers, since each is a statement of its own."""


class SideTables:
    """Writes and reads the rows of some kinds."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self._tables = {kind.row: _Table(kind) for kind in kinds}

    def write(self, connection: sqlite3.Connection, task: int, rows: Iterable[Any]) -> None:
        """Write rows beside the task with the sequence ``task``."""
        for row in rows:
            table = self._tables[type(row)]
            values = table.columns.encode(row)
            if table.kind.of_task:
                values = (task, *values)
            connection.execute(table.insert, values)
            if table.kind.is_to_drop(row):
                connection.execute(table.drop, (task, getattr(row, table.kind.key[-1])))

    def write_together(
        self, connection: sqlite3.Connection, kind: type[T], rows: Sequence[tuple[int, T]]
    ) -> None:
        """Write rows of one kind by few statements, each beside the task with its sequence."""
        table = self._tables[kind]
        values = iter([(task, *table.columns.encode(row)) for task, row in rows])
        left = len(rows)
        for size, statement in table.inserts:
            while left >= size:
                connection.execute(statement, [*chain.from_iterable(islice(values, size))])
                left -= size

    def of_task(self, connection: sqlite3.Connection, kind: type[T], task_id: UUID) -> list[T]:
        """The rows of one kind beside a task, in the order of their keys."""
        table = self._tables[kind]
        return [table.row_of(found) for found in connection.execute(table.of, (task_id.bytes,))]

    def between(
        self, connection: sqlite3.Connection, first: int, last: int
    ) -> dict[int, list[Any]]:
        """The rows of all kinds beside some tasks, by the sequences of these."""
        rows: dict[int, list[Any]] = {}
        for table in self._tables.values():
            if table.kind.of_task:
                for task, *values in connection.execute(table.between, (first, last)):
                    rows.setdefault(task, []).append(table.row_of(values))
        return rows


class _Table(SideTable):
    """With its statements."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind, TYPES)
        order = ", ".join(self.key)
        self.inserts = [(size, self._insert_of(size)) for size in TOGETHER]
        self.insert = self._insert_of(1)
        self.drop = (
            f"DELETE FROM {self.name} "  # noqa: S608
            f"WHERE task = ? AND {self.key[-1]} <= ? - {self.kind.newest}"
        )
        self.of = (
            f"SELECT {self.columns.each()} FROM {self.name} "  # noqa: S608
            f"WHERE task = (SELECT sequence FROM tasks WHERE id = ?) ORDER BY {order}"
        )
        self.between = (
            f"SELECT task, {self.columns.each()} FROM {self.name} "  # noqa: S608
            f"WHERE task BETWEEN ? AND ? ORDER BY {order}"
        )

    def _insert_of(self, rows: int) -> str:
        marks = f"({', '.join('?' * len(self.names))})"
        return (
            f"INSERT INTO {self.name} ({', '.join(self.names)}) "  # noqa: S608 - names of ours
            f"VALUES {', '.join([marks] * rows)} {self.on_conflict}"
        )


SIDE_TABLES = SideTables(KINDS)
"""Those there are."""
