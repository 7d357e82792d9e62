"""Lines of Python's ``logging`` that are logged while an attempt runs, for the log of its task.

They are noticed where ``logging`` makes its records. A handler at the root logger would miss those
of loggers that do not propagate, would be dropped by ``dictConfig``, and would keep ``basicConfig``
and the handler of last resort from their work.
"""

import logging
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from bgtasks.core.text import MAX_MESSAGE, shown
from bgtasks.execution.attempt_log import AttemptLog

__all__ = ["LogCapture", "capturing", "log_of_context"]

log_of_context: ContextVar[AttemptLog | None] = ContextVar("bgtasks.log", default=None)
"""Where the lines of the present context go."""

OWN = __name__.partition(".")[0]
"""What this library logs itself about an attempt says nothing to whoever reads its log."""

_Factory = Callable[..., logging.LogRecord]

_users = 0
_before: _Factory | None = None
_lock = threading.Lock()
_here = threading.local()


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
    global _users, _before
    with _lock:
        _users += 1
        if _before is None:
            _before = logging.getLogRecordFactory()
            logging.setLogRecordFactory(_make_record)


def _end() -> None:
    global _users, _before
    with _lock:
        _users -= 1
        # Where another library has put its own around it, it stays, and does nothing.
        if _users == 0 and _before and logging.getLogRecordFactory() is _make_record:
            logging.setLogRecordFactory(_before)
            _before = None


def _make_record(*args: Any, **values: Any) -> logging.LogRecord:
    record = (_before or logging.LogRecord)(*args, **values)
    log = log_of_context.get()
    if log is not None and record.levelno >= log.least:
        _capture(log, record)
    return record


def _capture(log: AttemptLog, record: logging.LogRecord) -> None:
    """Never raises; what is logged while a message is put together is left out."""
    name = record.name
    if name == OWN or name.startswith(f"{OWN}.") or getattr(_here, "busy", False):
        return
    _here.busy = True
    try:
        log.add(_level(record.levelno), _text(record), name)
    except Exception:  # noqa: S110 - of a logger's own class; there is nobody to be told
        pass
    finally:
        _here.busy = False


def _level(number: int) -> str:
    if number < logging.INFO:
        return "debug"
    if number < logging.WARNING:
        return "info"
    if number < logging.ERROR:
        return "warning"
    return "error" if number < logging.CRITICAL else "critical"


def _text(record: logging.LogRecord) -> str:
    try:
        message = record.getMessage()
    except Exception:  # arguments that do not fit; every handler meets that too
        message = f"{shown(record.msg, 1000)} {shown(record.args, 1000)}"
    if not record.exc_info or record.exc_info[1] is None:
        return message
    trace = "".join(traceback.format_exception(record.exc_info[1])).rstrip()
    room = MAX_MESSAGE - len(message) - 2
    if len(trace) > room:
        trace = f"…{trace[len(trace) - max(room, 1000) :]}"
    return f"{message[: MAX_MESSAGE - len(trace) - 1]}\n{trace}"
