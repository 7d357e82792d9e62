"""The embedded backend: one SQLite file, one owning process."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from bgtasks.backends.base import AttemptRunner, Backend, ChangeHandler
from bgtasks.backends.embedded import reader
from bgtasks.backends.embedded.database import MEMORY, DatabaseFiles, open_files
from bgtasks.backends.embedded.delays import Delays
from bgtasks.backends.embedded.outbox import Outbox
from bgtasks.backends.embedded.own_process import OwnProcess
from bgtasks.backends.embedded.patience import Patience
from bgtasks.backends.embedded.serving import STOP_WITHIN, Serving
from bgtasks.backends.embedded.slots import Slots
from bgtasks.backends.embedded.store import Store
from bgtasks.backends.embedded.store_health import StoreHealth
from bgtasks.backends.embedded.writer import Delivery, Writer
from bgtasks.clock import Clock
from bgtasks.concurrency.threads import CallingThread
from bgtasks.core.lifecycle import Ended, Reported
from bgtasks.core.record import TaskPage, TaskQuery, TaskRecord
from bgtasks.errors import BackendError
from bgtasks.logs import log_fields
from bgtasks.models import AttemptFailure, ProcessInfo
from bgtasks.registration import Registry

__all__ = ["EmbeddedBackend"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

MAX_QUEUED = 10_000
"""Operations that wait for the writer; whoever brings more waits until there is room."""


class EmbeddedBackend(Backend):
    """Keeps tasks in the SQLite file ``path`` (``":memory:"``: nowhere) and runs them here."""

    def __init__(
        self,
        path: str,
        registry: Registry,
        clock: Clock,
        *,
        max_concurrency: int = 100,
        types: Sequence[str] | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._path = path
        self._registry = registry
        self._clock = clock
        self._patience = patience or Patience()
        self._health: StoreHealth | None = None
        self._process = OwnProcess(registry.names(types), max_concurrency, clock)
        self._handlers: dict[object, ChangeHandler] = {}
        self._writer: Writer | None = None
        self._reading: sqlite3.Connection | None = None
        self._read_thread: CallingThread | None = None
        self._serving: Serving | None = None
        self._outbox: Outbox | None = None
        self._delays: Delays | None = None

    # Opening and closing

    async def start(self) -> None:
        """See :meth:`Backend.start`."""
        reading = CallingThread("bgtasks reader")
        opening = reading.call(partial(open_files, self._path))
        try:
            files = await asyncio.shield(opening)
        except BaseException:
            opening.add_done_callback(_close_unused)  # the start was cancelled meanwhile
            reading.stop()
            raise
        if files.reading is None:
            reading.stop()
        else:
            self._reading, self._read_thread = files.reading, reading
        process = self._process
        slots = Slots(self._registry, process.max_concurrency, process.types)
        store = Store(files.writing, self._registry, slots, self._clock)
        path = None if self._path == MEMORY else self._path
        self._health = StoreHealth(path, self._patience)
        self._writer = Writer(store, self._health, self._delivered, files.close, self._patience)
        self._outbox = Outbox(self._writer, self._clock)
        self._delays = Delays(self._writer, self._clock, self._outbox.later)
        self._serving = Serving(store, self._writer, self._outbox)
        self._writer.start()
        try:
            while await self._write(Store.recover):
                pass
        except BaseException:
            await self.stop()
            raise
        self._writer.put(partial(self._mark_unknown, ("", 0)))

    async def stop(self) -> None:
        """See :meth:`Backend.stop`.

        Waits at most ``patience.locked`` seconds for a file that another program has locked, and
        a few more for a disk that does not answer.
        """
        outbox, self._outbox = self._outbox, None
        delays, self._delays = self._delays, None
        writer, self._writer = self._writer, None
        if writer is not None and outbox is not None and delays is not None:
            delays.close()
            self._say_what_is_waited_for()
            writer.hurry()
            await outbox.flush()
        await self._stop_reading()
        if writer is not None:
            await self._ended_in_time("what is being written", writer.stop())
        self._health = None

    def _say_what_is_waited_for(self) -> None:
        if self._health is not None and (trouble := self._health.trouble) is not None:
            logger.warning(
                "the stop waits up to %g seconds for the task database: %s",
                self._patience.locked,
                trouble,
            )

    async def _stop_reading(self) -> None:
        reading, self._reading = self._reading, None
        thread, self._read_thread = self._read_thread, None
        if thread is not None:
            if reading is not None:
                thread.call(reading.close)
            await self._ended_in_time("what is being read", thread.stop())

    def trouble(self) -> str | None:
        """See :meth:`Backend.trouble`."""
        health = self._health
        return None if health is None else health.trouble

    async def _ended_in_time(self, what: str, ended: "asyncio.Future[None]") -> None:
        """Wait for a thread to end, but not for ever: a disk may not answer any more."""
        await asyncio.wait([ended], timeout=STOP_WITHIN + self._patience.locked)
        if not ended.done():
            logger.error(
                "%s: %s did not end within %g seconds: left behind, the file stays locked until "
                "it ends",
                self._path,
                what,
                STOP_WITHIN + self._patience.locked,
            )

    # Changing tasks

    async def submit(self, records: Sequence[TaskRecord], connection: Any = None) -> None:
        """See :meth:`Backend.submit`."""
        if connection is not None:
            raise BackendError(
                "connection= was given, but tasks are kept in an SQLite file, which cannot take "
                "part in your transaction; leave it out, or set 'database' to a postgresql:// URL"
            )
        await self._room()
        await self._write(lambda store: store.submit(records))

    def save(self, task_id: UUID, event: Reported | Ended) -> None:
        """See :meth:`Backend.save`."""
        if self._outbox is None:
            return
        if isinstance(event, Ended):
            self._outbox.decided(task_id, event)
        else:
            self._outbox.report(task_id, event)

    async def request_cancel(self, task_id: UUID) -> TaskRecord | None:
        """See :meth:`Backend.request_cancel`."""
        await self._room()
        return await self._write(lambda store: store.request_cancel(task_id))

    async def retry(self, task_id: UUID) -> TaskRecord | None:
        """See :meth:`Backend.retry`."""
        await self._room()
        return await self._write(lambda store: store.retry(task_id))

    def now(self) -> datetime:
        """See :meth:`Backend.now`."""
        return self._clock.now()

    async def prune(self, age: timedelta, limit: int) -> int:
        """See :meth:`Backend.prune`."""
        before = self.now() - age
        return int(await self._write(lambda store: store.prune(before, limit)))

    # Looking at tasks

    async def get(self, task_id: UUID) -> TaskRecord | None:
        """See :meth:`Backend.get`."""
        return await self._read(lambda connection: reader.fetch_task(connection, task_id))

    async def find(
        self, task_ids: Sequence[UUID], *, payloads: bool = False
    ) -> Sequence[TaskRecord]:
        """See :meth:`Backend.find`."""
        return await self._read(partial(reader.fetch_shown, task_ids=task_ids, payloads=payloads))

    async def list(self, query: TaskQuery) -> TaskPage:
        """See :meth:`Backend.list`."""
        return await self._read(lambda connection: reader.fetch_page(connection, query))

    async def failures(self, task_id: UUID) -> Sequence[AttemptFailure]:
        """See :meth:`Backend.failures`."""
        return await self._read(lambda connection: reader.fetch_failures(connection, task_id))

    async def processes(self) -> Sequence[ProcessInfo]:
        """See :meth:`Backend.processes`: the file belongs to one process."""
        serving = self._serving
        runs_tasks, running = (serving.has_begun, serving.running) if serving else (False, 0)
        return [self._process.info(runs_tasks=runs_tasks, running=running)]

    def subscribe(
        self,
        handler: ChangeHandler,
        wanted: Callable[[], bool] = lambda: True,  # noqa: ARG002 - nothing is read for it
    ) -> Callable[[], None]:
        """See :meth:`Backend.subscribe`."""
        key = object()
        self._handlers = {**self._handlers, key: handler}

        def unsubscribe() -> None:
            self._handlers = {k: item for k, item in self._handlers.items() if k is not key}

        return unsubscribe

    # Running tasks

    async def serve(self, runner: AttemptRunner) -> None:
        """See :meth:`Backend.serve`."""
        if self._serving is None:
            raise BackendError(f"the task database {self._path} is not open")
        await self._serving.run(runner)

    async def stop_serving(self) -> None:
        """See :meth:`Backend.stop_serving`."""
        if self._serving is not None:
            await self._serving.stop()

    def _delivered(self, delivery: Delivery) -> None:
        """After a commit, on the event loop: answer who waits, start what was claimed, tell.
        What one of them raises keeps none of the others from its turn."""
        for done, result, error in delivery.results:
            try:
                done(result, error)
            except Exception:
                logger.exception("an answer to a write failed")
        assert self._serving is not None  # noqa: S101 - nothing is written before start()
        for record in delivery.claims:
            self._serving.start(record)
        for record in delivery.changes:
            self._tell(record)
        if delivery.due_changed and self._delays is not None:
            self._delays.wake_at(delivery.next_due)

    def _tell(self, record: TaskRecord) -> None:
        if record.cancel_requested and self._serving is not None and not record.status.is_final:
            self._serving.cancel(record)
        for handler in self._handlers.values():
            try:
                handler(record)
            except Exception:
                logger.exception(
                    "a change handler failed for task %s", record.id, extra=log_fields(record)
                )

    def _mark_unknown(self, after: tuple[str, int], store: Store) -> None:
        """On the writer thread, a batch at a time, so that others come in between."""
        go_on = store.mark_unknown(after)
        if go_on is not None and self._writer is not None:
            self._writer.put(partial(self._mark_unknown, go_on))

    # Threads

    async def _room(self) -> None:
        """Wait while too much waits for the writer: until all of that is written."""
        while self._writer is not None and self._writer.backlog > MAX_QUEUED:
            await self._writer.run(Store.idle)

    def _write(self, operation: Callable[[Store], T]) -> "asyncio.Future[T]":
        if self._writer is None:
            raise BackendError(f"the task database {self._path} is not open")
        return self._writer.run(operation)

    async def _read(self, question: Callable[[sqlite3.Connection], T]) -> T:
        if self._read_thread is None or self._reading is None:
            # An in-memory database exists on its one connection only.
            return await self._write(lambda store: question(store.connection))
        try:
            return await self._read_thread.call(partial(question, self._reading))
        except sqlite3.Error as error:
            if self._health is not None:
                self._health.note_damage(error)
            raise BackendError(f"the task database cannot be read: {error}") from error


def _close_unused(opening: "asyncio.Future[DatabaseFiles]") -> None:
    if not opening.cancelled() and opening.exception() is None:
        files = opening.result()
        if files.reading is not None:
            files.reading.close()
        files.close()
