"""The ends of tasks of which hooks are to be told. Lives in the writer thread."""

from collections.abc import Sequence
from datetime import datetime

from bgtasks.backends.embedded import rows
from bgtasks.backends.embedded.statements import STATEMENTS
from bgtasks.backends.embedded.task_file import TaskFile
from bgtasks.core.record import NOT_YET, TaskRecord

__all__ = ["take", "told"]


def take(file: TaskFile, now: datetime, until: datetime, limit: int) -> list[TaskRecord]:
    """Ends that may be told now, which nobody gets again before ``until``."""
    values = rows.from_time(now), limit
    found = file.connection.execute(STATEMENTS["ends_to_tell"], values).fetchall()
    ended = list(filter(None, map(file.queue.readable, found)))
    _tell_at(file, until, ended)
    return ended


def told(file: TaskFile, ended: Sequence[TaskRecord]) -> None:
    """These ends were told."""
    _tell_at(file, NOT_YET, ended)


def _tell_at(file: TaskFile, time: datetime, ended: Sequence[TaskRecord]) -> None:
    at = rows.from_time(time)
    values = [(at, record.sequence, record.revision) for record in ended]
    file.connection.executemany(STATEMENTS["tell_end_at"], values)
