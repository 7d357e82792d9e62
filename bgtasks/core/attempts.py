"""The attempts of a task: what is kept of those that ended, and what everybody may see of all."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from attrs import frozen

from bgtasks.core.text import clean
from bgtasks.models import Attempt, AttemptError, AttemptProcess

__all__ = [
    "FAILED",
    "INTERRUPTED",
    "KEPT_ATTEMPTS",
    "MAX_TRACEBACKS",
    "AttemptRow",
    "attempt_of",
    "bounded",
    "process_name",
    "process_of",
]

KEPT_ATTEMPTS = 100
"""How many attempts that did not complete are kept of one task: the newest."""

MAX_TRACEBACKS = 1_000_000
"""How many bytes the tracebacks in one answer have together: those of the newest attempts."""

_MAX_HOST = 255

FAILED, INTERRUPTED = "Failed", "Interrupted"
"""Stand for the class of an exception where there was none."""


@frozen
class AttemptRow:
    """An attempt that ended and was not the last of its task, or did not complete: in the table
    ``attempts``. Of one that runs or completed, the row of its task has it all."""

    attempt: int
    outcome: str
    ended_at: datetime
    started_at: datetime | None = None
    process: str | None = None
    error_type: str | None = None
    error_message: str | None = None
    frame: str | None = None
    traceback: str | None = None
    error_group: str | None = None


def attempt_of(row: AttemptRow) -> Attempt:
    """An attempt as everybody may see it."""
    error = None
    if row.error_message is not None:
        error = AttemptError(row.error_type or FAILED, row.error_message, row.frame)
    return Attempt(
        attempt=row.attempt,
        started_at=row.started_at,
        ended_at=row.ended_at,
        outcome=row.outcome,
        process=process_of(row.process),
        error=error,
        traceback=row.traceback,
        group=row.error_group,
    )


def bounded(attempts: Sequence[Attempt]) -> list[Attempt]:
    """The attempts of a task, oldest first, the older ones without their tracebacks where all of
    them are more than ``MAX_TRACEBACKS``."""
    left = MAX_TRACEBACKS
    found: list[Attempt] = []
    for attempt in reversed(attempts):
        left -= len((attempt.traceback or "").encode())
        found.append(attempt if left >= 0 else attempt.without_traceback())
    return found[::-1]


def process_name(process: UUID, host: str, pid: int) -> str:
    """A process as it is kept with each attempt that it begins: as a text, so that it is known
    after the process has gone, whatever is kept of processes."""
    return f"{process}/{pid}/{clean(host, _MAX_HOST)}"


def process_of(name: str | None) -> AttemptProcess | None:
    """The process that was kept by this name; ``None``: it is no such name."""
    parts = (name or "").split("/", 2)
    try:
        return AttemptProcess(UUID(parts[0]), parts[2], int(parts[1]))
    except (ValueError, IndexError):
        return None
