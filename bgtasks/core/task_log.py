"""The log of a task, as an application sees it: what is kept of it, and what it reads."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Literal, get_args, overload

import attrs
from attrs import field, frozen

from bgtasks.core.checks import refusal, whole
from bgtasks.core.text import shown

__all__ = ["LEVELS", "LogLevel", "LogLine", "LogSource", "Logs", "TaskLog", "checked_level"]

LogLevel = Literal["debug", "info", "warning", "error", "critical"]
LogSource = Literal["task", "logging"]

LEVELS: dict[str, int] = dict(zip(get_args(LogLevel), (10, 20, 30, 40, 50), strict=True))
"""The levels of lines, as Python's ``logging`` numbers them."""


def checked_level(level: object) -> str:
    """``level`` in small letters. Raises ValueError for what is none."""
    name = level.lower() if isinstance(level, str) else ""
    if name not in LEVELS:
        raise ValueError(f"level is {shown(level)}; accepted: {', '.join(map(repr, LEVELS))}")
    return name


def _in_capitals(level: Any) -> Any:
    return level.upper() if isinstance(level, str) else level


@frozen(kw_only=True)
class Logs:
    """What is kept of the log of each task of a type: lines from ``level`` on, of them the newest
    ``lines`` (1 to 100,000), which have ``size`` bytes at most (1,024 to 16 MiB); older ones are
    dropped.

    ``level`` is a name of Python's ``logging``: ``"DEBUG"``, ``"INFO"``, ``"WARNING"``,
    ``"ERROR"`` or ``"CRITICAL"``.
    """

    level: str = field(default="INFO", converter=_in_capitals)
    lines: int = field(default=1_000, validator=whole(1, 100_000))
    size: int = field(default=256 * 1024, validator=whole(1_024, 16 * 1024 * 1024))

    @level.validator
    def _check_level(self, _attribute: "attrs.Attribute[Any]", level: Any) -> None:
        if not isinstance(level, str) or level.lower() not in LEVELS:
            accepted = ", ".join(repr(name.upper()) for name in LEVELS)
            raise refusal(self, "level", level, f"one of {accepted}")

    @property
    def least(self) -> int:
        """The level as a number."""
        return LEVELS[self.level.lower()]


@frozen
class LogLine:
    """One line of a task's log. ``number`` counts all lines of the task from 1 on, over all its
    attempts.

    ``source`` is ``"task"`` for what the worker says to whoever watches the task
    (``context.log``), and ``"logging"`` for what ``logger`` has logged while the task ran, which is
    for operators. ``message`` has at most 4,000 characters; an exception's traceback is part of it.
    """

    number: int
    at: datetime
    level: LogLevel
    message: str
    source: LogSource = "task"
    logger: str | None = None


@frozen(eq=False)
class TaskLog(Sequence[LogLine]):
    """Some lines of a task's log, the oldest first: a sequence of them.

    ``first`` is the number of the oldest line that is kept, and ``last`` that of the newest one
    that this answer goes up to: read on with ``after=last``. Where lines have been dropped, a line
    of the source ``"task"`` says how many.
    """

    lines: Sequence[LogLine]
    first: int = 1
    last: int = 0

    @overload
    def __getitem__(self, at: int) -> LogLine: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[LogLine]: ...

    def __getitem__(self, at: int | slice) -> LogLine | Sequence[LogLine]:
        return self.lines[at]

    def __len__(self) -> int:
        return len(self.lines)

    def __iter__(self) -> Iterator[LogLine]:
        return iter(self.lines)
