"""What an error of the server, or of the way to it, says about what was asked."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from bgtasks.backends.task_store import LostAnswerError
from bgtasks.core.text import describe

__all__ = [
    "SERVER_ERRORS",
    "NotConnectedError",
    "answer_may_be_lost",
    "cause_of",
    "concerns_statement",
    "concerns_values",
    "constraint_of",
    "is_fate_unknown",
    "is_refused_text",
    "reason_of",
]

SERVER_ERRORS = (
    OSError,
    asyncio.TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg says of a connection that is cut at a bad moment
)
"""Everything that a statement, or a connection for it, raises when the server or the way is at
fault. Whatever it is may pass: the same statement can be tried again later."""


class NotConnectedError(ConnectionError):
    """There is no connection to ask on: nothing was sent. Its cause says why."""


_VALUE_CLASSES = ("22", "23")
"""Data exceptions and integrity violations (https://www.postgresql.org/docs/current/
errcodes-appendix.html): the server works, and refuses what it was given."""

_CUT_CLASSES = ("08", "57")
"""Connection exceptions and operator interventions: the server may have committed before."""

_COMPLETION_UNKNOWN = "40003"
"""Of the class of rollbacks, the one that says that there may have been none."""


def concerns_values(error: BaseException) -> bool:
    """Whether the statement is refused because of the values in it, now and later.

    Anything else passes, be it a right that is missing, a table that is locked or renamed, a full
    disk, a failed login or an error that nobody has heard of.
    """
    if isinstance(error, asyncpg.PostgresError):
        return _sqlstate(error)[:2] in _VALUE_CLASSES
    return isinstance(error, (UnicodeError, OverflowError))  # it cannot even be encoded


def concerns_statement(error: BaseException) -> bool:
    """Whether the same may succeed in parts: one of the values is refused, or rows were locked in
    another order than by somebody else."""
    deadlock = isinstance(error, asyncpg.DeadlockDetectedError)
    return deadlock or concerns_values(error)


def constraint_of(error: BaseException) -> str | None:
    """The constraint or unique index that the statement has run into."""
    return getattr(error, "constraint_name", None)


def is_refused_text(error: BaseException) -> bool:
    """Whether the server does not understand a statement, or finds no meaning for it."""
    return isinstance(error, asyncpg.PostgresError) and _sqlstate(error)[:2] == "42"


def is_fate_unknown(error: BaseException) -> bool:
    """Whether what the statement asked for may have been done all the same: the answer is lost.

    A COMMIT whose answer does not come may have been carried out.
    """
    if isinstance(error, NotConnectedError):
        return False
    if isinstance(error, asyncpg.PostgresError):
        fatal = getattr(error, "severity_en", None) in ("FATAL", "PANIC")
        state = _sqlstate(error)
        return fatal or state[:2] in _CUT_CLASSES or state == _COMPLETION_UNKNOWN
    return not concerns_values(error)


def cause_of(error: BaseException) -> BaseException:
    """The error itself, or why there is no connection."""
    return (error.__cause__ or error) if isinstance(error, NotConnectedError) else error


def reason_of(error: BaseException) -> str:
    """What to say of an error. Where a value cannot be encoded, asyncpg's message quotes all
    values of the statement: then only the cause is told."""
    cause = error.__cause__ if concerns_values(error) else None
    return describe(cause or error)


def _sqlstate(error: asyncpg.PostgresError) -> str:
    return getattr(error, "sqlstate", None) or ""


@contextmanager
def answer_may_be_lost() -> Iterator[None]:
    """Raises LostAnswerError for errors which leave it open whether the write in here was done."""
    try:
        yield
    except SERVER_ERRORS as error:
        if is_fate_unknown(error):
            raise LostAnswerError from error
        raise
