"""Where the commands write: standard output, as a terminal or as a file or pipe."""

import json
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bgtasks.cli.tasks.client import Info
from bgtasks.cli.tasks.plain_text import one_line
from bgtasks.cli.tasks.table import Cell, Column, Styled, painted, table_lines
from bgtasks.core.codec import TaskCodec
from bgtasks.core.task_log import LogLine
from bgtasks.core.task_types import TypeInfo
from bgtasks.models import (
    Attempt,
    BackgroundTaskStatus,
    FailureFacet,
    FailureGroup,
    ProcessInfo,
    ScheduleInfo,
    Stats,
)
from bgtasks.web.encoded_log import line_data
from bgtasks.web.encoded_process import process_data
from bgtasks.web.encoded_schedule import schedule_data

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Screen", "status_text", "utc_text"]

_STYLES = {
    BackgroundTaskStatus.PENDING: "yellow",
    BackgroundTaskStatus.RUNNING: "blue",
    BackgroundTaskStatus.COMPLETED: "green",
    BackgroundTaskStatus.FAILED: "bold red",
    BackgroundTaskStatus.CANCELLED: "dim",
}


class Screen:
    """Writes for people on a terminal and for programs elsewhere. Texts of tasks go through
    ``plain_text`` first."""

    def __init__(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            # Characters that the terminal's encoding lacks must not make a command fail.
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        forced = os.environ.get("FORCE_COLOR")
        self.is_terminal: bool = bool(forced) or sys.stdout.isatty()
        """Whether standard output is a terminal."""
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") in ("dumb", "unknown")
        self.in_colour: bool = self.is_terminal and not plain
        """Whether it shows colours."""

    @cached_property
    def _codec(self) -> TaskCodec:
        return TaskCodec()  # takes a while, and only JSON needs it

    @cached_property
    def console(self) -> "Console":
        """What moves on a terminal: bars, and tables that are kept up to date."""
        # Late: its import takes longer than most commands do.
        from rich.console import Console

        return Console(markup=False, highlight=False, emoji=False)

    @property
    def width(self) -> int:
        """How many characters a line of the terminal has."""
        return shutil.get_terminal_size().columns

    def line(self, *parts: Cell) -> None:
        """Write a line at once, without wrapping."""
        text = "".join(painted(part, in_colour=self.in_colour) for part in parts)
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def table(self, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> None:
        """Write a table for people, no wider than the terminal if it can be."""
        for text in table_lines(columns, rows, self.width, in_colour=self.in_colour):
            sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def columns(self, *values: str) -> None:
        """Write a line of values with tabs between them."""
        sys.stdout.write("\t".join(map(one_line, values)) + "\n")
        sys.stdout.flush()

    def json(self, data: Any) -> None:
        """Write a line of JSON, in ASCII."""
        sys.stdout.write(json.dumps(data) + "\n")
        sys.stdout.flush()

    def wire(self, info: Info) -> dict[str, Any]:
        """``info`` as JSON data, in the shape that HTTP sends."""
        return self._codec.wire(info)

    def process(self, info: ProcessInfo) -> dict[str, Any]:
        """A process in the shape that HTTP sends."""
        return process_data(info, self._codec)

    def data_of(
        self, value: TypeInfo | Attempt | Stats | FailureGroup | FailureFacet
    ) -> dict[str, Any]:
        """A type, an attempt, how things are, or of failures, in the same shape."""
        return self._codec.data_of(value)

    def log_line(self, line: LogLine) -> dict[str, Any]:
        """A line of a log in the same shape."""
        return line_data(line, self._codec)

    def schedule(self, info: ScheduleInfo) -> dict[str, Any]:
        """A schedule in the shape that HTTP sends."""
        return schedule_data(info, self._codec)

    def complain(self, text: str) -> None:
        """Write a line on standard error."""
        sys.stderr.write(one_line(text) + "\n")


def status_text(status: BackgroundTaskStatus) -> Styled:
    """A status in its colour."""
    return Styled(status.value, _STYLES[status])


def utc_text(value: datetime) -> str:
    """A time in UTC, to the second."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
