"""The logs of tasks in PostgreSQL."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from bgtasks.backends.log_store import LogEntry, LogsDone, LogStore, NewRows, new_rows
from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.feed import logs_messages
from bgtasks.backends.postgres.statements import STATEMENTS
from bgtasks.concurrency.lasting import ends_this_task
from bgtasks.core.log_chunks import (
    MAX_LINES,
    MAX_READ,
    LogChunk,
    StoredLog,
    stored_log,
)

__all__ = ["TableLogs"]


class TableLogs(LogStore):
    """Lines are written in transactions of their own, one after the other. ``announce`` is called
    with tasks that have new lines; other processes are notified."""

    def __init__(
        self, database: Database, process: UUID, announce: Callable[[Collection[UUID]], None]
    ) -> None:
        self._database = database
        self._process = process
        self._announce = announce
        self._last: asyncio.Task[None] | None = None

    def append(self, entries: Sequence[LogEntry], done: LogsDone) -> None:
        appending = self._append(self._last, entries, done)
        self._last = asyncio.get_running_loop().create_task(appending)

    async def written(self) -> None:
        """Wait until what has been handed over is written, or refused."""
        if self._last is not None and not self._last.done():
            await asyncio.wait([self._last])

    async def stop(self) -> None:
        """Give up what is not written."""
        if self._last is not None:
            self._last.cancel()
            await asyncio.wait([self._last])

    async def read(self, task_id: UUID, after: int) -> StoredLog:
        with self._database.asking("read"):
            async with self._database.connection() as connection:
                row = await connection.fetchrow(STATEMENTS["log_ends"], task_id)
                if row is None:
                    return stored_log(None, 0, (), after)
                sequence, first, *newest = row
                found = await connection.fetch(
                    STATEMENTS["log_chunks_behind"], sequence, after, MAX_LINES, MAX_READ
                )
        return stored_log(LogChunk(*newest), first, [LogChunk(*item) for item in found], after)

    async def _append(
        self,
        before: "asyncio.Task[None] | None",
        entries: Sequence[LogEntry],
        done: LogsDone,
    ) -> None:
        dealt_with: Collection[LogEntry] = ()
        failure: BaseException | None = None
        try:
            if before is not None and not before.done():
                await asyncio.wait([before])
            del before  # or each would keep all those before it
            dealt_with = await self._write(entries)
        except BaseException as error:
            if ends_this_task(error):
                raise
            failure = error
        done(dealt_with, failure)

    async def _write(self, entries: Sequence[LogEntry]) -> Collection[LogEntry]:
        """Those entries that are dealt with."""
        async with self._database.transaction() as connection:
            new = await _next_chunks(connection, entries)
            taken = await self._add(connection, new) if new else set()
        self._announce([entry.task_id for entry, _, _ in new if entry.sequence not in taken])
        return [entry for entry in entries if entry.sequence not in taken]

    async def _add(self, connection: Any, new: Sequence[NewRows]) -> set[int]:
        """Write rows; the sequences of tasks of which another attempt has written meanwhile."""
        rows = [(entry.sequence, chunk) for entry, _, chunks in new for chunk in chunks]
        kept = [
            (entry.sequence, chunks[0].first, chunks[-1].kept_from, _kept_after(entry, chunks))
            for entry, newest, chunks in new
            if newest is not None
        ]
        found = await connection.fetch(
            STATEMENTS["add_log_chunks"],
            [task for task, _ in rows],
            *[[getattr(chunk, name) for _, chunk in rows] for name in _COLUMNS],
            *(zip(*kept, strict=True) if kept else ((), (), (), ())),
            logs_messages(self._process, [entry.task_id for entry, _, _ in new]),
        )
        return {row[0] for row in found if row[0] is not None}


_COLUMNS = (
    *("first", "last", "attempt", "until", "kept_from", "of_task", "total", "size", "lines"),
)


async def _next_chunks(connection: Any, entries: Sequence[LogEntry]) -> list[NewRows]:
    found = await connection.fetch(
        STATEMENTS["newest_log_chunks"],
        [entry.sequence for entry in entries],
        [entry.attempt for entry in entries],
    )
    ends: Mapping[tuple[int, int], LogChunk | None] = {
        (task, attempt): None if newest[0] is None else LogChunk(*newest)
        for task, attempt, *newest in found
    }
    return new_rows(entries, ends)


def _kept_after(entry: LogEntry, chunks: Sequence[LogChunk]) -> int:
    """What ends before so many bytes of the log is no longer kept."""
    return chunks[-1].total - entry.logs.size
