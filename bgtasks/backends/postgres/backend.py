"""The PostgreSQL backend: many web and worker processes, PgQueuer as the engine."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from bgtasks.backends.base import AttemptRunner, Backend, ChangeHandler
from bgtasks.backends.postgres import migrations, reader
from bgtasks.backends.postgres.caller import asyncpg_connection
from bgtasks.backends.postgres.claiming import Claiming
from bgtasks.backends.postgres.commands import Commands
from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.feed import CHANNEL, Feed
from bgtasks.backends.postgres.heartbeat import Heartbeat
from bgtasks.backends.postgres.listener import Listener
from bgtasks.backends.postgres.outbox import Outbox
from bgtasks.backends.postgres.pulse import Pulse
from bgtasks.backends.postgres.recovery import Recovery
from bgtasks.backends.postgres.runs import Run, Runs
from bgtasks.backends.postgres.server_clock import ServerClock
from bgtasks.backends.postgres.serving import Serving
from bgtasks.backends.postgres.statements import STATEMENTS
from bgtasks.clock import Clock
from bgtasks.core.events import Ended, Reported
from bgtasks.core.record import TaskPage, TaskQuery, TaskRecord
from bgtasks.errors import BackendError
from bgtasks.models import AttemptFailure, ProcessInfo
from bgtasks.registration import Registry

__all__ = ["PostgresBackend"]


class PostgresBackend(Backend):
    """Keeps tasks in a PostgreSQL database, which any number of processes share.

    ``types`` are those that are run here (``None``: all that are registered). A worker that has
    not been heard of for ``heartbeat_timeout`` seconds is dead, and its tasks run again
    elsewhere. ``connections`` bounds the pool; two more connections listen and send heartbeats.
    ``server_clock`` dates everything; it is made of ``clock`` unless given.
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
        server_clock: ServerClock | None = None,
    ) -> None:
        self._registry = registry
        self._clock = clock = server_clock or ServerClock(clock)
        self._types = registry.names(types)
        self._process = process = uuid4()
        self._database = database = Database(url, connections, heartbeat_timeout)
        self._runs = runs = Runs(max_concurrency)
        self._feed = feed = Feed(database, process)
        self._listener = Listener(database, feed.caught_up, self._reconnected)
        self._outbox = Outbox(
            database,
            process,
            clock.now,
            written=feed.announce,
            settled=runs.remove,
            lost=self._cancel,
        )
        self._commands = Commands(
            database,
            process,
            clock.now,
            announce=feed.announce,
            doubt=feed.doubt,
            cancel=self._cancel_here,
        )
        self._heartbeat = Heartbeat(
            database,
            process,
            runs,
            clock,
            types=self._types,
            max_concurrency=max_concurrency,
            timeout=heartbeat_timeout,
        )
        recovery = Recovery(
            database,
            process,
            registry,
            runs,
            clock.now,
            heartbeat_timeout=heartbeat_timeout,
            announce=feed.announce,
            doubt=feed.doubt,
            may_condemn=self._heartbeat.may_condemn,
        )
        self._pulse = Pulse(
            database,
            self._heartbeat,
            runs,
            asked_to_end=self._cancel,
            take_back=recovery.take_back,
            mark_unknown=recovery.mark_unknown,
        )
        self._claiming = Claiming(
            database,
            process,
            registry,
            runs,
            clock.now,
            start=self._start,
            announce=feed.announce,
            doubt=feed.doubt,
            told=self._commands.announced,
            look_for_cancels=self._pulse.look_soon,
        )
        self._runner: AttemptRunner | None = None
        self._serving: Serving | None = None
        self._stop_serving = asyncio.Event()
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
        if not self._database.is_open:
            return
        self._is_open = False
        await self._outbox.stop()
        await asyncio.gather(self._pulse.stop(), self._feed.stop(), self._listener.stop())
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

    async def request_cancel(self, task_id: UUID) -> TaskRecord | None:
        """See :meth:`Backend.request_cancel`."""
        return await self._commands.cancel(task_id)

    async def retry(self, task_id: UUID) -> TaskRecord | None:
        """See :meth:`Backend.retry`."""
        return await self._commands.retry(task_id)

    async def prune(self, age: timedelta, limit: int) -> int:
        """See :meth:`Backend.prune`."""
        with self._database.asking("pruned"):
            before = self._clock.now() - age
            return len(await self._database.fetch(STATEMENTS["prune"], before, limit))

    def now(self) -> datetime:
        """See :meth:`Backend.now`."""
        return self._clock.now()

    # Looking at tasks

    async def get(self, task_id: UUID) -> TaskRecord | None:
        """See :meth:`Backend.get`."""
        with self._database.asking("read"):
            async with self._database.connection() as connection:
                return await reader.fetch_task(connection, task_id)

    async def find(
        self, task_ids: Sequence[UUID], *, payloads: bool = False
    ) -> Sequence[TaskRecord]:
        """See :meth:`Backend.find`."""
        with self._database.asking("read"):
            async with self._database.connection() as connection:
                return await reader.fetch_shown(connection, task_ids, payloads=payloads)

    async def list(self, query: TaskQuery) -> TaskPage:
        """See :meth:`Backend.list`."""
        with self._database.asking("read"):
            async with self._database.connection() as connection:
                return await reader.fetch_page(connection, query)

    async def failures(self, task_id: UUID) -> Sequence[AttemptFailure]:
        """See :meth:`Backend.failures`."""
        with self._database.asking("read"):
            async with self._database.connection() as connection:
                return await reader.fetch_failures(connection, task_id)

    async def processes(self) -> Sequence[ProcessInfo]:
        """See :meth:`Backend.processes`."""
        with self._database.asking("read"):
            return await self._heartbeat.processes()

    def trouble(self) -> str | None:
        """See :meth:`Backend.trouble`."""
        if not self._is_open:
            return None
        serving = self._serving.trouble if self._serving is not None else None
        return (
            self._listener.trouble
            or self._database.trouble
            or serving
            or self._outbox.trouble
            or self._pulse.trouble
            or self._feed.trouble
        )

    def subscribe(
        self, handler: ChangeHandler, wanted: Callable[[], bool] = lambda: True
    ) -> Callable[[], None]:
        """See :meth:`Backend.subscribe`."""
        return self._feed.subscribe(handler, wanted)

    async def written(self) -> None:
        """Wait until every report and outcome that was handed over is written, and the queue was
        looked at since. For tests and tools; nothing else needs to know."""
        await self._outbox.flushed()
        if self._serving is not None:
            await self._serving.looked()

    async def tidied(self) -> None:
        """Wait until rows that nobody needs were dropped once more. For tests and tools."""
        await self._pulse.tidy()

    async def recovered(self) -> None:
        """Wait until what dead processes left was taken back. For tests and tools."""
        await self._pulse.taken_back()

    # Running tasks

    async def serve(self, runner: AttemptRunner) -> None:
        """See :meth:`Backend.serve`. Whatever the server refuses is tried again."""
        if not self._is_open:
            raise BackendError(f"the task database {self._database.name} is not open")
        self._runner = runner
        if not self._stop_serving.is_set():
            self._heartbeat.runs_tasks = True
            self._pulse.beat_soon()
            self._claiming.reopen()
            self._serving = self._make_serving()
            try:
                await self._serving.run()
            finally:
                self._serving = None
            await asyncio.gather(*(run.over for run in self._runs))
        self._stop_serving.clear()  # it may serve again

    async def stop_serving(self) -> None:
        """See :meth:`Backend.stop_serving`. Returns within seconds, whatever the server does."""
        if not self._is_open:
            return
        self._stop_serving.set()
        self._heartbeat.runs_tasks = False
        if self._serving is not None:
            await self._serving.stop()

    def _make_serving(self) -> Serving:
        return Serving(
            self._database,
            self._listener,
            self._registry,
            self._runs,
            types=self._types,
            claiming=self._claiming,
            cancel_heard=self._cancel_heard,
        )

    def _start(self, job: int, record: TaskRecord) -> None:
        assert self._runner is not None  # noqa: S101 - nothing is claimed before serve()
        run = Run(job, record)
        self._runs.add(run)
        self._runner.start(record).add_done_callback(partial(self._ended, run))

    def _ended(self, run: Run, ended: "asyncio.Future[Ended]") -> None:
        self._runs.end(run)
        self._outbox.end(run, ended.result(), over=True)
        if self._serving is not None:
            self._serving.has_ended_one()

    # Cancelling

    def _cancel(self, run: Run) -> None:
        if self._runner is not None:
            self._runner.cancel(run.record.id, run.attempt)

    def _cancel_here(self, record: TaskRecord) -> None:
        """The attempt may run in this process: no notification is needed then."""
        if (run := self._runs.of_attempt(record.id, record.attempt)) is not None:
            self._cancel(run)
        else:
            self._cancel_heard()

    def _cancel_heard(self) -> None:
        """A hint that a running task was asked to end: what is stored decides."""
        self._claiming.cancel_heard()
        self._pulse.look_soon()

    # The server

    def _reconnected(self) -> None:
        """The listener has a new connection: something may have been missed."""
        self._feed.fell_behind()
        self._pulse.look_soon()
        if self._serving is not None:
            self._serving.wake()
