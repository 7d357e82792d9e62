"""What any process may do for all of them: whoever notices first."""

import contextlib
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from bgtasks.backends.postgres import rows
from bgtasks.backends.postgres.claims import Claims
from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.reader import stored_types
from bgtasks.backends.postgres.runs import Runs
from bgtasks.backends.postgres.statements import STATEMENTS
from bgtasks.backends.postgres.store import Store
from bgtasks.core.events import TypeUnknown
from bgtasks.core.lifecycle import decide
from bgtasks.core.record import TaskRecord
from bgtasks.registration import Registry

__all__ = ["Recovery"]

BATCH = 200
"""Tasks in one transaction."""


class Recovery:
    """Takes back what dead workers left, and has tasks of types that nobody knows say so.

    ``announce(records)`` is called with what was changed, after each commit, ``doubt(ids)`` with
    what may have been. A worker is dead when its process was not heard of for
    ``heartbeat_timeout`` seconds, and ``may_condemn()``.
    """

    def __init__(
        self,
        database: Database,
        process: UUID,
        registry: Registry,
        runs: Runs,
        now: Callable[[], datetime],
        *,
        heartbeat_timeout: float,
        announce: Callable[[Iterable[TaskRecord]], None],
        doubt: Callable[[Iterable[UUID]], None],
        may_condemn: Callable[[], bool],
    ) -> None:
        self._database = database
        self._process = process
        self._registry = registry
        self._runs = runs
        self._now = now
        self._timeout = heartbeat_timeout
        self._announce = announce
        self._doubt = doubt
        self._may_condemn = may_condemn
        self._marked: dict[str, int] = {}

    async def take_back(self) -> int:
        """Let tasks whose workers are dead wait to run again, or end; how many they were."""
        count = 0
        with contextlib.suppress(_LivesError):
            while self._may_condemn() and (taken := await self._take_back_some()):
                count += taken
        return count

    async def mark_unknown(self) -> None:
        """Waiting tasks of types that no living process has registered say so."""
        async with self._database.connection() as connection:
            living = await connection.fetch(STATEMENTS["known_types"], self._timeout)
            stored = await stored_types(connection)
        known = {row[0] for row in living} | {item.type_name for item in self._registry}
        for type_name in stored:
            if type_name in known:
                self._marked.pop(type_name, None)
                continue
            while await self._mark_some(type_name, self._marked.get(type_name, -1)) == BATCH:
                pass

    async def _take_back_some(self) -> int:
        claims = Claims()
        try:
            async with self._database.transaction() as connection:
                store = Store(connection, self._process)
                jobs = await store.jobs.abandoned(self._timeout, BATCH)
                claims = await Claims.take(
                    store, jobs, self._registry, self._runs, self._now, start=False
                )
                waiting = dict.fromkeys(claims.requeued, timedelta(0))
                await store.jobs.release(claims.obsolete, waiting)
                await self._be_sure(connection, {job.process for job in jobs})
        except BaseException:
            self._doubt(record.id for record in claims.announced)
            raise
        self._announce(claims.announced)
        return len(claims.requeued) + len(claims.obsolete)

    async def _be_sure(self, connection: Any, workers: set[UUID]) -> None:
        """Look once more before the commit: the statements may have waited for locks that held up
        the heartbeats of these workers, too."""
        if not workers:
            return
        lives = await connection.fetchval(STATEMENTS["lives"], list(workers), self._timeout)
        if lives or not self._may_condemn():
            raise _LivesError

    async def _mark_some(self, type_name: str, after: int) -> int:
        """How many were looked at. The next round goes on behind them."""
        async with self._database.transaction() as connection:
            found = await connection.fetch(STATEMENTS["waiting_tasks"], type_name, after, BATCH)
            records = [rows.record_of(row) for row in found]
            decided = (decide(record, TypeUnknown(), self._now()) for record in records)
            changes = [change for change in decided if change is not None]
            store = Store(connection, self._process)
            written = await store.write(changes) if changes else set()
            marked = [item.after for item in changes if item.after.sequence in written]
        self._announce(marked)
        if records:
            self._marked[type_name] = records[-1].sequence
        return len(records)


class _LivesError(Exception):
    """A worker that was silent has spoken: nothing is taken back from it."""
