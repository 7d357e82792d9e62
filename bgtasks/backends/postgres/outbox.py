"""What running attempts have to say, until it is written."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from attrs import define

from bgtasks.backends.postgres.database import Database, is_passing
from bgtasks.backends.postgres.runs import Run
from bgtasks.backends.postgres.store import Store, StoredTask
from bgtasks.lifecycle import Change, Ended, Failed, Reported, decide
from bgtasks.logs import log_fields
from bgtasks.models import BackgroundTaskStatus
from bgtasks.record import TaskRecord

__all__ = ["Outbox"]

logger = logging.getLogger(__name__)

BATCH = 500
"""Events in one transaction."""

REPORTS_EVERY = 0.02
"""Seconds between two transactions that only have reports: commits that notify wait for each
other, so many small ones would hold up every process."""

TRY_AGAIN_AFTER = 1.0
"""Seconds between two tries to write what the server does not take."""

NOT_STORED = "The outcome could not be stored: "
"""How the message of an outcome begins that stands for one that the server refused."""

AT_STOP = 5.0
"""Seconds that a stop spends on outcomes that are not written yet."""


@define(eq=False)
class Entry:
    """An event of a run. ``over``: the attempt has really ended, so its job is done with."""

    run: Run
    event: Reported | Ended
    over: bool = False
    stored: StoredTask | None = None
    was_read: bool = False
    change: Change | None = None


class Outbox:
    """Writes reports and outcomes, many in one transaction, again and again while the server
    cannot be reached. Of several reports of one attempt only the newest is written. It holds at
    most one report and two outcomes for each attempt that runs here.

    ``written(records)`` is called after each commit, ``settled(run)`` when a run is over,
    ``lost(run)`` when its task was given to another attempt.
    """

    def __init__(
        self,
        database: Database,
        process: UUID,
        now: Callable[[], datetime],
        *,
        written: Callable[[Iterable[TaskRecord]], None],
        settled: Callable[[Run], None],
        lost: Callable[[Run], None],
    ) -> None:
        self._database = database
        self._process = process
        self._now = now
        self._written = written
        self._settled = settled
        self._lost = lost
        self._reports: dict[Run, Reported] = {}
        self._ends: dict[Run, Entry] = {}
        self._anything = asyncio.Event()
        self._end_waits = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._reported_at = 0.0
        self._writer: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Write what comes in from now on."""
        self._writer = asyncio.create_task(self._write_on())

    async def stop(self) -> None:
        """Write what waits; what the server does not take is given up. Its task is still running
        in the database, so it runs again."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), AT_STOP)
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
        for run in self._ends:
            record = run.record
            logger.error(
                "how task %s ended is lost, it will run again",
                record.id,
                extra=log_fields(record),
            )

    async def flushed(self) -> None:
        """Wait until nothing waits to be written."""
        await self._idle.wait()

    def report(self, run: Run, event: Reported) -> None:
        """Write a report some time soon, unless a newer one comes first."""
        if run not in self._ends:
            self._reports[run] = event
            self._wake()

    def end(self, run: Run, event: Ended, *, over: bool) -> None:
        """Write an outcome. The first one counts; ``over``: the attempt has really ended."""
        self._reports.pop(run, None)  # the end carries the last report
        entry = self._ends.setdefault(run, Entry(run, event))
        entry.over = entry.over or over
        self._end_waits.set()
        self._wake()

    def _wake(self) -> None:
        self._idle.clear()
        self._anything.set()

    # Writing

    async def _write_on(self) -> None:
        while True:
            await self._anything.wait()
            await self._linger()
            self._anything.clear()
            self._end_waits.clear()
            while batch := self._take():
                try:
                    await self._write_batch(batch)
                except Exception as error:
                    await self._not_written(batch, error)
            if not self._anything.is_set():
                self._idle.set()

    async def _linger(self) -> None:
        """Outcomes go at once; reports that follow others closely are gathered for a moment."""
        loop = asyncio.get_running_loop()
        wait = self._reported_at + REPORTS_EVERY - loop.time()
        if wait > 0 and not self._end_waits.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._end_waits.wait(), wait)
        self._reported_at = loop.time()

    def _take(self) -> list[Entry]:
        ends = list(self._ends.values())[:BATCH]
        for entry in ends:
            del self._ends[entry.run]
        runs = list(self._reports)[: BATCH - len(ends)]
        return ends + [Entry(run, self._reports.pop(run)) for run in runs]

    def _put_back(self, batch: Iterable[Entry]) -> None:
        for entry in batch:
            if isinstance(entry.event, Ended):
                later = self._ends.get(entry.run)
                entry.over = entry.over or (later is not None and later.over)
                self._ends[entry.run] = Entry(entry.run, entry.event, entry.over)
            elif entry.run not in self._ends:
                self._reports.setdefault(entry.run, entry.event)

    async def _not_written(self, batch: Sequence[Entry], error: Exception) -> None:
        if is_passing(error):
            self._database.note("does not take what attempts report, it is kept", error)
            self._put_back(batch)
            await asyncio.sleep(TRY_AGAIN_AFTER)
            return
        # Something in it cannot be stored: find out which, so that the others are.
        for entry in batch:
            try:
                await self._write_batch([Entry(entry.run, entry.event, entry.over)])
            except Exception as refused:
                self._refused(entry, refused)

    def _refused(self, entry: Entry, error: Exception) -> None:
        if is_passing(error):
            self._put_back([entry])
            self._wake()
        elif isinstance(entry.event, Ended) and not _is_last_resort(entry.event):
            record = entry.run.record
            logger.error(
                "how task %s ended cannot be stored: %s",
                record.id,
                error,
                extra=log_fields(record),
            )
            outcome = Failed(f"{NOT_STORED}{type(error).__name__}")
            self._ends[entry.run] = Entry(entry.run, Ended(entry.run.attempt, outcome), entry.over)
            self._wake()
        else:
            record = entry.run.record
            logger.error(
                "a report of task %s cannot be stored: %s",
                record.id,
                error,
                extra=log_fields(record),
            )
            if entry.over:
                self._settled(entry.run)

    async def _write_batch(self, batch: list[Entry]) -> None:
        """Write a batch. What was written is taken out of it, should the rest have to wait."""
        for entry in batch:
            entry.change = decide(entry.run.record, entry.event, self._now())
        settled = await self._settle([entry for entry in batch if _is_plain_end(entry)])
        batch[:] = [entry for entry in batch if entry not in settled]
        self._done(settled)
        if batch:
            async with self._database.transaction() as connection:
                store = Store(connection, self._process)
                await self._apply(store, batch)
                await self._deal_with_jobs(store, batch)
            self._done(batch)

    async def _settle(self, ends: Sequence[Entry]) -> list[Entry]:
        """Most attempts end like this: one statement for all of them."""
        if not ends:
            return []
        store = Store(self._database.pool, self._process)
        written = await store.settle(
            [(entry.change, entry.run.job) for entry in ends if entry.change is not None]
        )
        return [item for item in ends if item.change and item.change.after.sequence in written]

    async def _apply(self, store: Store, batch: Sequence[Entry]) -> None:
        """Decide on what this process knows; where that is not what is stored, on what is."""
        left = batch
        while left:
            changes = [entry.change for entry in left if entry.change is not None]
            written = await store.write(changes) if changes else set()
            left = [
                entry
                for entry in left
                if entry.change is not None and entry.change.after.sequence not in written
            ]
            stored = await store.find([entry.run.record.id for entry in left]) if left else {}
            for entry in left:
                entry.stored, entry.was_read = stored.get(entry.run.record.id), True
                known = entry.stored.record if entry.stored is not None else None
                entry.change = None if known is None else decide(known, entry.event, self._now())

    async def _deal_with_jobs(self, store: Store, batch: Sequence[Entry]) -> None:
        finished = []
        for entry in batch:
            if not entry.over:
                continue
            after = entry.change.after if entry.change is not None else None
            if after is not None and after.status is BackgroundTaskStatus.PENDING:
                wait = after.due_at - self._now() if after.due_at else timedelta(0)
                await store.requeue_job(entry.run.job, wait)
            elif after is not None or _is_done_with(entry):
                finished.append(entry.run.job)
        await store.finish_jobs(finished)

    def _done(self, batch: Sequence[Entry]) -> None:
        for entry in batch:
            self._note(entry)
        self._written(entry.change.after for entry in batch if entry.change is not None)

    def _note(self, entry: Entry) -> None:
        if entry.change is not None:
            entry.run.record = entry.change.after
        elif entry.was_read and not _is_done_with(entry):
            logger.warning(
                "task %s: attempt %d is over, the task was given to another one",
                entry.run.record.id,
                entry.run.attempt,
                extra=log_fields(entry.run.record),
            )
            self._lost(entry.run)
        if entry.over:
            self._settled(entry.run)


def _is_plain_end(entry: Entry) -> bool:
    """Whether the task and its job are both final, and nothing else is to be written."""
    change = entry.change
    return (
        entry.over
        and change is not None
        and change.failure is None
        and change.before.status is BackgroundTaskStatus.RUNNING
        and change.after.status.is_final
    )


def _is_last_resort(event: Ended) -> bool:
    outcome = event.outcome
    return isinstance(outcome, Failed) and outcome.error_message.startswith(NOT_STORED)


def _is_done_with(entry: Entry) -> bool:
    """Whether nothing waits for the job of a run whose event changed nothing: its own attempt was
    settled before, or another job stands for the task. Else the job is another attempt's now."""
    if not entry.was_read:
        return True
    if entry.stored is None or entry.stored.job != entry.run.job:
        return True
    record = entry.stored.record
    return record.attempt == entry.run.attempt and record.status.is_final
