"""What is kept beside a task, in tables of their own: the same for every store.

A kind of row is a class whose fields are the columns. Rows of it are in ``Change.beside``, and are
written in the transaction of the change, if the change is written. Another kind needs its class in
``Row`` (``bgtasks/core/record.py``), its line in ``KINDS`` and its table in each store.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum, auto
from typing import Any

from attrs import evolve, fields, frozen

from bgtasks.backends.columns import Columns, ColumnTypes
from bgtasks.core.attempts import KEPT_ATTEMPTS, AttemptRow
from bgtasks.core.log_chunks import LogChunk
from bgtasks.core.own_frames import MAX_FRAME
from bgtasks.core.record import Row
from bgtasks.core.text import MAX_MESSAGE, MAX_NAME, clean, cut_traceback

__all__ = ["KINDS", "Again", "Kind", "SideTable", "fit", "rows_of"]


class Again(Enum):
    """What a row does to the one that has its key already."""

    NOTHING = auto()
    """The row that is there stays."""
    REPLACES = auto()
    """It gets the new values. Columns that this kind does not have stay."""
    ADDS = auto()
    """The new numbers are added to those that it has."""


@frozen
class Kind:
    """The attrs class ``row``, and the table that has a column for each of its fields.

    ``key`` has the fields by which a row is found. Of a kind that is ``of_task``, the table has the
    column ``task`` too (the ``sequence`` of the task, which the rows are dropped with), first in
    the key. ``texts`` makes those texts fit for any store that were not made fit before. Of a kind
    that has ``newest``, only so many rows of each task are kept, by the last field of the key: a
    number that each new row has a larger one of.
    """

    row: type[Any]
    table: str
    key: Sequence[str]
    again: Again = Again.NOTHING
    of_task: bool = True
    texts: Mapping[str, Callable[[str], str]] = {}
    newest: int | None = None

    def is_to_drop(self, row: Any) -> bool:
        """Whether there may be more rows than are kept, now that there is this one."""
        return self.newest is not None and getattr(row, self.key[-1]) > self.newest


def _message(text: str) -> str:
    return clean(text, MAX_MESSAGE)


def _name(text: str) -> str:
    return clean(text, MAX_NAME)


def _frame(text: str) -> str:
    return clean(text, MAX_FRAME)


KINDS = (
    Kind(
        AttemptRow,
        "attempts",
        key=("attempt",),
        texts={
            "process": _message,
            "error_type": _name,
            "error_message": _message,
            "frame": _frame,
            "traceback": cut_traceback,
        },
        newest=KEPT_ATTEMPTS,
    ),
    # Written by themselves: what becomes of lines changes nothing for their task.
    Kind(LogChunk, "log_chunks", key=("first",)),
)
"""All kinds of rows."""


def rows_of(changes: Iterable[Any]) -> list[tuple[int, Row]]:
    """The rows beside some changes, each with the ``sequence`` of its task."""
    return [(change.after.sequence, row) for change in changes for row in change.beside]


def fit(row: Any) -> Any:
    """``row`` with texts that every store takes."""
    kind = next(kind for kind in KINDS if kind.row is type(row))
    found = {name: getattr(row, name) for name in kind.texts}
    texts = {name: kind.texts[name](text) for name, text in found.items() if text is not None}
    return evolve(row, **texts)


class SideTable:
    """The table of a kind, in a store's own types; its name begins with ``prefix``."""

    def __init__(self, kind: Kind, types: ColumnTypes, prefix: str = "") -> None:
        self.kind = kind
        self.name: str = prefix + kind.table
        self.columns: Columns = Columns([item.name for item in fields(kind.row)], types, kind.row)
        of_task = ["task"] if kind.of_task else []
        self.names: list[str] = [*of_task, *self.columns.names]
        self.key: list[str] = [*of_task, *kind.key]
        self.others: list[str] = [name for name in self.names if name not in self.key]

    @property
    def on_conflict(self) -> str:
        """The clause of INSERT for a row whose key is there already."""
        key = ", ".join(self.key)
        match self.kind.again:
            case Again.NOTHING:
                return f"ON CONFLICT ({key}) DO NOTHING"
            case Again.REPLACES:
                given = [f"{name} = excluded.{name}" for name in self.others]
            case Again.ADDS:
                given = [f"{name} = {self.name}.{name} + excluded.{name}" for name in self.others]
        return f"ON CONFLICT ({key}) DO UPDATE SET {', '.join(given)}"

    def row_of(self, values: Sequence[Any]) -> Any:
        """The row in values that begin with the columns of the class."""
        return self.kind.row(*self.columns.decode(values))
