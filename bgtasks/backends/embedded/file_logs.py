"""The logs of tasks in an SQLite file."""

import json
import sqlite3
from collections.abc import Callable, Collection, Sequence
from functools import partial
from uuid import UUID

from bgtasks.backends.embedded.file_reads import FileReads
from bgtasks.backends.embedded.side_tables import SIDE_TABLES
from bgtasks.backends.embedded.statements import STATEMENTS
from bgtasks.backends.embedded.task_file import TaskFile
from bgtasks.backends.embedded.writer import Writer
from bgtasks.backends.log_store import LogEntry, LogsDone, LogStore, new_rows
from bgtasks.core.log_chunks import (
    MAX_LINES,
    MAX_READ,
    LogChunk,
    StoredLog,
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
    connection = file.connection
    with file.transaction.all_or_nothing():
        new = new_rows(entries, _ends(connection, entries))
        rows = [(entry.sequence, chunk) for entry, _, chunks in new for chunk in chunks]
        SIDE_TABLES.write_together(connection, LogChunk, rows)
        for entry, newest, chunks in new:
            if newest is not None:
                _drop(connection, entry, chunks[-1])
    return [entry.task_id for entry, _, _ in new]


def _ends(
    connection: sqlite3.Connection, entries: Sequence[LogEntry]
) -> dict[tuple[int, int], LogChunk | None]:
    """By sequence and attempt, in one row: after each row that SQLite gives, this thread waits for
    the interpreter lock, which a busy event loop lets go of every 5 ms."""
    asked = json.dumps([(entry.sequence, entry.attempt) for entry in entries])
    (found,) = connection.execute(STATEMENTS["ends_of_logs"], (asked,)).fetchone()
    return {
        (task, attempt): None if end[0] is None else LogChunk(*end)
        for task, attempt, *end in json.loads(found)
    }


def _drop(connection: sqlite3.Connection, entry: LogEntry, newest: LogChunk) -> None:
    """Drop rows that are no longer kept, now that this is the newest."""
    task, after = entry.sequence, newest.total - entry.logs.size
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
