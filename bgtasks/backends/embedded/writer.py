"""The one thread that writes: what waits when a commit begins goes into it."""

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from attrs import define, field, frozen

from bgtasks.backends.embedded.store import Store
from bgtasks.clock import resolve
from bgtasks.errors import BackendError
from bgtasks.record import TaskRecord

__all__ = ["Delivery", "Writer"]

logger = logging.getLogger(__name__)

MAX_BATCH = 1_000
"""The most operations that go into one commit."""

Operation = Callable[[Store], Any]
Done = Callable[[Any, Exception | None], None]


@frozen
class Delivery:
    """What one commit brought about. ``next_due`` is only told where it may have changed."""

    changes: list[TaskRecord]
    claims: list[TaskRecord]
    results: list[tuple[Done, Any, Exception | None]]
    due_changed: bool
    next_due: datetime | None


@define
class _Job:
    operation: Operation
    done: Done | None
    result: Any = None
    error: Exception | None = field(default=None)


class Writer:
    """Runs operations on a store in a thread of its own, many to a commit (group commit).

    An operation that fails takes nothing else with it: each is one statement, or puts itself
    under a savepoint. Where the whole transaction is lost (disk full, I/O error), each
    operation is tried again in a transaction of its own, so that each learns its own fate.
    ``deliver`` is called on the event loop after each commit, ``close`` at the end of the thread.
    """

    def __init__(
        self, store: Store, deliver: Callable[[Delivery], None], close: Callable[[], None]
    ) -> None:
        self._store = store
        self._deliver = deliver
        self._close = close
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._stopped = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, name="bgtasks writer", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> "asyncio.Future[None]":
        """Finish what is queued, then end the thread; the future is done once it has ended."""
        self._queue.put(None)
        return self._stopped

    @property
    def backlog(self) -> int:
        """How many operations wait to be taken up."""
        return self._queue.qsize()

    def put(self, operation: Operation) -> None:
        """Run ``operation`` on the store some time soon; an error is logged."""
        self._queue.put(_Job(operation, None))

    def run(self, operation: Operation) -> "asyncio.Future[Any]":
        """Run ``operation``; the future has its result once that is durable."""
        future: asyncio.Future[Any] = self._loop.create_future()
        self.tell(operation, partial(_settle, future))
        return future

    def tell(self, operation: Operation, done: Done) -> None:
        """Run ``operation``; ``done`` is called on the event loop with its result once that is
        durable, or with an error."""
        self._queue.put(_Job(operation, done))

    def _run(self) -> None:
        while self._write_next():
            pass
        self._close()
        self._on_loop(partial(resolve, self._stopped))

    def _write_next(self) -> bool:
        """Whether to go on. A method, so that a batch does not stay in memory once written."""
        batch, more = self._next_batch()
        if batch:
            self._write(batch)
        return more

    def _next_batch(self) -> tuple[list[_Job], bool]:
        """Wait for one job, then take whatever else is there; whether to go on after it."""
        batch: list[_Job] = []
        job = self._queue.get()
        while job is not None:
            batch.append(job)
            if len(batch) == MAX_BATCH:
                return batch, True
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False

    def _write(self, batch: list[_Job]) -> None:
        try:
            self._commit(batch)
        except Exception as error:
            self._store.rollback()
            if len(batch) == 1:
                batch[0].error = error
                self._hand_over(batch, [], [])
                return
            for job in batch:
                job.result, job.error = None, None
                self._write([job])

    def _commit(self, batch: list[_Job]) -> None:
        store = self._store
        store.begin()
        for job in batch:
            try:
                job.result = job.operation(store)
            except Exception as error:
                if not store.connection.in_transaction:
                    raise  # SQLite has rolled back everything, not only this statement
                job.error = error
        store.claim()
        changes, claims = store.commit()
        self._hand_over(batch, changes, claims)

    def _hand_over(
        self, batch: list[_Job], changes: list[TaskRecord], claims: list[TaskRecord]
    ) -> None:
        results = []
        for job in batch:
            error = _public(job.error)
            if job.done is not None:
                results.append((job.done, job.result, error))
            elif error is not None:
                logger.error("a write failed: %s", error, exc_info=job.error)
        due_changed, next_due = self._next_due()
        delivery = Delivery(changes, claims, results, due_changed, next_due)
        self._on_loop(lambda: self._deliver(delivery))

    def _next_due(self) -> tuple[bool, datetime | None]:
        """Whether the time at which the next delayed task is due may have changed, and the time."""
        if not self._store.due_changed:
            return False, None
        try:
            return True, self._store.next_due()
        except sqlite3.Error:
            logger.exception("cannot read when the next delayed task is due")
            self._store.due_changed = True  # ask again after the next commit
            return False, None

    def _on_loop(self, callback: Callable[[], Any]) -> None:
        try:
            self._loop.call_soon_threadsafe(callback)
        except RuntimeError:  # the event loop was closed without a stop
            logger.warning("the event loop ended before the writer did")


def _settle(future: "asyncio.Future[Any]", result: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


def _public(error: Exception | None) -> Exception | None:
    """SQLite's own errors as ours; the cause stays attached."""
    if not isinstance(error, sqlite3.Error):
        return error
    public = BackendError(
        f"the task database cannot be written: {error}. "
        "Check the space on its disk and the rights of the file, then try again"
    )
    public.__cause__ = error
    return public
