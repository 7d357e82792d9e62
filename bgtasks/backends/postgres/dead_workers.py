"""Tasks of workers that are dead: any process may take them back, whoever notices first."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from bgtasks.backends.loops.own_voice import OwnVoice
from bgtasks.backends.postgres.claims import Claims, CutOff
from bgtasks.backends.postgres.peer import Peer
from bgtasks.backends.postgres.statements import STATEMENTS
from bgtasks.backends.postgres.tables import Tables
from bgtasks.backends.postgres.turns import Turns
from bgtasks.backends.postgres.untold import Also

__all__ = ["DeadWorkers"]


class DeadWorkers:
    """A worker is dead when its process was not heard of for ``heartbeat_timeout`` seconds, and
    ``voice`` may condemn it."""

    def __init__(self, peer: Peer, voice: OwnVoice, heartbeat_timeout: float) -> None:
        self._database = peer.database
        self._process = peer.process
        self._registry = peer.registry
        self._runs = peer.runs
        self._now = peer.now
        self._feed = peer.feed
        self._untold = peer.untold
        self._voice = voice
        self._timeout = heartbeat_timeout

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
            self._feed.doubt(record.id for record in claims.announced)
            raise
        self._feed.announce(claims.announced)
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
