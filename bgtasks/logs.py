"""Which task a log line belongs to, and how log lines are written.

While an attempt runs, :data:`task_of_context` holds its task: in the worker's coroutine, in the
asyncio tasks that it starts, in the thread of a sync worker and in ``asyncio.to_thread``. A thread
that a worker starts by hand has no task; run its target in ``contextvars.copy_context()``.
"""

import contextlib
import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

from bgtasks.core.text import loggable, trace_of

__all__ = [
    "JsonLinesFormatter",
    "LoggedTask",
    "TaskLogFilter",
    "TextFormatter",
    "log_fields",
    "log_safely",
    "task_of_context",
]


class LoggedTask(Protocol):
    """What log lines say of a task; ``attempt`` counts from 1."""

    @property
    def id(self) -> UUID:
        """Its id."""

    @property
    def type(self) -> str:
        """The name its type is registered under."""

    @property
    def attempt(self) -> int:
        """The number of the attempt that runs."""


task_of_context: ContextVar[LoggedTask | None] = ContextVar("bgtasks.task", default=None)
"""The task that the present context carries out."""

_NOTHING: dict[str, Any] = {"task_id": None, "task_type": None, "attempt": None}


def log_fields(task: LoggedTask | None) -> dict[str, Any]:
    """The fields of a log line about ``task``, for ``extra=``."""
    if task is None:
        return _NOTHING
    return {"task_id": str(task.id), "task_type": task.type, "attempt": task.attempt}


def log_safely(
    logger: logging.Logger,
    level: int,
    message: str,
    *args: object,
    error: BaseException | None = None,
    extra: dict[str, Any] | None = None,
) -> None:
    """Log, and ignore what a handler or filter raises.

    ``error`` is shown with its traceback, as far as that can be formatted.
    """
    with contextlib.suppress(BaseException):
        if logger.isEnabledFor(level):
            logger.log(level, message, *args, exc_info=_exc_info(error), extra=extra)


def _exc_info(error: BaseException | None) -> tuple[Any, BaseException, Any] | None:
    """A tuple, not the exception: logging tests an exception's truth, which may be false."""
    if error is None:
        return None
    error = loggable(error)
    return type(error), error, trace_of(error)


class TaskLogFilter(logging.Filter):
    """Puts ``task_id`` (a text), ``task_type`` and ``attempt`` on every record: those of the task
    that logged the line, or ``None``. Values that a record already has stay.

    Add the filter to handlers. A logger's filter does not see what its children log. With a
    queue of log records, add the filter to the handler that fills the queue.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Complete the record and let it pass."""
        for name, value in log_fields(task_of_context.get()).items():
            if name not in record.__dict__:
                setattr(record, name, value)
        return True


class JsonLinesFormatter(logging.Formatter):
    """One JSON object a line: ``time`` (UTC, ISO 8601), ``level``, ``logger``, ``message``, where
    there is a task ``task_id``, ``task_type`` and ``attempt``, and ``exception``, a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, ASCII only, without its end."""
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name in _NOTHING:
            if (value := getattr(record, name, None)) is not None:
                line[name] = value
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = self.formatException(record.exc_info)
        elif record.exc_text:
            line["exception"] = record.exc_text
        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """``time level logger: message [task id type attempt n]``, then the traceback if any."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802
        """The time in UTC, in any time zone of the machine."""
        return _time(record)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """The line without a traceback."""
        text = super().formatMessage(record)
        if getattr(record, "task_id", None) is None:
            return text
        fields = record.__dict__
        return f"{text} [task {record.task_id} {fields['task_type']} attempt {fields['attempt']}]"  # type: ignore[attr-defined]


def _time(record: logging.LogRecord) -> str:
    time = datetime.fromtimestamp(record.created, UTC)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
