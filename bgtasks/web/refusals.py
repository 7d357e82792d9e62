"""What clients are told of an error, in one table for HTTP and for the hub."""

import logging

from attrs import frozen

from bgtasks.errors import (
    BackendError,
    DuplicateTaskError,
    ManagerStateError,
    NotAllowedError,
    QueryError,
    ScheduleNotFoundError,
    SerializationError,
    SettingsError,
    TaskNotFoundError,
    TaskStateError,
    UnregisteredTaskError,
)
from bgtasks.logs import log_safely
from bgtasks.web.judge import PolicyFailedError, PolicyTimeoutError

__all__ = ["NOT_RUNNING", "UNEXPECTED", "Refusal", "refusal_of"]

logger: logging.Logger = logging.getLogger(__name__)

NOT_RUNNING = "background tasks are not running"
UNEXPECTED = "an unexpected error happened; it was logged"


@frozen
class Refusal:
    """The answer to an ``error``: the status over HTTP, and the words, which both ways send.

    Without ``text`` the words are the error's own message. ``logged`` is what the log says of an
    error that the operator has to know of and that is not logged yet.
    """

    error: type[Exception]
    status: int
    text: str | None = None
    logged: str | None = None

    def words(self, error: Exception) -> str:
        """What the client is told."""
        return str(error) if self.text is None else self.text


_TABLE = (
    Refusal(QueryError, 400),
    Refusal(NotAllowedError, 403),
    Refusal(TaskNotFoundError, 404),
    Refusal(ScheduleNotFoundError, 404),
    Refusal(UnregisteredTaskError, 404),
    Refusal(SettingsError, 400),
    Refusal(TaskStateError, 409),
    Refusal(DuplicateTaskError, 409),
    Refusal(SerializationError, 409, "the arguments of the task can no longer be read"),
    Refusal(ManagerStateError, 503, NOT_RUNNING),
    Refusal(BackendError, 503, "the store of tasks is not available", "the store failed"),
    Refusal(
        PolicyTimeoutError,
        503,
        "whether you may do this could not be found out in time; try again",
    ),
    Refusal(PolicyFailedError, 500, "whether you may do this could not be found out; try again"),
)


def refusal_of(error: Exception, where: str) -> Refusal | None:
    """The answer to an ``error`` that is known, and logs it where the table says so. ``where`` it
    came up is for the log."""
    for refusal in _TABLE:
        if isinstance(error, refusal.error):
            if refusal.logged is not None:
                message = "%s at %s: %s"
                log_safely(
                    logger, logging.ERROR, message, refusal.logged, where, error, error=error
                )
            return refusal
    return None
