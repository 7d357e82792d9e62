"""Tables on a terminal: as wide as they need, cut where that is too wide."""

import re
from collections.abc import Sequence

from bgtasks.cli.tasks.table import Cell, Column, Styled, table_lines

COLUMNS = (Column("ID"), Column("NAME", cut=True), Column("N", right=True))


def lines(rows: Sequence[Sequence[Cell]], width: int, *, in_colour: bool = False) -> list[str]:
    return [*table_lines(COLUMNS, rows, width, in_colour=in_colour)]


def test_columns_are_as_wide_as_they_need() -> None:
    assert lines([("a1", "copy", "7"), ("b22", "scan all", "12")], 80) == [
        "ID   NAME       N",
        "a1   copy       7",
        "b22  scan all  12",
    ]


def test_where_the_terminal_is_too_narrow_what_may_be_cut_is() -> None:
    assert (
        lines([("a" * 12, "copy everything there is", "7")], 30)[1]
        == "aaaaaaaaaaaa  copy everyth…  7"
    )
    assert lines([("a" * 30, "copy everything there is", "7")], 20)[1] == f"{'a' * 30}  copy ev…  7"


def test_wide_characters_take_two_places_and_marks_none() -> None:
    rows = [("a", "日本", "1"), ("b", "e\u0301a", "2"), ("c", "abcd", "3")]
    assert lines(rows, 80)[1:] == ["a   日本  1", "b   e\u0301a    2", "c   abcd  3"]
    assert lines([("a", "日本" * 10, "1")], 16)[1] == "a   日本日本…  1"


def test_colours_are_all_that_is_left_of_escapes() -> None:
    row = ("a", Styled("\x1b[2J\n日", "bold red"), "1")
    head, shown = lines([row], 80, in_colour=True)
    assert "\x1b[1mNAME\x1b[0m" in head
    assert shown == "a   \x1b[1;31m\\x1b[2J\\n日\x1b[0m  1"
    assert "\x1b" not in "".join(lines([row], 80))
    assert re.sub(r"\x1b\[[\d;]*m", "", shown) == lines([row], 80)[1]
