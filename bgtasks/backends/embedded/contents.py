"""All that is in a file that no process uses, to be moved elsewhere."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from bgtasks.backends.embedded import rows
from bgtasks.backends.embedded.database import check_kept_file, open_kept_file
from bgtasks.backends.embedded.owner_lock import OwnerLock
from bgtasks.backends.embedded.reader import fetch_types
from bgtasks.backends.embedded.schedule_rows import schedule_of
from bgtasks.backends.embedded.side_tables import SIDE_TABLES
from bgtasks.backends.embedded.statements import STATEMENTS
from bgtasks.core.record import KeptTask
from bgtasks.core.schedules.record import ScheduleRecord
from bgtasks.core.task_types import TypeRecord
from bgtasks.errors import BackendError

__all__ = ["FileContents"]


class FileContents:
    """The tasks, pauses and schedules in the file ``path``, which has no other owner while this is
    entered.

    The file is not changed. Entering raises BackendBusyError while an application uses it,
    BackendError and SchemaVersionError for what is no such file.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> Self:
        # Looked at before it is locked: a lock leaves an empty file beside it.
        check_kept_file(self._path)
        self._lock = OwnerLock(self._path)
        try:
            self._connection = open_kept_file(self._path)
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()
        self._lock.release()

    def is_any_running(self) -> bool:
        """Whether a crash left attempts behind; a stop leaves none."""
        return bool(self._connection.execute(STATEMENTS["is_any_running"]).fetchone()[0])

    def paused(self) -> list[TypeRecord]:
        """The types that are paused."""
        with self._reading():
            kept = fetch_types(self._connection)
        return [item for item in kept if item.paused_at is not None]

    def schedules(self) -> list[ScheduleRecord]:
        """All schedules, whether or not an application still has them."""
        with self._reading():
            found = self._connection.execute(STATEMENTS["schedules"], ("", -1))
            return [schedule_of(row) for row in found]

    def batches(self, size: int) -> Iterator[list[KeptTask]]:
        """Every task, in the order of acceptance, ``size`` at a time."""
        sequence = -1
        with self._reading():
            while batch := self._batch(sequence, size):
                yield batch
                sequence = batch[-1][0].sequence

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise BackendError(f"{self._path} cannot be read: {error}") from error

    def _batch(self, after: int, size: int) -> list[KeptTask]:
        found = self._connection.execute(STATEMENTS["tasks_after"], (after, size))
        records = [rows.record_of(row) for row in found]
        if not records:
            return []
        first, last = records[0].sequence, records[-1].sequence
        beside = SIDE_TABLES.between(self._connection, first, last)
        return [(record, beside.get(record.sequence, ())) for record in records]
