"""Where the commands write: standard output, as a terminal or as a file or pipe."""

import json
import sys
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from bgtasks.cli.tasks.client import Info
from bgtasks.cli.tasks.plain_text import one_line
from bgtasks.core.codec import TaskCodec
from bgtasks.core.task_log import LogLine
from bgtasks.core.task_types import TypeInfo
from bgtasks.models import Attempt, BackgroundTaskStatus, ProcessInfo, ScheduleInfo, Stats
from bgtasks.web.encoded_log import line_data
from bgtasks.web.encoded_process import process_data
from bgtasks.web.encoded_schedule import schedule_data

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
    ``plain_text`` first and are never read as markup."""

    def __init__(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            # Characters that the terminal's encoding lacks must not make a command fail.
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        self.console = Console(markup=False, highlight=False, emoji=False)
        self._codec = TaskCodec()

    @property
    def is_terminal(self) -> bool:
        """Whether standard output is a terminal."""
        return self.console.is_terminal

    def line(self, text: str | Text) -> None:
        """Write a line at once, without wrapping."""
        self.console.print(text, soft_wrap=True)

    def columns(self, *values: str) -> None:
        """Write a line of values with tabs between them."""
        # Not through rich, which would turn the tabs into spaces.
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

    def data_of(self, value: TypeInfo | Attempt | Stats) -> dict[str, Any]:
        """A type, an attempt, or how things are, in the same shape."""
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


def status_text(status: BackgroundTaskStatus) -> Text:
    """A status in its colour."""
    return Text(status, style=_STYLES[status])


def utc_text(value: datetime) -> str:
    """A time in UTC, to the second."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
