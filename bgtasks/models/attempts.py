"""The attempts of a task."""

from datetime import datetime
from uuid import UUID

from attrs import evolve, frozen

__all__ = ["Attempt", "AttemptError", "AttemptProcess"]


@frozen
class AttemptProcess:
    """The process that an attempt was begun in."""

    id: UUID
    host: str
    pid: int


@frozen
class AttemptError:
    """Why an attempt ended badly: the class of the exception, its message, and where it was raised
    in the host's own code (``None``: nobody knows).

    Where there was no exception, ``type`` is ``"Failed"`` (the worker said so) or
    ``"Interrupted"`` (a stop or a crash).
    """

    type: str
    message: str
    frame: str | None = None


@frozen(kw_only=True)
class Attempt:
    """One numbered run of a task, from its start. Times are timezone-aware UTC.

    ``outcome`` is ``"completed"``, ``"failed"``, ``"timed out"``, ``"interrupted"``,
    ``"cancelled"`` or ``"not begun"`` (it was given back before its worker began); ``None`` while
    it runs. ``error`` says why it ended badly; ``traceback`` is the text of the exception's
    traceback, its oldest part cut beyond 32,000 characters, ``None`` where there was no exception.
    ``traceback_omitted`` says that there is one which was left out: of an answer the newest ones
    have at most a million bytes together. ``group`` is the key of the failures that are the same
    one. ``started_at``, ``process`` and
    ``group`` are ``None`` where they are not known, as of attempts that an older release ran.
    """

    attempt: int
    started_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: str | None = None
    process: AttemptProcess | None = None
    error: AttemptError | None = None
    traceback: str | None = None
    group: str | None = None
    traceback_omitted: bool = False

    def for_viewers(self) -> "Attempt":
        """Without what tells of the inside of the application."""
        error = None if self.error is None else evolve(self.error, frame=None)
        return evolve(self, error=error, process=None, traceback=None, traceback_omitted=False)

    def without_traceback(self) -> "Attempt":
        """The same, its traceback left out if it has one."""
        if self.traceback is None:
            return self
        return evolve(self, traceback=None, traceback_omitted=True)
