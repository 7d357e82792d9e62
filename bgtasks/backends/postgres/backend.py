"""The PostgreSQL backend: many web and worker processes, PgQueuer as the engine."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from bgtasks.backends.base import AttemptRunner, Backend, ChangeHandler
from bgtasks.backends.postgres import migrations, reader
from bgtasks.backends.postgres.caller import asyncpg_connection
from bgtasks.backends.postgres.claims import Claims, GivenJob
from bgtasks.backends.postgres.commands import Commands
from bgtasks.backends.postgres.database import WRITTEN, Database
from bgtasks.backends.postgres.engine import Dequeue, Engine
from bgtasks.backends.postgres.feed import CHANNEL, Feed
from bgtasks.backends.postgres.listener import Listener
from bgtasks.backends.postgres.outbox import Outbox
from bgtasks.backends.postgres.pulse import Pulse
from bgtasks.backends.postgres.recovery import Recovery
from bgtasks.backends.postgres.runs import Run, Runs
from bgtasks.backends.postgres.statements import STATEMENTS
from bgtasks.backends.postgres.store import Store
from bgtasks.clock import Clock
from bgtasks.errors import BackendError
from bgtasks.lifecycle import Ended, Reported
from bgtasks.models import AttemptFailure
from bgtasks.processes import ProcessInfo
from bgtasks.record import TaskPage, TaskQuery, TaskRecord
from bgtasks.registration import Registry

__all__ = ["PostgresBackend"]

ENGINE_ROWS = 10_000
"""Rows of the engine's log dropped in one go."""


