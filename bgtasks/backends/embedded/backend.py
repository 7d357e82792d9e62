"""The embedded backend: one SQLite file, one owning process."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from bgtasks.backends.base import AttemptRunner, Backend, ChangeHandler
from bgtasks.backends.embedded import reader
from bgtasks.backends.embedded.database import DatabaseFiles, open_files
from bgtasks.backends.embedded.delays import Delays
from bgtasks.backends.embedded.outbox import Outbox
from bgtasks.backends.embedded.own_process import OwnProcess
from bgtasks.backends.embedded.slots import Slots
from bgtasks.backends.embedded.store import Store
from bgtasks.backends.embedded.writer import Delivery, Writer
from bgtasks.clock import Clock
from bgtasks.errors import BackendError
from bgtasks.lifecycle import Ended, Reported
from bgtasks.logs import log_fields
from bgtasks.models import AttemptFailure
from bgtasks.processes import ProcessInfo
from bgtasks.record import TaskPage, TaskQuery, TaskRecord
from bgtasks.registration import Registry
from bgtasks.threads import CallingThread

__all__ = ["EmbeddedBackend"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

MAX_QUEUED = 10_000
"""Operations that wait for the writer; whoever brings more waits until there is room."""

STOP_WITHIN = 5.0
"""Seconds for which a stop waits for each thread to end."""


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
    ) -> None:
        self._path = path
        self._registry = registry
        self._clock = clock
        self._process = OwnProcess(registry.names(types), max_concurrency, clock)
        self._handlers: dict[object, ChangeHandler] = {}
        self._store: Store | None = None
        self._writer: Writer | None = None
        self._reading: sqlite3.Connection | None = None
        self._read_thread: CallingThread | None = None
        self._runner: AttemptRunner | None = None
        self._serving: asyncio.Event | None = None
        self._attempts: set[asyncio.Future[Ended]] = set()
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
        self._reading, self._read_thread = files.reading, reading
        process = self._process
        slots = Slots(self._registry, process.max_concurrency, process.types)
        store = Store(files.writing, self._registry, slots, self._clock.now)
        self._store, self._serving = store, asyncio.Event()
        self._writer = Writer(store, self._delivered, files.close)
        self._outbox = Outbox(self._writer, self._clock)
        self._delays = Delays(self._writer, self._clock, self._outbox.later)
        self._writer.start()
        try:
            while await self._write(Store.recover):
                pass
        except BaseException:
            await self.stop()
            raise
        self._writer.put(partial(self._mark_unknown, ("", 0)))

    async def stop(self) -> None:
        """See :meth:`Backend.stop`."""
        outbox, self._outbox = self._outbox, None
        delays, self._delays = self._delays, None
        reading, self._reading = self._reading, None
        thread, self._read_thread = self._read_thread, None
        if outbox is not None:
            await outbox.flush()
        if thread is not None:
            if reading is not None:
                thread.call(reading.close)
            await self._ended_in_time("what is being read", thread.stop())
        writer, self._writer = self._writer, None
        if writer is not None:
            await self._ended_in_time("what is being written", writer.stop())
        if outbox is not None and delays is not None:
            outbox.close()
            delays.close()

    async def _ended_in_time(self, what: str, ended: "asyncio.Future[None]") -> None:
        """Wait for a thread to end, but not for ever: a disk may not answer any more."""
        await asyncio.wait([ended], timeout=STOP_WITHIN)
        if not ended.done():
            logger.error(
                "%s: %s did not end within %g seconds: left behind, the file stays locked until "
                "it ends",
                self._path,
                what,
                STOP_WITHIN,
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

    async def request_cancel(self, task_id: UUID) -> bool:
        """See :meth:`Backend.request_cancel`."""
        await self._room()
        return bool(await self._write(lambda store: store.request_cancel(task_id)))

    async def retry(self, task_id: UUID) -> bool:
        """See :meth:`Backend.retry`."""
        await self._room()
        return bool(await self._write(lambda store: store.retry(task_id)))

    async def prune(self, before: datetime, limit: int) -> int:
        """See :meth:`Backend.prune`."""
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
        return [
            self._process.info(runs_tasks=self._runner is not None, running=len(self._attempts))
        ]

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
        self._runner = runner
        if not self._serving.is_set():
            await self._claim(serving=True)
            try:
                await self._serving.wait()
            except asyncio.CancelledError:
                # The event loop ends without a stop: what it cuts off is not to be claimed again.
                if self._store is not None:
                    self._store.serving = False
                raise
        self._serving.clear()  # it may serve again
        while self._attempts:
            await asyncio.wait(self._attempts)
            await asyncio.sleep(0)  # let the callbacks hand the outcomes over

    async def stop_serving(self) -> None:
        """See :meth:`Backend.stop_serving`."""
        if self._serving is not None and self._writer is not None:
            self._serving.set()
            # What was claimed before is started before this is answered.
            await self._claim(serving=False)

    async def _claim(self, *, serving: bool) -> None:
        """Begin or cease to claim. What the disk does not take now is claimed with a later
        write, of which there is one soon at the latest."""
        if self._store is not None:
            self._store.serving = serving  # read at the end of each commit
        try:
            await self._write(_nothing)
        except BackendError as error:
            logger.error("waiting tasks cannot be claimed now: %s", error)
            if serving and self._outbox is not None:
                self._outbox.later(self._claim_again)

    def _claim_again(self) -> None:
        """Claims are made at the end of each commit, also of one without anything else in it."""
        if self._writer is not None:
            self._writer.tell(_nothing, self._tried_to_claim)

    def _tried_to_claim(self, _: Any, error: Exception | None) -> None:
        if error is not None and self._outbox is not None:
            self._outbox.later(self._claim_again)

    def _delivered(self, delivery: Delivery) -> None:
        """After a commit, on the event loop: answer who waits, start what was claimed, tell."""
        for done, result, error in delivery.results:
            done(result, error)
        for record in delivery.claims:
            self._start(record)
        for record in delivery.changes:
            self._tell(record)
        if delivery.due_changed and self._delays is not None:
            self._delays.wake_at(delivery.next_due)

    def _start(self, record: TaskRecord) -> None:
        assert self._runner is not None  # noqa: S101 - nothing is claimed before serve()
        ended = self._runner.start(record)
        self._attempts.add(ended)
        ended.add_done_callback(lambda done: self._ended(record.id, done))

    def _ended(self, task_id: UUID, ended: "asyncio.Future[Ended]") -> None:
        self._attempts.discard(ended)
        if self._outbox is not None:
            self._outbox.ended(task_id, ended.result())

    def _tell(self, record: TaskRecord) -> None:
        if record.cancel_requested and self._runner is not None and not record.status.is_final:
            self._runner.cancel(record.id, record.attempt)
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
            await self._writer.run(_nothing)

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
            raise BackendError(f"the task database cannot be read: {error}") from error


def _nothing(_: Store) -> None:
    """An operation whose only purpose is the commit that it is part of."""


def _close_unused(opening: "asyncio.Future[DatabaseFiles]") -> None:
    if not opening.cancelled() and opening.exception() is None:
        files = opening.result()
        if files.reading is not None:
            files.reading.close()
        files.close()
