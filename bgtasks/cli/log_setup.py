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

    Where both are ``None`` and the application has set logging up itself, that is left alone;
    otherwise what it has put on the root logger is replaced.
    """
    root = logging.getLogger()
    if root.handlers and log_format is None and level is None:
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(TaskLogFilter())
    handler.setFormatter(JsonLinesFormatter() if log_format == "json" else TextFormatter())
    root.handlers[:] = [handler]
    root.setLevel((level or "info").upper())
