"""The tables beside ``bgtasks_tasks``. Their statements follow from their kinds."""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from bgtasks.backends.beside import KINDS, Again, Kind, SideTable
from bgtasks.backends.postgres.rows import TYPES, Arrays

__all__ = ["SIDE_TABLES", "SideTables"]

T = TypeVar("T")

BESIDE = "{beside}"
"""Where a statement that writes changes has the rows beside them: behind the part ``written``."""


class SideTables:
    """Writes and reads the rows of some kinds."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self._tables = {kind.row: _Table(kind) for kind in kinds}
        self._complete = cache(self._completed)

    def complete(self, statement: str, rows: Sequence[tuple[int, Any]]) -> tuple[str, Arrays]:
        """``statement``, which writes changes, so that it writes the rows beside them as well, and
        what it takes for that behind its own parameters. With each row is the ``sequence`` of its
        task. Of tasks that are not written, neither are the rows."""
        kinds = tuple(dict.fromkeys(type(row) for _, row in rows))
        arrays: list[Sequence[Any]] = []
        drops = set()
        for kind in kinds:
            table, of_kind = self._tables[kind], [item for item in rows if type(item[1]) is kind]
            arrays += table.arrays(of_kind)
            if any(table.kind.is_to_drop(row) for _, row in of_kind):
                drops.add(kind)
        return self._complete(statement, kinds, frozenset(drops)), arrays

    def _completed(
        self, statement: str, kinds: Sequence[type[Any]], drops: frozenset[type[Any]]
    ) -> str:
        parts = ""
        free = max(map(int, re.findall(r"\$(\d+)", statement)), default=0) + 1
        for number, kind in enumerate(kinds):
            table = self._tables[kind]
            insert = table.insert(free, "JOIN written ON written.sequence = given.task")
            parts += f", beside_{number} AS (\n    {insert}\n)"
            if kind in drops:
                parts += f", dropped_{number} AS (\n    {table.drop(free)}\n)"
            free += 1 + len(table.columns.names)
        return statement.replace(BESIDE, parts)

    async def keep(self, connection: Any, rows: Sequence[tuple[int, Any]]) -> None:
        """Write rows of tasks that are there."""
        for kind in dict.fromkeys(type(row) for _, row in rows):
            table = self._tables[kind]
            arrays = table.arrays([item for item in rows if type(item[1]) is kind])
            await connection.execute(table.insert(1), *arrays)

    async def of_task(self, connection: Any, kind: type[T], task_id: UUID) -> list[T]:
        """The rows of one kind beside a task, in the order of their keys."""
        table = self._tables[kind]
        return [table.row_of(found) for found in await connection.fetch(table.of, task_id)]


class _Table(SideTable):
    """With its statements."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind, TYPES, "bgtasks_")
        self.of = (
            f"SELECT {self.columns.each()} FROM {self.name} "  # noqa: S608 - names of ours
            "WHERE task = (SELECT sequence FROM bgtasks_tasks WHERE id = $1) "
            f"ORDER BY {', '.join(self.key)}"
        )

    def arrays(self, rows: Sequence[tuple[int, Any]]) -> Arrays:
        """What ``insert`` takes."""
        return [[task for task, _ in rows], *self.columns.arrays(row for _, row in rows)]

    def insert(self, first: int, only: str = "") -> str:
        """Takes arrays, from the parameter ``first`` on; ``only`` narrows them down."""
        types = ["bigint", *(item.sql for item in self.columns.types)]
        arrays = ", ".join(f"${at}::{item}[]" for at, item in enumerate(types, first))
        return (
            f"INSERT INTO {self.name} ({', '.join(self.names)}) "  # noqa: S608
            f"SELECT {self._given} FROM unnest({arrays}) "
            f"AS given (task, {self.columns.each()}) {only} {self._grouped} {self.on_conflict}"
        )

    def drop(self, first: int) -> str:
        """Drops the rows of the same tasks that are no longer kept; takes what ``insert`` does."""
        number = self.kind.key[-1]
        place = first + 1 + self.columns.names.index(number)
        return (
            f"DELETE FROM {self.name} AS old "  # noqa: S608
            f"USING unnest(${first}::bigint[], ${place}::bigint[]) AS given (task, {number}) "
            "JOIN written ON written.sequence = given.task "
            f"WHERE old.task = given.task AND old.{number} <= given.{number} - {self.kind.newest}"
        )

    @property
    def _given(self) -> str:
        given = {name: f"given.{name}" for name in self.names}
        if self.kind.again is Again.ADDS:
            given.update({name: f"pg_catalog.sum({given[name]})" for name in self.others})
        return ", ".join(given.values())

    @property
    def _grouped(self) -> str:
        """A statement may change a row only once, and takes rows that others take as well in the
        same order as they do."""
        if self.kind.again is not Again.ADDS:
            return ""
        key = ", ".join(f"given.{name}" for name in self.key)
        return f"GROUP BY {key} ORDER BY {key}"


SIDE_TABLES = SideTables(KINDS)
"""Those there are."""