class PostgresBackend(Backend):
    """Keeps tasks in a PostgreSQL database, which any number of processes share.

    ``types`` are those that are run here (``None``: all that are registered). A worker that has
    not been heard of for ``heartbeat_timeout`` seconds is dead, and its tasks run again
    elsewhere. ``connections`` bounds the pool; one more connection listens.
    """

    shared = True

    def __init__(
        self,
        url: str,
        registry: Registry,
        clock: Clock,
        *,
        max_concurrency: int = 100,
        types: Sequence[str] | None = None,
        heartbeat_timeout: float = 30.0,
        connections: int = 10,
    ) -> None:
        self._registry = registry
        self._clock = clock
        self._types = registry.names(types)
        self._heartbeat_timeout = heartbeat_timeout
        self._process = process = uuid4()
        self._database = database = Database(url, connections, heartbeat_timeout)
        self._runs = runs = Runs(max_concurrency)
        self._feed = Feed(database, process)
        self._listener = Listener(database, self._feed.caught_up, self._connected)
        self._outbox = Outbox(
            database,
            process,
            clock.now,
            written=self._feed.announce,
            settled=self._settled,
            lost=self._cancel,
        )
        self._commands = Commands(
            database, process, clock.now, announce=self._feed.announce, cancel=self._cancel_here
        )
        self._recovery = Recovery(
            database,
            process,
            registry,
            runs,
            clock.now,
            heartbeat_timeout=heartbeat_timeout,
            announce=self._feed.announce,
            may_repick=self._may_repick,
        )
        self._pulse = Pulse(
            database,
            process,
            runs,
            types=self._types,
            max_concurrency=max_concurrency,
            heartbeat_timeout=heartbeat_timeout,
            asked_to_end=self._cancel,
            duties=[self._beat, self._recovery.take_back],
            rare_duties=[self._recovery.mark_unknown, self._tidy],
        )
        self._runner: AttemptRunner | None = None
        self._engine: Engine | None = None
        self._stop_serving = asyncio.Event()
        self._repick_from: float | None = None
        self._is_open = False

    # Opening and closing

    async def start(self) -> None:
        """See :meth:`Backend.start`. Raises SchemaVersionError before an upgrade of the tables."""
        with self._database.asking("opened"):
            await self._database.open()
            try:
                await migrations.check(self._database)
                await self._listener.add(CHANNEL, self._feed.heard)
                await self._listener.start()
                self._feed.start()
                self._outbox.start()
                self._is_open = True
                await self._pulse.start()
            except BaseException:
                await self.stop()
                raise

    async def stop(self) -> None:
        """See :meth:`Backend.stop`."""
        self._is_open = False
        await self._outbox.stop()
        await self._pulse.stop()
        await self._feed.stop()
        await self._listener.stop()
        await self._database.close()

    # Changing tasks

    async def submit(self, records: Sequence[TaskRecord], connection: Any = None) -> None:
        """See :meth:`Backend.submit`."""
        if not records:
            return
        if connection is None:
            await self._commands.submit(records)
        else:
            await self._commands.submit_in(await asyncpg_connection(connection), records)

    def save(self, task_id: UUID, event: Reported | Ended) -> None:
        """See :meth:`Backend.save`."""
        run = self._runs.of_attempt(task_id, event.attempt)
        if run is None:
            return
        if isinstance(event, Ended):
            self._outbox.end(run, event, over=False)
        else:
            self._outbox.report(run, event)

    async def request_cancel(self, task_id: UUID) -> bool:
        """See :meth:`Backend.request_cancel`."""
        return await self._commands.cancel(task_id)

    async def retry(self, task_id: UUID) -> bool:
        """See :meth:`Backend.retry`."""
        return await self._commands.retry(task_id)

    async def prune(self, before: datetime, limit: int) -> int:
        """See :meth:`Backend.prune`."""
        with self._database.asking("pruned"):
            pool = self._database.pool
            dropped = await pool.fetch(STATEMENTS["prune"], before, limit)
            await pool.execute(STATEMENTS["prune_engine_log"], ENGINE_ROWS)
            await pool.execute(STATEMENTS["prune_engine_statistics"], ENGINE_ROWS)
            return len(dropped)

    # Looking at tasks

    async def get(self, task_id: UUID) -> TaskRecord | None:
        """See :meth:`Backend.get`."""
        with self._database.asking("read"):
            return await reader.fetch_task(self._database.pool, task_id)

    async def find(
        self, task_ids: Sequence[UUID], *, payloads: bool = False
    ) -> Sequence[TaskRecord]:
        """See :meth:`Backend.find`."""
        with self._database.asking("read"):
            return await reader.fetch_shown(self._database.pool, task_ids, payloads=payloads)

    async def list(self, query: TaskQuery) -> TaskPage:
        """See :meth:`Backend.list`."""
        with self._database.asking("read"):
            return await reader.fetch_page(self._database.pool, query)

    async def failures(self, task_id: UUID) -> Sequence[AttemptFailure]:
        """See :meth:`Backend.failures`."""
        with self._database.asking("read"):
            return await reader.fetch_failures(self._database.pool, task_id)

    async def processes(self) -> Sequence[ProcessInfo]:
        """See :meth:`Backend.processes`."""
        with self._database.asking("read"):
            return await self._pulse.processes()

    def trouble(self) -> str | None:
        """See :meth:`Backend.trouble`."""
        if self._is_open and not self._listener.is_connected:
            return f"PostgreSQL at {self._database.name} cannot be reached"
        return None

    def subscribe(
        self, handler: ChangeHandler, wanted: Callable[[], bool] = lambda: True
    ) -> Callable[[], None]:
        """See :meth:`Backend.subscribe`."""
        return self._feed.subscribe(handler, wanted)

    async def written(self) -> None:
        """Wait until every report and outcome that was handed over is written, and the queue was
        looked at since. For tests and tools; nothing else needs to know."""
        await self._outbox.flushed()
        if self._engine is not None:
            await self._engine.looked()

    # Running tasks

    async def serve(self, runner: AttemptRunner) -> None:
        """See :meth:`Backend.serve`."""
        if not self._is_open:
            raise BackendError(f"the task database {self._database.name} is not open")
        self._runner = runner
        if not self._stop_serving.is_set():
            self._engine = self._make_engine()
            self._pulse.runs_tasks = True
            with self._database.asking(WRITTEN):
                await self._pulse.beat()
            await self._engine.run()
            self._engine = None
        self._stop_serving.clear()  # it may serve again

    async def stop_serving(self) -> None:
        """See :meth:`Backend.stop_serving`."""
        if not self._is_open:
            return
        self._stop_serving.set()
        self._pulse.runs_tasks = False
        if self._engine is not None:
            await self._engine.stop()

    def _make_engine(self) -> Engine:
        return Engine(
            self._database,
            self._listener,
            self._registry,
            self._runs,
            self._process,
            types=self._types,
            heartbeat_timeout=self._heartbeat_timeout,
            take=self._take,
            cancel=self._cancel,
            may_repick=self._may_repick,
        )

    async def _take(self, dequeue: Dequeue) -> int:
        """Claim a batch of jobs and their tasks, start the attempts; how many jobs were given."""
        async with self._database.transaction() as connection:
            jobs = await dequeue(connection)
            if not jobs:
                return 0
            store = Store(connection, self._process)
            claims = await Claims.take(
                store,
                [GivenJob.of(job) for job in jobs],
                self._registry,
                self._runs,
                self._clock.now,
                start=True,
            )
            await store.finish_jobs(claims.obsolete)
        await self._commands.announced(record.id for record in claims.announced)
        for job, record in claims.claimed.items():
            self._start(job, record)
        self._feed.announce(claims.announced)
        return len(jobs)

    def _start(self, job: int, record: TaskRecord) -> None:
        assert self._runner is not None  # noqa: S101 - nothing is claimed before serve()
        run = Run(job, record)
        self._runs.add(run)
        self._runner.start(record).add_done_callback(partial(self._ended, run))

    def _ended(self, run: Run, ended: "asyncio.Future[Ended]") -> None:
        self._runs.end(run)
        self._outbox.end(run, ended.result(), over=True)
        if self._engine is not None:
            self._engine.has_ended_one()
        if self._stop_serving.is_set():
            run.release()  # a stop does not wait for a server that cannot be reached

    def _settled(self, run: Run) -> None:
        self._runs.remove(run)
        run.release()

    def _cancel(self, run: Run) -> None:
        if self._runner is not None:
            self._runner.cancel(run.record.id, run.attempt)

    def _cancel_here(self, record: TaskRecord) -> None:
        """The attempt may run in this process: no notification is needed then."""
        if (run := self._runs.of_attempt(record.id, record.attempt)) is not None:
            self._cancel(run)

    async def _beat(self) -> None:
        if self._engine is not None:
            await self._engine.beat()

    async def _tidy(self) -> None:
        if self._engine is not None:
            await self._engine.tidy()

    # The server

    async def _connected(self, connection: "asyncpg.Connection[Any]") -> None:
        """The listener has a connection, the first one or a new one.

        While the server was down no worker could say that it lives: after its start all of them
        get the time to do so before anyone is taken for dead.
        """
        self._repick_from = None
        uptime = await connection.fetchval(STATEMENTS["uptime"])
        loop = asyncio.get_running_loop()
        self._repick_from = loop.time() + self._heartbeat_timeout - uptime
        if self._is_open:  # not the first one: something may have been missed
            self._feed.fell_behind()
        if self._engine is not None:
            self._engine.wake()

    def _may_repick(self) -> bool:
        return (
            self._listener.is_connected
            and self._repick_from is not None
            and asyncio.get_running_loop().time() >= self._repick_from
        )
