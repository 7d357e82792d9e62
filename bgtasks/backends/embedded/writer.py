"""The one thread that writes: what waits when a commit begins goes into it."""

import asyncio
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from itertools import compress, groupby
from typing import Any

from bgtasks.backends.embedded.operations import Delivery, Done, Job, Operation, Submit, settle
from bgtasks.backends.embedded.patience import Patience
from bgtasks.backends.embedded.refusals import (
    is_locked,
    is_of_one_write,
    is_of_the_store,
    public_error,
)
from bgtasks.backends.embedded.store_health import StoreHealth
from bgtasks.backends.embedded.task_file import TaskFile
from bgtasks.backends.embedded.transaction import Committed
from bgtasks.clock import resolve
from bgtasks.core.record import TaskRecord

__all__ = ["Writer"]

logger: logging.Logger = logging.getLogger(__name__)

MAX_BATCH = 1_000
"""The most operations that go into one commit."""


class Writer:
    """Runs operations on a file in a thread of its own, many to a commit (group commit).

    An operation that fails takes nothing else with it: each is one statement, or puts itself
    under a savepoint. Where the whole transaction is lost for want of room, each operation is
    tried again in a transaction of its own, so that each learns its own fate. Where the store
    takes nothing at all (I/O error, read-only disk), all of them fail at once.

    While another program has locked the file, all that is to be written waits together, each
    operation at most ``patience.locked`` seconds.

    ``deliver`` is called on the event loop after each commit, ``close`` at the end of the thread.
    """

    def __init__(
        self,
        file: TaskFile,
        health: StoreHealth,
        deliver: Callable[[Delivery], None],
        close: Callable[[], None],
        patience: Patience,
    ) -> None:
        self._file = file
        self._health = health
        self._deliver = deliver
        self._close = close
        self._patience = patience
        self._give_up_all_at: float | None = None
        self._ending = False
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._coming: list[Job] = []
        self._stopped = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, name="bgtasks writer", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def hurry(self) -> None:
        """From now on wait for a locked file no longer than ``patience.locked`` in all."""
        if self._give_up_all_at is None:
            self._give_up_all_at = time.monotonic() + self._patience.locked

    def stop(self) -> "asyncio.Future[None]":
        """Finish what is queued, then end the thread; the future is done once it has ended."""
        self.hurry()
        self._send()
        self._queue.put(None)
        return self._stopped

    @property
    def backlog(self) -> int:
        """How many operations wait to be taken up."""
        return self._queue.qsize() + len(self._coming)

    def run(self, operation: Operation) -> "asyncio.Future[Any]":
        """Run ``operation``; the future has its result once that is durable."""
        future: asyncio.Future[Any] = self._loop.create_future()
        self.tell(operation, partial(settle, future))
        return future

    def tell(self, operation: Operation, done: Done) -> None:
        """Run ``operation``; ``done`` is called on the event loop with its result once that is
        durable, or with an error."""
        self._bring(Job(operation, done))

    def reached(self) -> "asyncio.Future[None]":
        """Done once every commit that has begun by now was delivered, whether or not what is
        queued can be written."""
        future: asyncio.Future[None] = self._loop.create_future()
        self._bring(Job(_mark, partial(settle, future)))
        return future

    def _bring(self, job: Job) -> None:
        """What comes in one turn of the event loop goes into one commit. Otherwise the thread
        would begin with the first of it as soon as it got the interpreter lock, which it asks for
        every 5 ms: a turn that took longer would be cut into small commits."""
        if not self._coming:
            self._loop.call_soon(self._send)
        self._coming.append(job)

    def _send(self) -> None:
        coming, self._coming = self._coming, []
        for job in coming:
            self._queue.put(job)

    # In the thread

    def _run(self) -> None:
        milliseconds = round(self._patience.step * 1000)
        self._file.connection.execute(f"PRAGMA busy_timeout = {milliseconds}")
        while not self._ending:
            try:
                self._write_next()
            except Exception:
                logger.exception("the writer met an unexpected error; it goes on")
        self._close()
        self._on_loop(partial(resolve, self._stopped))

    def _write_next(self) -> None:
        """A method, so that a batch does not stay in memory once written."""
        batch = self._next_batch()
        if batch:
            self._write(batch)

    def _next_batch(self) -> list[Job]:
        """Wait for one job, then take whatever else is there."""
        patience = self._patience
        wait = patience.look if self._health.trouble is None else patience.probe
        try:
            first = self._queue.get(timeout=wait)
        except queue.Empty:
            self._health.look()
            return [Job(TaskFile.touch, _ignore)] if self._health.wants_probe() else []
        return self._taken(first)

    def _taken(self, job: Job | None) -> list[Job]:
        """``job`` and those that wait in the queue, as many as go into one commit."""
        batch: list[Job] = []
        while job is not None:
            if job.operation is _mark:
                self._hand_over([job], Committed())
            else:
                batch.append(job)
            if len(batch) == MAX_BATCH:
                return batch
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                return batch
        self._ending = True
        return batch

    def _write(self, batch: list[Job]) -> None:
        try:
            while batch and not self._begin():
                batch = self._still_waiting(batch)
            if batch:
                self._commit(batch)
        except Exception as error:
            self._file.transaction.rollback()
            self._health.note(error)
            if len(batch) > 1 and is_of_one_write(error):
                for job in batch:
                    job.result, job.error = None, None
                    self._write([job])
            else:
                self._fail(batch, error)

    def _begin(self) -> bool:
        """Open a transaction; ``False`` if another program has locked the file."""
        self._file.refuses = self._health.at_commit()
        try:
            self._file.transaction.begin()
        except sqlite3.OperationalError as error:
            if not is_locked(error):
                raise
            self._health.note(error)
            return False
        return True

    def _still_waiting(self, batch: list[Job]) -> list[Job]:
        """The file is locked: take what has come meanwhile, and let go what has waited long."""
        if not self._ending:
            with suppress(queue.Empty):
                batch = batch + self._taken(self._queue.get_nowait())
        now = time.monotonic()
        late = []
        for job in batch:
            if job.give_up_at is None:
                job.give_up_at = now + self._patience.locked
            if now >= min(job.give_up_at, self._give_up_all_at or job.give_up_at):
                late.append(job)
        if late:
            self._fail(late, self._health.last_error)
        return [job for job in batch if job not in late] if late else batch

    def _fail(self, batch: list[Job], error: Exception | None) -> None:
        for job in batch:
            job.result, job.error = None, error
        self._hand_over(batch, Committed())

    def _commit(self, batch: list[Job]) -> None:
        file = self._file
        blame: Exception | None = None
        for job in self._but_submitted_together(batch):
            try:
                job.result = job.operation(file)
            except Exception as error:
                if not file.connection.in_transaction:
                    raise  # SQLite has rolled back everything, not only this statement
                job.error = error
                blame = error if is_of_the_store(error) else blame
        file.claim()
        done = file.transaction.commit()
        self._health.note(blame)
        self._hand_over(batch, done)

    def _but_submitted_together(self, batch: list[Job]) -> Iterator[Job]:
        """The jobs in their order, without those that are done here: callers that submit one
        after the other share one statement."""
        for are_new, group in groupby(batch, _submits):
            jobs = list(group)
            if are_new and len(jobs) > 1:
                kept = self._file.submit_together([*map(_submitted, jobs)])
                for job in compress(jobs, kept):
                    job.result = {}
                yield from (job for job, is_kept in zip(jobs, kept, strict=True) if not is_kept)
            else:
                yield from jobs

    def _hand_over(self, batch: list[Job], done: Committed) -> None:
        results = [(job.done, job.result, public_error(job.error)) for job in batch]
        due_changed, next_due = self._next_due()
        delivery = Delivery(done, results, due_changed, next_due)
        self._on_loop(lambda: self._deliver(delivery))

    def _next_due(self) -> tuple[bool, datetime | None]:
        """Whether the time at which the next delayed task is due may have changed, and the time."""
        queue = self._file.queue
        if not queue.due_changed:
            return False, None
        try:
            return True, queue.next_due()
        except sqlite3.Error:
            logger.exception("cannot read when the next delayed task is due")
            queue.due_changed = True  # ask again after the next commit
            return False, None

    def _on_loop(self, callback: Callable[[], Any]) -> None:
        try:
            self._loop.call_soon_threadsafe(callback)
        except RuntimeError:  # the event loop was closed without a stop
            logger.warning("the event loop ended before the writer did")


def _submits(job: Job) -> bool:
    return isinstance(job.operation, Submit)


def _submitted(job: Job) -> Sequence[TaskRecord]:
    return job.operation.records if isinstance(job.operation, Submit) else ()


def _ignore(_result: Any, _error: Exception | None) -> None:
    """Drop the result of a try of the writer's own: the health of the store has noted it."""


def _mark(_: TaskFile) -> None:
    """No operation: it marks a place in the queue."""
