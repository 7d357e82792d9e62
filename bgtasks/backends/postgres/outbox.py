"""What running attempts have to say, until it is written."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import chain, islice
from uuid import UUID

from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.loops import Backoff, end_within, wait_set
from bgtasks.backends.postgres.runs import Run
from bgtasks.backends.postgres.server_errors import concerns_values, is_fate_unknown, reason_of
from bgtasks.backends.postgres.settling import Entry, Settled, Settling
from bgtasks.clock import SystemClock
from bgtasks.concurrency.lasting import LastingLoop
from bgtasks.core.events import Ended, Failed, Reported
from bgtasks.core.record import TaskRecord
from bgtasks.core.text import MAX_MESSAGE, clean
from bgtasks.logs import log_fields

__all__ = ["Outbox"]

logger = logging.getLogger(__name__)

BATCH = 500
"""Events in one transaction."""

BATCH_LENGTH = 8_000_000
"""Characters of payloads in one transaction: the server takes no message above 1 GB, and a smaller
one sooner."""

REPORTS_EVERY = 0.02
"""Seconds between two transactions that only have reports: commits that notify wait for each
other, so many small ones would hold up every process."""

AT_STOP = 5.0
"""Seconds that a stop spends on outcomes that are not written yet."""

REFUSES = "does not take what attempts report, it is kept and tried again"


class Outbox:
    """Writes reports and outcomes, many in one transaction, again and again while the server
    does not take them. Of several reports of one attempt only the newest is written. It holds at
    most one report and two outcomes for each attempt that runs here.

    Only what a value is refused for is given up: then the outcome is a failure that says so.
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
        self._written = written
        self._settled = settled
        self._lost = lost
        self._settling = Settling(database, process, now, self._done)
        self._reports: dict[Run, Entry] = {}
        self._ends: dict[Run, Entry] = {}
        self._in_hand: dict[Run, Entry] = {}
        self._size = BATCH
        self._backoff = Backoff()
        self._anything = asyncio.Event()
        self._end_waits = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._reported_at = 0.0
        self._writer = LastingLoop("writing what attempts report", self._write_on, SystemClock())

    @property
    def trouble(self) -> str | None:
        """Why nothing is written, in words."""
        return self._writer.trouble

    def start(self) -> None:
        """Write what comes in from now on."""
        self._writer.start()

    async def stop(self) -> None:
        """Write what waits, for five seconds at most; what the server does not take is given up.
        Its task is still running in the database, so it runs again."""
        if not self._idle.is_set():
            count = len(self._ends) + len(self._in_hand)
            logger.info(
                "waiting up to %g s for %s to take the outcomes of attempts: %d",
                AT_STOP,
                self._database.name,
                count,
            )
        await wait_set(self._idle, AT_STOP)
        await end_within(self._writer.stop())
        for entry in {**self._in_hand, **self._ends}.values():
            if isinstance(entry.event, Ended):
                self._log(entry, "how task %s ended is lost, it will run again")

    async def flushed(self) -> None:
        """Wait until nothing waits to be written."""
        await self._idle.wait()

    def report(self, run: Run, event: Reported) -> None:
        """Write a report some time soon, unless a newer one comes first."""
        if run not in self._ends:
            self._reports[run] = Entry(run, event)
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
        await self._anything.wait()
        await self._linger()
        self._anything.clear()
        self._end_waits.clear()
        while batch := self._take():
            try:
                await self._settling.write(batch)
            except Exception as error:
                await self._not_written(error)
            else:
                self._size = min(self._size * 2, BATCH)
                self._backoff.reset()
                self._database.works(REFUSES)
            finally:
                self._put_back()
        if not self._anything.is_set():
            self._idle.set()

    async def _linger(self) -> None:
        """Outcomes go at once; reports that follow others closely are gathered for a moment."""
        loop = asyncio.get_running_loop()
        wait = self._reported_at + REPORTS_EVERY - loop.time()
        if wait > 0 and not self._end_waits.is_set():
            await wait_set(self._end_waits, wait)
        self._reported_at = loop.time()

    def _take(self) -> list[Entry]:
        batch: list[Entry] = []
        length = 0
        for entry in islice(chain(self._ends.values(), self._reports.values()), self._size):
            length += _length(entry)
            if batch and length > BATCH_LENGTH:
                break
            batch.append(entry)
        for entry in batch:
            waiting = self._ends if isinstance(entry.event, Ended) else self._reports
            del waiting[entry.run]
        self._in_hand = {entry.run: entry for entry in batch}
        return batch

    def _put_back(self) -> None:
        """What was taken and is not dealt with waits again, behind what came meanwhile."""
        in_hand, self._in_hand = self._in_hand, {}
        for run, entry in in_hand.items():
            if isinstance(entry.event, Ended):
                later = self._ends.pop(run, None)
                entry.over = entry.over or (later is not None and later.over)
                self._ends[run] = entry
            elif run not in self._ends:
                self._reports.setdefault(run, entry)

    def _done(self, settled: Sequence[Settled]) -> None:
        for item in settled:
            run = item.entry.run
            self._in_hand.pop(run, None)
            if item.is_lost:
                logger.warning(
                    "task %s: attempt %d is over, the task was given to another one",
                    run.record.id,
                    run.attempt,
                    extra=log_fields(run.record),
                )
                self._lost(run)
            elif item.record is not None:
                run.record = item.record
            if item.entry.over:
                self._settled(run)
        self._written(item.record for item in settled if item.record is not None)

    # What is not taken

    async def _not_written(self, error: Exception) -> None:
        left = list(self._in_hand.values())
        if concerns_values(error):
            await self._find_refused(left)
            return
        for entry in left:
            entry.was_tried = entry.was_tried or is_fate_unknown(error)
        # Smaller batches from now on: if the cause is in one of them, the others get through.
        self._size = max(1, len(left) // 2)
        self._database.failed(REFUSES, error)
        await self._backoff.wait()

    async def _find_refused(self, batch: Sequence[Entry]) -> None:
        """A value in one of these is refused: write each one alone, so that the others are."""
        for entry in batch:
            try:
                await self._settling.write([entry])
            except Exception as error:
                if not concerns_values(error):
                    await self._not_written(error)
                    return
                await self._refused(entry, error)

    async def _refused(self, entry: Entry, error: Exception) -> None:
        reason = reason_of(error)
        if isinstance(entry.event, Reported):
            self._log(entry, "a report of task %s cannot be stored: %s", reason)
            del self._in_hand[entry.run]
        elif entry.stands_in:
            self._database.failed(REFUSES, error)
            await self._backoff.wait()
        else:
            self._log(entry, "how task %s ended cannot be stored: %s", reason)
            outcome = Failed(clean(f"The outcome could not be stored: {reason}", MAX_MESSAGE))
            entry.event, entry.stands_in = Ended(entry.run.attempt, outcome), True

    def _log(self, entry: Entry, message: str, *values: object) -> None:
        record = entry.run.record
        logger.error(message, record.id, *values, extra=log_fields(record))


def _length(entry: Entry) -> int:
    report = entry.event.report
    return len(report.payload) if report is not None and report.payload is not None else 0
