"""Tasks of workers that are dead: any process may take them back, whoever notices first."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from bgtasks.backends.loops.own_voice import OwnVoice
from bgtasks.backends.loops.runs import Runs
from bgtasks.backends.postgres.claims import Claims, CutOff
from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.statements import STATEMENTS
from bgtasks.backends.postgres.tables import Tables
from bgtasks.backends.postgres.turns import Turns
from bgtasks.backends.postgres.untold import Also, Untold
from bgtasks.core.record import TaskRecord
from bgtasks.registry import Registry

__all__ = ["DeadWorkers"]


class DeadWorkers:
    """A worker is dead when its process was not heard of for ``heartbeat_timeout`` seconds, and
    ``voice`` may condemn it.

    ``announce(records)`` is called with what was changed, after each commit, ``doubt(ids)`` with
    what may have been.
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
        voice: OwnVoice,
        untold: Untold,
    ) -> None:
        self._database = database
        self._process = process
        self._registry = registry
        self._runs = runs
        self._now = now
        self._timeout = heartbeat_timeout
        self._announce = announce
        self._doubt = doubt
        self._voice = voice
        self._untold = untold

    async def take_back(self, limit: int, decide: CutOff) -> int | None:
        """What ``TaskStore.take_back`` says; ``None`` if a worker that was silent has spoken."""
        if not self._voice.may_condemn():
            return None
        with self._untold.while_changing(()) as (_, also):
            return await self._take_back(limit, decide, also)

    async def _take_back(self, limit: int, decide: CutOff, also: Also) -> int | None:
        claims = Claims()
        try:
            async with self._database.transaction() as connection:
                tables = Tables(connection, self._process)
                jobs = await tables.jobs.abandoned(self._timeout, limit)
                turns = Turns(connection, tables, self._registry)
                claims = await Claims.take(
                    tables, turns, jobs, decide, self._runs, self._now, start=False
                )
                also(record.id for record in claims.announced)
                waiting = dict.fromkeys(claims.requeued, timedelta(0))
                await tables.jobs.release(claims.obsolete, waiting)
                await self._be_sure(connection, {job.process for job in jobs})
        except _LivesError:
            return None
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
        if lives or not self._voice.may_condemn():
            raise _LivesError


class _LivesError(Exception):
    """A worker that was silent has spoken: nothing is taken back from it."""
