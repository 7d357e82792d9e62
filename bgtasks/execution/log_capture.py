"""Lines of Python's ``logging`` that are logged while an attempt runs, for the log of its task.

They are noticed where a logger, after its own level and filters, hands a record to its handlers and
to those above it. A handler at the root logger would miss those of loggers that do not propagate,
would be dropped by ``dictConfig``, and would keep ``basicConfig`` and the handler of last resort
from their work.
"""

import logging
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from bgtasks.core.log_chunks import end_of_line
from bgtasks.core.task_log import LEVELS
from bgtasks.core.text import MAX_MESSAGE, shown
from bgtasks.execution.attempt_log import AttemptLog

__all__ = ["LogCapture", "capturing", "log_of_context"]

log_of_context: ContextVar[AttemptLog | None] = ContextVar("bgtasks.log", default=None)
"""Where the lines of the present context go."""

OWN = __name__.partition(".")[0]
"""What this library logs itself about an attempt says nothing to whoever reads its log."""

_users = 0
_is_in_place = False
_before = logging.Logger.callHandlers
_lock = threading.Lock()


class _Here(threading.local):
    is_busy = False


_here = _Here()


@contextmanager
def capturing() -> Iterator[None]:
    """Notice what is logged from here on; several may, whoever ends first."""
    _begin()
    try:
        yield
    finally:
        _end()


class LogCapture:
    """The same as a service of a manager."""

    trouble: str | None = None

    def __init__(self) -> None:
        self._has_begun = False

    def start(self) -> None:
        """Begin to notice."""
        if not self._has_begun:
            self._has_begun = True
            _begin()

    async def stop(self) -> None:
        """No longer notice."""
        if self._has_begun:
            self._has_begun = False
            _end()


def _begin() -> None:
    global _users, _before, _is_in_place
    with _lock:
        _users += 1
        if not _is_in_place:
            _is_in_place = True
            _before = logging.Logger.callHandlers
            _put_in_place(_call_handlers)


def _end() -> None:
    global _users, _is_in_place
    with _lock:
        _users -= 1
        # Where another library has put its own around it, it stays, and does nothing.
        if _users == 0 and logging.Logger.callHandlers is _call_handlers:
            _put_in_place(_before)
            _is_in_place = False


def _put_in_place(call_handlers: Any) -> None:
    logging.Logger.callHandlers = call_handlers  # type: ignore[method-assign]


def _call_handlers(logger: logging.Logger, record: logging.LogRecord) -> None:
    if (log := log_of_context.get()) is None:
        _before(logger, record)
        return
    at, place = log.now(), len(log.lines)
    try:
        _before(logger, record)
    finally:  # what a handler has logged itself meanwhile comes behind it
        _capture(log, record, at, place)


def _capture(log: AttemptLog, record: logging.LogRecord, at: int, place: int) -> None:
    """Never raises. A handler that has formatted the record has left its message there."""
    try:
        level = record.levelno
        if level < log.least or (end := _end_of_line(record.name)) is None:
            return
        message = record.__dict__.get("message")
        if type(message) is not str or not message or record.exc_info is not None:
            message = _message_of(record)
        if message is not None:
            log.add(at, _LEVELS.get(level) or _level(level), message, end, place)
    except Exception:  # noqa: S110 - a line of the application is worth more than ours
        pass


def _message_of(record: logging.LogRecord) -> str | None:
    """Never raises. ``None`` for what is logged while a message is put together: it is left out."""
    if (here := _here).is_busy:
        return None
    here.is_busy = True
    try:
        return record.getMessage() if record.exc_info is None else _text(record)
    except Exception:
        return _as_it_is(record)
    finally:
        here.is_busy = False


def _as_it_is(record: logging.LogRecord) -> str | None:
    """The arguments do not fit the message, or cannot be shown; every handler meets that too."""
    with suppress(Exception):
        return f"{shown(record.msg, 1000)} {shown(record.args, 1000)}"
    return None


@lru_cache(maxsize=1_000)
def _end_of_line(logger: str) -> str | None:
    """How a line of this logger is kept; ``None``: not at all."""
    is_own = logger == OWN or logger.startswith(f"{OWN}.")
    return None if is_own else end_of_line(logger)


_LEVELS = {number: name for name, number in LEVELS.items()}


def _level(number: int) -> str:
    if number < logging.INFO:
        return "debug"
    if number < logging.WARNING:
        return "info"
    if number < logging.ERROR:
        return "warning"
    return "error" if number < logging.CRITICAL else "critical"


def _text(record: logging.LogRecord) -> str:
    """With the traceback of its exception."""
    message = record.getMessage()
    error = record.exc_info[1] if record.exc_info else None
    return message if error is None else _with_trace(message, error)


def _with_trace(message: str, error: BaseException) -> str:
    trace = "".join(traceback.format_exception(error)).rstrip()
    room = MAX_MESSAGE - len(message) - 2
    if len(trace) > room:
        trace = f"…{trace[len(trace) - max(room, 1000) :]}"
    return f"{message[: MAX_MESSAGE - len(trace) - 1]}\n{trace}"
