"""What any process may do for all of them: whoever notices first."""

import contextlib
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from bgtasks.backends.loops.runs import Runs
from bgtasks.backends.postgres.claims import Claims
from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.statements import STATEMENTS
from bgtasks.backends.postgres.store import Store
from bgtasks.core.record import TaskRecord
from bgtasks.registration import Registry

__all__ = ["Recovery"]

BATCH = 200
"""Tasks in one transaction."""


class Recovery:
    """Takes back what dead workers left.

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

    async def take_back(self) -> int:
        """Let tasks whose workers are dead wait to run again, or end; how many they were."""
        count = 0
        with contextlib.suppress(_LivesError):
            while self._may_condemn() and (taken := await self._take_back_some()):
                count += taken
        return count

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


class _LivesError(Exception):
    """A worker that was silent has spoken: nothing is taken back from it."""
