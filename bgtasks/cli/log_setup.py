"""What a worker process writes to standard error."""

import logging
import sys
from typing import Literal

from bgtasks.logs import JsonLinesFormatter, TaskLogFilter, TextFormatter

__all__ = ["LEVELS", "LogFormat", "set_up_logging"]

LogFormat = Literal["text", "json"]

LEVELS = ("debug", "info", "warning", "error", "critical")


def set_up_logging(log_format: LogFormat | None, level: str | None) -> None:
    """Log to standard error, at ``level`` (info, if ``None``), with the task of each line.

    If both are ``None`` and the application has set up logging itself, nothing is changed;
    otherwise the handlers of the root logger are replaced.
    """
    root = logging.getLogger()
    if root.handlers and log_format is None and level is None:
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(TaskLogFilter())
    handler.setFormatter(JsonLinesFormatter() if log_format == "json" else TextFormatter())
    root.handlers[:] = [handler]
    root.setLevel((level or "info").upper())
