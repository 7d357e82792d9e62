"""Tables and colours for a terminal, without a library: it would take longer to be imported than
most commands take."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from bgtasks.cli.tasks.plain_text import one_line

__all__ = ["Cell", "Column", "Styled", "painted", "table_lines"]

_CODES = {
    "bold": "1",
    "dim": "2",
    "yellow": "33",
    "blue": "34",
    "green": "32",
    "bold red": "1;31",
}

_GAP = 2

_SHORTEST = 8
"""A column is not cut to less."""


class Styled(NamedTuple):
    """A text in a style, such as ``"bold red"``."""

    text: str
    style: str


Cell = str | Styled


class Column(NamedTuple):
    """A column of a table. One that may be ``cut`` gives way where the terminal is too narrow."""

    name: str
    right: bool = False
    cut: bool = False


def painted(cell: Cell, *, in_colour: bool) -> str:
    """The text with what makes a terminal show its style."""
    if isinstance(cell, str):
        return cell
    code = _CODES.get(cell.style)
    return f"\x1b[{code}m{cell.text}\x1b[0m" if code and in_colour and cell.text else cell.text


def table_lines(
    columns: Sequence[Column], rows: Iterable[Sequence[Cell]], width: int, *, in_colour: bool
) -> Iterator[str]:
    """The lines of a table that is no wider than ``width``, where its columns can be cut. Control
    characters in texts are written as their escapes."""
    head = [Styled(column.name, "bold") for column in columns]
    shown = [head, *([_on_one_line(cell) for cell in row] for row in rows)]
    widths = _widths(columns, shown, width)
    for row in shown:
        cells = [
            _fitted(cell, column, width, in_colour=in_colour)
            for cell, column, width in zip(row, columns, widths, strict=True)
        ]
        yield (" " * _GAP).join(cells).rstrip()


def _on_one_line(cell: Cell) -> Styled:
    text, style = (cell, "") if isinstance(cell, str) else cell
    return Styled(one_line(text), style)


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[Styled]], width: int) -> list[int]:
    widths = [max(_width(row[at].text) for row in rows) for at in range(len(columns))]
    over = sum(widths) + _GAP * (len(columns) - 1) - width
    while over > 0:
        cut = [at for at, column in enumerate(columns) if column.cut and widths[at] > _SHORTEST]
        if not cut:
            break
        widest = max(cut, key=widths.__getitem__)
        widths[widest] -= 1
        over -= 1
    return widths


def _fitted(cell: Styled, column: Column, width: int, *, in_colour: bool) -> str:
    text = _cut(cell.text, width)
    space = " " * (width - _width(text))
    shown = painted(Styled(text, cell.style), in_colour=in_colour)
    return space + shown if column.right else shown + space


def _cut(text: str, width: int) -> str:
    if _width(text) <= width:
        return text
    kept, used = [], 1  # the sign that there is more
    for character in text:
        used += _width(character)
        if used > width:
            break
        kept.append(character)
    return "".join(kept) + "…"


def _width(text: str) -> int:
    """How many places a terminal needs for it."""
    return len(text) if text.isascii() else sum(map(_places, text))


def _places(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
