"""The logs of tasks in an SQLite file."""

import sqlite3
from collections.abc import Callable, Collection, Sequence
from functools import partial
from uuid import UUID

from bgtasks.backends.embedded.file_reads import FileReads
from bgtasks.backends.embedded.side_tables import SIDE_TABLES
from bgtasks.backends.embedded.statements import STATEMENTS
from bgtasks.backends.embedded.task_file import TaskFile
from bgtasks.backends.embedded.writer import Writer
from bgtasks.backends.log_store import LogEntry, LogsDone, LogStore
from bgtasks.core.log_chunks import (
    MAX_LINES,
    MAX_READ,
    LogChunk,
    StoredLog,
    next_chunks,
    stored_log,
)

__all__ = ["FileLogs"]


class FileLogs(LogStore):
    """Lines go through the writer thread, in an operation of their own: where the disk is full,
    they are refused and nothing else is. ``announce`` is called with tasks that have new lines."""

    def __init__(
        self, writer: Writer, reads: FileReads, announce: Callable[[Collection[UUID]], None]
    ) -> None:
        self._writer = writer
        self._reads = reads
        self._announce = announce

    def append(self, entries: Sequence[LogEntry], done: LogsDone) -> None:
        def answered(written: Sequence[UUID] | None, error: Exception | None) -> None:
            if written:
                self._announce(written)
            done(() if error else entries, error)

        self._writer.tell(partial(_append, entries=entries), answered)

    async def read(self, task_id: UUID, after: int) -> StoredLog:
        return await self._reads.ask(partial(_read, task_id=task_id, after=after))


def _append(file: TaskFile, entries: Sequence[LogEntry]) -> list[UUID]:
    """All or none; the tasks that have new lines."""
    with file.transaction.all_or_nothing():
        return [entry.task_id for entry in entries if _append_one(file.connection, entry)]


def _append_one(connection: sqlite3.Connection, entry: LogEntry) -> bool:
    task = entry.sequence
    end = connection.execute(STATEMENTS["end_of_log"], (task, entry.attempt)).fetchone()
    if end is None:
        return False
    newest = None if end[0] is None else _chunk(end)
    chunks = next_chunks(newest, entry.attempt, entry.lines, entry.logs)
    if not chunks:
        return False
    SIDE_TABLES.write(connection, task, chunks)
    if newest is not None:
        _drop(connection, task, chunks[-1], chunks[-1].total - entry.logs.size)
    return True


def _drop(connection: sqlite3.Connection, task: int, newest: LogChunk, after: int) -> None:
    """Drop rows that are no longer kept: those that end before ``after`` bytes of the log."""
    while after > 0 or newest.kept_from > 1:
        row = connection.execute(STATEMENTS["oldest_log_chunk"], (task,)).fetchone()
        first, last, before = row
        if first >= newest.first or (last >= newest.kept_from and before >= after):
            return
        connection.execute(STATEMENTS["drop_log_chunk"], (task, first))


def _read(connection: sqlite3.Connection, task_id: UUID, after: int) -> StoredLog:
    row = connection.execute(STATEMENTS["sequence_of"], (task_id.bytes,)).fetchone()
    task = 0 if row is None else row[0]
    newest = _chunk(connection.execute(STATEMENTS["newest_log_chunk"], (task,)).fetchone())
    if newest is None:
        return stored_log(None, 0, (), after)
    (first, *_) = connection.execute(STATEMENTS["oldest_log_chunk"], (task,)).fetchone()
    values = {"task": task, "after": after, "rows": MAX_LINES, "bytes": MAX_READ}
    found = connection.execute(STATEMENTS["log_chunks_behind"], values)
    return stored_log(newest, first, [LogChunk(*row) for row in found], after)


def _chunk(row: tuple[object, ...] | None) -> LogChunk | None:
    return None if row is None else LogChunk(*row)  # type: ignore[arg-type]
