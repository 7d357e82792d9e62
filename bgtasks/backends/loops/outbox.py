"""Writes what attempts report and how they end."""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from contextvars import copy_context
from datetime import datetime
from itertools import chain

from bgtasks.backends.loops.backlog import Backlog, Entry
from bgtasks.backends.loops.pacing import Backoff, OutboxPace
from bgtasks.backends.loops.refusals import Refusals
from bgtasks.backends.loops.runs import Run, Runs
from bgtasks.backends.task_store import Step, TaskStore
from bgtasks.clock import Clock, Timer
from bgtasks.core.events import Ended, Reported
from bgtasks.core.lifecycle import decide
from bgtasks.logs import log_fields

__all__ = ["Outbox"]

logger: logging.Logger = logging.getLogger(__name__)

BATCH = 500
"""Steps in one batch."""

REFUSES = "does not take what attempts report, it is kept and tried again"


class Outbox:
    """Writes reports and outcomes in batches, again and again while the store does not take them.
    Of several reports of one attempt only the newest is written. The outbox holds at most two
    reports and two outcomes for each attempt that runs here.

    Only what is refused for its values is given up: then the outcome is a failure that says so.
    ``lost(run)`` is called for a run whose task was given to another attempt, and ``before()``
    before each batch is handed over.
    """

    def __init__(
        self,
        store: TaskStore,
        runs: Runs,
        clock: Clock,
        now: Callable[[], datetime],
        *,
        lost: Callable[[Run], None],
        pace: OutboxPace,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._runs = runs
        self._clock = clock
        self._now = now
        self._lost = lost
        self._pace = pace
        self._before = before
        self._loop = asyncio.get_running_loop()
        self._context = copy_context()
        self._backlog = Backlog()
        self._on_their_way: set[Entry] = set()
        self._reports_on_their_way = 0
        self._looking: dict[asyncio.Task[None], Sequence[Entry]] = {}
        self._refusals = Refusals(store, self._backlog, clock, pace.set_aside, self._pump)
        self._size = BATCH
        self._backoff = Backoff(clock, pace.pauses)
        self._rest: Timer | None = None
        self._is_woken = False
        self._is_stopping = False
        self._is_stopped = False
        self._sent_at = float("-inf")
        self._linger: Timer | None = None
        self._idle = asyncio.Event()
        self._idle.set()

    def report(self, run: Run, event: Reported) -> None:
        """Write a report some time soon, unless a newer one comes first."""
        self._backlog.report(run, event)
        self._wake()

    def end(self, run: Run, event: Ended, *, over: bool) -> None:
        """Write an outcome. The first one counts; ``over``: the attempt has really ended."""
        self._backlog.end(run, event, over=over)
        self._wake()

    async def flushed(self) -> None:
        """Wait until nothing waits to be written."""
        await self._idle.wait()

    async def stop(self) -> None:
        """Try once more to write what waits, for a few seconds. An outcome that is given up then
        leaves its task running in the store, so the task runs again."""
        self._is_stopping = True
        self._stop_resting()
        self._refusals.stop()
        self._pump()
        if not self._idle.is_set():
            await self._wait_for_the_last()
        self._is_stopped = True
        self._stop_resting()
        for task in self._looking:
            task.cancel()
        left = chain(self._on_their_way, self._backlog.ends, *self._looking.values())
        for entry in {entry.run: entry for entry in left}.values():
            entry.give_up()

    async def _wait_for_the_last(self) -> None:
        seconds = self._pace.stop_within
        count = len(self._backlog.ends) + len(self._on_their_way)
        logger.info(
            "waiting up to %g s for %s to take the outcomes of attempts: %d",
            seconds,
            self._store.name,
            count,
        )
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            logger.warning("%s does not take the outcomes in time", self._store.name)

    # Sending

    def _wake(self) -> None:
        """Send later, so that all that comes in this turn of the event loop goes together."""
        if not self._is_woken:
            self._is_woken = True
            self._idle.clear()
            # Not in the context of the attempt that says something: what follows is everybody's.
            self._loop.call_soon(self._woken, context=self._context)

    def _woken(self) -> None:
        self._is_woken = False
        self._pump()

    def _pump(self) -> None:
        while batch := self._take():
            self._send(batch)
        if not (self._backlog or self._on_their_way or self._looking or self._refusals):
            self._idle.set()

    def _take(self) -> list[Entry]:
        if self._rest is not None or self._is_stopped:
            return []
        if self._on_their_way and self._store.settles_in_turn:
            return []
        reports = not self._reports_on_their_way
        if not self._backlog.has_ends and not (reports and self._may_send_reports()):
            return []
        return self._backlog.take(self._size, reports=reports)

    def _may_send_reports(self) -> bool:
        """Reports that follow others closely are gathered for a moment; outcomes go at once."""
        if not self._backlog or self._is_stopping:
            return True
        wait = self._sent_at + self._pace.reports_every - self._clock.monotonic()
        if wait > 0 and self._linger is None:
            self._linger = self._clock.call_later(wait, self._lingered)
        return wait <= 0

    def _lingered(self) -> None:
        self._linger = None
        self._pump()

    def _send(self, batch: list[Entry]) -> None:
        self._sent_at = self._clock.monotonic()
        self._before()
        now = self._now()
        steps = [entry for entry in batch if self._decide(entry, now)]
        if not steps:
            return
        self._on_their_way.update(steps)
        self._reports_on_their_way += sum(isinstance(step.event, Reported) for step in steps)

        def done(written: Collection[Step], error: BaseException | None) -> None:
            self._answered(steps, written, error)

        self._store.settle(steps, done)

    def _decide(self, entry: Entry, now: datetime) -> bool:
        """Decide on the record that this process wrote last, or on the stored one if that was
        read. Returns whether there is anything to write."""
        run = entry.run
        if entry.was_read:
            known = None if entry.stored is None else entry.stored.record
            entry.change = None if known is None else decide(known, entry.event, now)
        else:
            entry.change = decide(run.record, entry.event, now)
        if entry.change is not None:
            run.record = entry.change.after
        elif not entry.over or not entry.owns_place:
            self._dealt_with(entry)
            return False
        return True

    # Answers

    def _answered(
        self, batch: list[Entry], written: Collection[Step], error: BaseException | None
    ) -> None:
        done = set(written)
        left = []
        for entry in batch:
            self._on_their_way.discard(entry)
            self._reports_on_their_way -= isinstance(entry.event, Reported)
            if entry in done:
                self._dealt_with(entry)
            else:
                left.append(entry)
                _take_back(entry)
        if error is None:
            self._succeeded(left)
        elif self._store.is_refusal(error):
            self._refusals.add(left, error)
        else:
            self._failed(left, error)
        self._pump()

    def _succeeded(self, moved_on: Sequence[Entry]) -> None:
        if self._backoff.has_failed:
            self._backoff.reset()
            self._store.works(REFUSES)
        self._size = min(self._size * 2, BATCH)
        if moved_on:
            task = self._loop.create_task(self._look_again(moved_on))
            self._looking[task] = moved_on
            task.add_done_callback(self._looked)

    async def _look_again(self, entries: Sequence[Entry]) -> None:
        """Read stored tasks that have moved on, to decide on them again."""
        try:
            found = await self._store.find([entry.run.record.id for entry in entries])
        except Exception as error:
            self._failed(entries, error)
            return
        for entry in entries:
            entry.was_read, entry.stored = True, found.get(entry.run.record.id)
            self._backlog.put_back(entry)

    def _looked(self, task: "asyncio.Task[None]") -> None:
        self._looking.pop(task, None)
        self._pump()

    def _dealt_with(self, entry: Entry) -> None:
        run = entry.run
        if entry.was_read:
            self._notice_stored(run, entry)
        if entry.over:
            self._runs.remove(run)

    def _notice_stored(self, run: Run, entry: Entry) -> None:
        if entry.is_lost:
            logger.warning(
                "task %s: attempt %d is over, the task was given to another one",
                run.record.id,
                run.attempt,
                extra=log_fields(run.record),
            )
            self._lost(run)
        elif entry.change is None and entry.stored is not None:
            run.record = entry.stored.record
            if entry.was_tried:
                self._store.feed.doubt([run.record.id])  # it was written, and nobody here was told

    # What is not taken

    def _failed(self, left: Sequence[Entry], error: BaseException) -> None:
        may_be_written = self._store.may_be_written(error)
        for entry in left:
            entry.was_tried = entry.was_tried or may_be_written
        self._store.failed(REFUSES, error)
        pause = self._backoff.next()
        # Smaller batches from now on: if the cause is in one of them, the others get through.
        self._size = max(1, len(left) // 2)
        if self._is_stopping and not self._pace.tries_while_stopping:
            for entry in left:
                entry.give_up()
            return
        for entry in left:
            self._backlog.put_back(entry)
        if self._rest is None:
            self._rest = self._clock.call_later(pause, self._rested)

    def _rested(self) -> None:
        self._rest = None
        self._pump()

    def _stop_resting(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None


def _take_back(entry: Entry) -> None:
    """Decide the next change on the record before one that was not written."""
    change, run = entry.change, entry.run
    if change is not None and run.record is change.after:
        run.record = change.before
