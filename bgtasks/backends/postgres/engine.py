"""PgQueuer at work: it claims, limits, delays, prioritises, and finds what was cut off.

What it lacks is added around it: a claim and its task are written in one transaction, outcomes
and their jobs likewise (by the outbox), and nothing that fails for a while ends its loop, because
it would wait for every running attempt before it claims again.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import asyncpg
from pgqueuer import AsyncpgDriver, QueueManager
from pgqueuer.executors import AbstractEntrypointExecutor, EntrypointExecutorParameters
from pgqueuer.models import Context, Job
from pgqueuer.queries import Queries

from bgtasks.backends.postgres.database import CONNECTION_ERRORS, Database
from bgtasks.backends.postgres.engine_driver import EngineDriver
from bgtasks.backends.postgres.engine_schema import ENGINE, engine_queries
from bgtasks.backends.postgres.listener import Listener
from bgtasks.backends.postgres.runs import Run, Runs
from bgtasks.registration import Registry

__all__ = ["BATCH", "Dequeue", "Engine"]

BATCH = 50
"""Jobs claimed in one transaction."""

LOOK_EVERY = timedelta(seconds=5)
"""How often the queue is looked at when no notification comes."""

START_AGAIN_AFTER = 1.0
"""Seconds before another try after an error."""

T = TypeVar("T")

PASSING = (*CONNECTION_ERRORS, asyncpg.PostgresError)

NEVER = timedelta(days=36500)

Dequeue = Callable[["asyncpg.Connection[Any]"], Awaitable[list[Job]]]
"""Has the engine give jobs, on a connection with an open transaction."""


class Engine:
    """Has PgQueuer claim tasks of ``types``, as many as ``runs`` has places for.

    ``take(dequeue)`` claims a batch and starts its attempts. ``cancel(run)`` is called when the
    notification of a cancellation comes in. ``may_repick()`` says whether silence of another
    worker means that it is dead.
    """

    def __init__(
        self,
        database: Database,
        listener: Listener,
        registry: Registry,
        runs: Runs,
        *,
        types: Sequence[str],
        heartbeat_timeout: float,
        take: Callable[[Dequeue], Awaitable[Sequence[Job]]],
        cancel: Callable[[Run], None],
        may_repick: Callable[[], bool],
    ) -> None:
        self._registry = registry
        self._types = types
        self._runs = runs
        self._take = take
        self._cancel = cancel
        self._may_repick = may_repick
        self._database = database
        self._driver = EngineDriver(database, listener)
        self._heartbeat_timeout = timedelta(seconds=heartbeat_timeout)
        self._manager: QueueManager | None = None
        self._claiming = asyncio.Lock()
        self._stopped = asyncio.Event()
        self._round = asyncio.Event()
        self._had_no_room = False

    async def run(self) -> None:
        """Claim until ``stop``; returns when every attempt that was started was released."""
        while not self._stopped.is_set():
            self._manager = self._make_manager()
            try:
                await self._manager.run(
                    dequeue_timeout=LOOK_EVERY,
                    batch_size=BATCH,
                    heartbeat_timeout=self._heartbeat_timeout,
                )
            except (*PASSING, RuntimeError) as error:
                self._database.note("gives no tasks", error)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopped.wait(), START_AGAIN_AFTER)

    async def stop(self) -> None:
        """Claim nothing more; when this returns, no further attempt will be started."""
        self._stopped.set()
        self._round.set()
        async with self._claiming:
            if self._manager is not None:
                self._manager.shutdown.set()

    def wake(self) -> None:
        """There may be something to claim."""
        self._driver.wake()

    def has_ended_one(self) -> None:
        """An attempt has ended: if its place was waited for, look at the queue."""
        if self._had_no_room:
            self._had_no_room = False
            self.wake()

    async def looked(self) -> None:
        """Wait until the queue was looked at once more, from beginning to end."""
        for _ in range(2):  # the look that is going on may have begun before
            self._round.clear()
            if not self._stopped.is_set():
                self.wake()
                await self._round.wait()

    @property
    def has_room(self) -> bool:
        """Whether it claims, and has a place for one more attempt."""
        return not self._stopped.is_set() and self._runs.free > 0

    async def dequeue(
        self, ask: Callable[[Queries, int, timedelta], Awaitable[list[Job]]], timeout: timedelta
    ) -> list[Job]:
        """A batch of claimed jobs whose attempts have been started; empty where there is none,
        no place is free, or the server cannot be reached."""
        async with self._claiming:
            if not self.has_room:
                self._had_no_room = True
                self._round.set()
                return []
            size = min(BATCH, self._runs.free)
            silence = timeout if self._may_repick() else NEVER

            async def give(connection: "asyncpg.Connection[Any]") -> list[Job]:
                return await ask(engine_queries(AsyncpgDriver(connection)), size, silence)

            try:
                jobs = await self._take(give)
            except PASSING as error:
                self._database.note("gives no tasks", error)
            else:
                if not jobs:
                    self._round.set()
                return list(jobs)
        await asyncio.sleep(START_AGAIN_AFTER)
        return []

    async def look(self, question: Awaitable[T], otherwise: T) -> T:
        """The answer to a question about the queue, or ``otherwise`` where there is none now."""
        try:
            return await question
        except PASSING as error:
            self._database.note("gives no tasks", error)
            return otherwise

    async def execute(self, job: Job, context: Context) -> None:
        """Wait for the attempt of a job, and tell it when its cancellation is asked for."""
        run = self._runs.of_job(job.id)
        if run is not None:
            # In place of a cancel scope: the attempt is another asyncio task, which cancels itself.
            context.cancellation = CancelSignal(partial(self._cancel, run))  # type: ignore[assignment]
            await run.released

    def _make_manager(self) -> QueueManager:
        manager = QueueManager(EngineQueries(self._driver, self), ENGINE.channel)
        for registration in self._registry:
            if registration.type_name in self._types:
                limit = registration.max_concurrency or 0
                parameters = EntrypointExecutorParameters(limit, _unused)
                manager.register_executor(registration.type_name, AttemptExecutor(parameters, self))
        return manager


class CancelSignal:
    """What PgQueuer calls when the notification of a cancellation comes in."""

    def __init__(self, signal: Callable[[], None]) -> None:
        self._signal = signal
        self.cancel_called = False

    def cancel(self) -> None:
        """Tell the attempt, once."""
        if not self.cancel_called:
            self.cancel_called = True
            self._signal()


class AttemptExecutor(AbstractEntrypointExecutor):
    """What PgQueuer calls for each claimed job."""

    def __init__(self, parameters: EntrypointExecutorParameters, engine: Engine) -> None:
        super().__init__(parameters)
        self._engine = engine

    async def execute(self, job: Job, context: Context) -> None:
        """See :meth:`Engine.execute`."""
        await self._engine.execute(job, context)


class EngineQueries(Queries):
    """PgQueuer's statements; those of its loop go through the engine."""

    def __init__(self, driver: EngineDriver, engine: Engine) -> None:
        plain = engine_queries(driver)
        super().__init__(driver, plain.qbe, plain.qbq, plain.qbs)
        self._engine = engine

    async def dequeue(
        self,
        batch_size: int,  # noqa: ARG002 - as many as there are places
        entrypoints: Any,
        queue_manager_id: Any,
        global_concurrency_limit: int | None,  # noqa: ARG002 - the places are this limit
        heartbeat_timeout: timedelta,
    ) -> list[Job]:
        """Claim a batch together with its tasks."""

        async def ask(queries: Queries, size: int, silence: timedelta) -> list[Job]:
            return await queries.dequeue(size, entrypoints, queue_manager_id, None, silence)

        return await self._engine.dequeue(ask, heartbeat_timeout)

    async def log_jobs(self, job_status: Any) -> None:
        """Nothing: the outbox deals with a job in the transaction that settles its task."""

    async def queued_work(self, entrypoints: Any) -> int:
        """How much waits, delayed or not; nothing while there is no place for it."""
        if not self._engine.has_room:
            return 0
        return await self._engine.look(super().queued_work(entrypoints), 0)

    async def eligible_queued_work(self, entrypoints: Any) -> int:
        """How much may start now; nothing while there is no place for it."""
        if not self._engine.has_room:
            return 0
        return await self._engine.look(super().eligible_queued_work(entrypoints), 0)

    async def next_deferred_eta(self, entrypoints: Any) -> timedelta | None:
        """When the next delayed job is due."""
        if not self._engine.has_room:
            return None
        return await self._engine.look(super().next_deferred_eta(entrypoints), None)


async def _unused(_: Job) -> None:
    """PgQueuer wants a function for each entrypoint; the executor does not call it."""
