"""PgQueuer at work: it claims, limits, delays, prioritises, and finds what was cut off.

All of that is in its statements (:class:`pgqueuer.Queries`), and they are what is used here. Its
own loop (``QueueManager.run``) is not: one error on the way to the server would have it wait for
every running attempt before it claims again, it keeps a heartbeat task for each job where one
statement does for all, and it finishes a job without looking whether the job is still its own.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
from pgqueuer import AsyncpgDriver, AsyncpgPoolDriver, Queries
from pgqueuer.models import AnyEvent, CancellationEvent, Job, QueueManagerId
from pgqueuer.ports.repository import EntrypointExecutionParameter

from bgtasks.backends.postgres.database import CONNECTION_ERRORS, Database
from bgtasks.backends.postgres.engine_schema import ENGINE, engine_queries
from bgtasks.backends.postgres.listener import Listener
from bgtasks.backends.postgres.runs import Run, Runs
from bgtasks.backends.postgres.statements import STATEMENTS
from bgtasks.registration import Registry

__all__ = ["BATCH", "Dequeue", "Engine"]

logger = logging.getLogger(__name__)

BATCH = 50
"""Jobs claimed in one transaction."""

LOOK_EVERY = 5.0
"""Seconds after which the queue is looked at when no notification comes."""

LOOK_AGAIN = (0.05, 0.1, 0.2, 0.5)
"""Seconds before another look at what could start but was not given: other workers had it locked,
or as many of its type run as may. The last one goes for all that follow."""

TRY_AGAIN_AFTER = 1.0
"""Seconds before another try after an error."""

NEVER = timedelta(days=36500)

Dequeue = Callable[["asyncpg.Connection[Any]"], Awaitable[list[Job]]]
"""Has PgQueuer give jobs, on a connection with an open transaction."""


class Engine:
    """Claims tasks of ``types``, as many as ``runs`` has places for.

    ``take(dequeue)`` claims a batch, starts its attempts, and says how many jobs were given.
    ``cancel(run)`` is called when the notification of a cancellation comes in. ``may_repick()``
    says whether silence of another worker means that it is dead.
    """

    def __init__(
        self,
        database: Database,
        listener: Listener,
        registry: Registry,
        runs: Runs,
        process: UUID,
        *,
        types: Sequence[str],
        heartbeat_timeout: float,
        take: Callable[[Dequeue], Awaitable[int]],
        cancel: Callable[[Run], None],
        may_repick: Callable[[], bool],
    ) -> None:
        self._database = database
        self._listener = listener
        self._runs = runs
        self._worker = QueueManagerId(process)
        self._take = take
        self._cancel = cancel
        self._may_repick = may_repick
        self._heartbeat_timeout = timedelta(seconds=heartbeat_timeout)
        self._types: dict[Any, EntrypointExecutionParameter] = {
            item.type_name: EntrypointExecutionParameter(item.max_concurrency or 0)
            for item in registry
            if item.type_name in types
        }
        self._claiming = asyncio.Lock()
        self._news = asyncio.Event()
        self._looked = asyncio.Event()
        self._stopped = False
        self._had_no_room = False
        self._looks_in_vain = 0

    async def run(self) -> None:
        """Claim until ``stop``; returns when every attempt that was started was released."""
        await self._listener.add(ENGINE.channel, self._heard)
        try:
            while not self._stopped:
                self._news.clear()
                wait = await self._look()
                if not self._news.is_set():
                    self._looked.set()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), wait)
        finally:
            self._listener.remove(ENGINE.channel, self._heard)
        await asyncio.gather(*(run.released for run in self._runs), return_exceptions=True)

    async def stop(self) -> None:
        """Claim nothing more; when this returns, no further attempt will be started."""
        self._stopped = True
        self._news.set()
        self._looked.set()
        async with self._claiming:
            pass

    def wake(self) -> None:
        """There may be something to claim."""
        self._news.set()

    def has_ended_one(self) -> None:
        """An attempt has ended: if its place was waited for, look at the queue."""
        if self._had_no_room:
            self._had_no_room = False
            self.wake()

    async def beat(self) -> None:
        """Say that the attempts which run here live."""
        jobs = [run.job for run in self._runs]
        if jobs:
            await self._database.pool.execute(STATEMENTS["beat_jobs"], jobs, self._worker)

    async def tidy(self) -> None:
        """Have PgQueuer sum up its log, which can then be pruned."""
        await self._queries.aggregate_logs()

    async def looked(self) -> None:
        """Wait until the queue was looked at once more, from beginning to end."""
        self._looked.clear()
        self.wake()
        if not self._stopped:
            await self._looked.wait()

    # Looking

    async def _look(self) -> float:
        """Claim what can be claimed; for how many seconds to wait for news then."""
        try:
            while await self._claim():
                self._looks_in_vain = 0
            return await self._until_next_look()
        except (*CONNECTION_ERRORS, asyncpg.PostgresError) as error:
            self._database.note("gives no tasks", error)
        except Exception:
            # Whatever it is: a worker must not stand still for good.
            logger.exception("tasks cannot be claimed; it is tried again")
        await asyncio.sleep(TRY_AGAIN_AFTER)
        return 0

    async def _claim(self) -> bool:
        """Claim a batch; whether there may be more."""
        async with self._claiming:
            size = min(BATCH, self._runs.free)
            self._had_no_room = size <= 0
            if self._stopped or size <= 0:
                return False
            silence = self._heartbeat_timeout if self._may_repick() else NEVER

            async def dequeue(connection: "asyncpg.Connection[Any]") -> list[Job]:
                queries = engine_queries(AsyncpgDriver(connection))
                return await queries.dequeue(size, self._types, self._worker, None, silence)

            return await self._take(dequeue) == size

    async def _until_next_look(self) -> float:
        if self._stopped or self._had_no_room:
            return LOOK_EVERY  # an attempt that ends is news
        types = list(self._types)
        if await self._queries.eligible_queued_work(types):
            self._looks_in_vain += 1
            return LOOK_AGAIN[min(self._looks_in_vain, len(LOOK_AGAIN)) - 1]
        self._looks_in_vain = 0
        due_in = await self._queries.next_deferred_eta(types)
        return LOOK_EVERY if due_in is None else min(due_in.total_seconds(), LOOK_EVERY)

    @property
    def _queries(self) -> Queries:
        return engine_queries(AsyncpgPoolDriver(self._database.pool))

    def _heard(self, payload: str) -> None:
        try:
            event = AnyEvent.model_validate_json(payload).root
        except ValueError:
            logger.warning(
                "a notification on %r is not PgQueuer's: %.200r", ENGINE.channel, payload
            )
            return
        if not isinstance(event, CancellationEvent):
            self._news.set()
            return
        for job in event.ids:
            if (run := self._runs.of_job(job)) is not None:
                self._cancel(run)
