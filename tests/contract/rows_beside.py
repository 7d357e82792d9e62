"""Kinds of rows that no release has, to try what a kind can be."""

from attrs import frozen

from bgtasks.backends.beside import Again, Kind


@frozen
class Line:
    number: int
    text: str | None


@frozen
class Begun:
    attempt: int
    by: str


@frozen
class Ended:
    attempt: int
    how: str


@frozen
class Count:
    type: str
    tasks: int
    seconds: float


KINDS = (
    Kind(Line, "lines", key=("number",)),
    Kind(Begun, "attempts", key=("attempt",)),
    Kind(Ended, "attempts", key=("attempt",), again=Again.REPLACES),
    Kind(Count, "counts", key=("type",), again=Again.ADDS, of_task=False),
)
