"""What running attempts have to say, until it is written."""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from attrs import define, field, frozen

from bgtasks.backends.loops.runs import Run, Runs
from bgtasks.backends.task_store import Step, Stored, TaskStore
from bgtasks.clock import Clock, Timer
from bgtasks.core.events import Ended, Failed, Reported
from bgtasks.core.lifecycle import decide
from bgtasks.core.text import describe
from bgtasks.logs import log_fields

__all__ = ["NOT_STORED", "Outbox", "OutboxPace"]

logger = logging.getLogger(__name__)

BATCH = 500
"""Steps in one batch."""

BATCH_LENGTH = 8_000_000
"""Characters of payloads in one batch: PostgreSQL takes no message above 1 GB, and a smaller one
sooner."""

NOT_STORED = "The outcome could not be stored: "
"""How the message of an attempt begins whose outcome the store can never take."""

REFUSES = "does not take what attempts report, it is kept and tried again"


@frozen(kw_only=True)
class OutboxPace:
    """How an outbox waits, in seconds."""

    reports_every: float = 0.0
    """Between two batches that have reports only."""
    pauses: Sequence[float] = (1.0,)
    """After the first, second ... failure in a row; the last one goes for all that follow."""
    set_aside: float = 30.0
    """For an outcome that the store refuses in every form."""
    stop_within: float = 10.0
    """For outcomes that are not written yet when the outbox stops."""
    tries_while_stopping: bool = False
    """Whether what failed after the stop began is tried again."""


@define(eq=False)
class _Entry(Step):
    """An event of a run that waits to be written.

    ``was_tried``: the store may have written it before, and the answer was lost. ``stands_in``:
    it replaces an outcome that cannot be stored. ``is_alone``: its batch has nothing else.
    ``stored`` is what was read when the task had moved on.
    """

    run: Run
    event: Reported | Ended
    was_tried: bool = False
    stands_in: bool = False
    is_alone: bool = False
    was_read: bool = False
    stored: Stored | None = field(default=None)

    @property
    def owns_place(self) -> bool:
        """Whether nothing waits for the place of a run whose event changed nothing: its own
        attempt was settled before, or the task has another place. Else it is another attempt's.
        """
        if not self.was_read or self.stored is None or self.stored.place != self.place:
            return True
        record = self.stored.record
        return record.attempt == self.run.attempt and record.status.is_final

    @property
    def is_lost(self) -> bool:
        """Whether the task is in the hands of another attempt."""
        if self.change is not None or not self.was_read or self.owns_place:
            return False
        is_own = self.stored is not None and self.stored.record.attempt == self.run.attempt
        return not (is_own and self.was_tried)


class Outbox:
    """Writes reports and outcomes in batches, again and again while the store does not take them.
    Of several reports of one attempt only the newest is written. The outbox holds at most two
    reports and two outcomes for each attempt that runs here.

    Only what is refused for its values is given up: then the outcome is a failure that says so.
    ``lost(run)`` is called for a run whose task was given to another attempt.
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
    ) -> None:
        self._store = store
        self._runs = runs
        self._clock = clock
        self._now = now
        self._lost = lost
        self._pace = pace
        self._loop = asyncio.get_running_loop()
        self._reports: dict[Run, _Entry] = {}
        self._ends: dict[Run, _Entry] = {}
        self._on_their_way: set[_Entry] = set()
        self._reports_on_their_way = 0
        self._looking: set[asyncio.Task[None]] = set()
        self._aside: dict[_Entry, Timer] = {}
        self._size = BATCH
        self._failures = 0
        self._rest: Timer | None = None
        self._is_woken = False
        self._is_stopping = False
        self._sent_at = float("-inf")
        self._linger: asyncio.TimerHandle | None = None
        self._idle = asyncio.Event()
        self._idle.set()

    def report(self, run: Run, event: Reported) -> None:
        """Write a report some time soon, unless a newer one comes first."""
        if run not in self._ends:
            self._reports[run] = _Entry(run.place, None, False, run, event)
            self._wake()

    def end(self, run: Run, event: Ended, *, over: bool) -> None:
        """Write an outcome. The first one counts; ``over``: the attempt has really ended."""
        if self._reports:
            self._reports.pop(run, None)  # the end carries the last report
        entry = self._ends.get(run)
        if entry is None:
            self._ends[run] = _Entry(run.place, None, over, run, event)
        else:
            entry.over = entry.over or over
        self._wake()

    async def flushed(self) -> None:
        """Wait until nothing waits to be written."""
        await self._idle.wait()

    async def stop(self) -> None:
        """Try once more what waits, and wait a few seconds for it; then it is given up. Its task
        is still running in the store, so it runs again."""
        self._is_stopping = True
        self._stop_resting()
        self._pump()
        try:
            async with asyncio.timeout(self._pace.stop_within):
                await self._idle.wait()
        except TimeoutError:
            logger.warning("the store does not answer: outcomes are not waited for")
        for task in self._looking:
            task.cancel()
        for timer in self._aside.values():
            timer.cancel()
        self._stop_resting()
        left = {entry.run: entry for entry in [*self._on_their_way, *self._ends.values()]}
        for entry in left.values():
            if isinstance(entry.event, Ended):
                self._log(entry, "how task %s ended is lost, it will run again")

    # Sending

    def _wake(self) -> None:
        """Whatever happens in this turn of the event loop goes together."""
        if not self._is_woken:
            self._is_woken = True
            self._idle.clear()
            self._loop.call_soon(self._woken)

    def _woken(self) -> None:
        self._is_woken = False
        self._pump()

    def _pump(self) -> None:
        while batch := self._take():
            self._send(batch)
        if not (self._ends or self._reports or self._on_their_way or self._looking or self._aside):
            self._idle.set()

    def _take(self) -> list[_Entry]:
        if self._rest is not None or (self._on_their_way and self._store.settles_in_turn):
            return []
        if not self._ends and (self._reports_on_their_way or self._has_to_linger()):
            return []
        batch: list[_Entry] = []
        length = 0
        reports = () if self._reports_on_their_way else self._reports.values()
        for entry in chain(self._ends.values(), reports):
            length += _length(entry)
            is_full = len(batch) == self._size or length > BATCH_LENGTH or entry.is_alone
            if batch and (is_full or batch[0].is_alone):
                break
            batch.append(entry)
        for entry in batch:
            del (self._ends if isinstance(entry.event, Ended) else self._reports)[entry.run]
        return batch

    def _has_to_linger(self) -> bool:
        """Reports that follow others closely are gathered for a moment; outcomes go at once."""
        if not self._reports or self._is_stopping or not self._pace.reports_every:
            return False
        wait = self._sent_at + self._pace.reports_every - self._loop.time()
        if wait > 0 and self._linger is None:
            self._linger = self._loop.call_later(wait, self._lingered)
        return wait > 0

    def _lingered(self) -> None:
        self._linger = None
        self._pump()

    def _send(self, batch: list[_Entry]) -> None:
        self._sent_at = self._loop.time()
        steps = [entry for entry in batch if self._decide(entry)]
        if not steps:
            return
        self._on_their_way.update(steps)
        self._reports_on_their_way += sum(isinstance(step.event, Reported) for step in steps)

        def done(written: Collection[Step], error: BaseException | None) -> None:
            self._answered(steps, written, error)

        self._store.settle(steps, done)

    def _decide(self, entry: _Entry) -> bool:
        """Decide on the record that this process handed over last; whether there is anything to
        write."""
        run = entry.run
        if entry.was_read:
            known = None if entry.stored is None else entry.stored.record
            entry.change = None if known is None else decide(known, entry.event, self._now())
        else:
            entry.change = decide(run.record, entry.event, self._now())
        if entry.change is not None:
            run.record = entry.change.after
        elif not entry.over or not entry.owns_place:
            self._dealt_with(entry)
            return False
        return True

    # Answers

    def _answered(
        self, batch: list[_Entry], written: Collection[Step], error: BaseException | None
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
            self._refused(left, error)
        else:
            self._failed(left, error)
        self._pump()

    def _succeeded(self, moved_on: Sequence[_Entry]) -> None:
        if self._failures:
            self._failures = 0
            self._store.works(REFUSES)
        self._size = min(self._size * 2, BATCH)
        if moved_on:
            task = self._loop.create_task(self._look_again(moved_on))
            self._looking.add(task)
            task.add_done_callback(self._looked)

    async def _look_again(self, entries: Sequence[_Entry]) -> None:
        """The stored tasks have moved on: read them, and decide again on that."""
        try:
            found = await self._store.find([entry.run.record.id for entry in entries])
        except Exception as error:
            self._failed(entries, error)
            return
        for entry in entries:
            entry.was_read, entry.stored = True, found.get(entry.run.record.id)
            self._put_back(entry)

    def _looked(self, task: "asyncio.Task[None]") -> None:
        self._looking.discard(task)
        self._pump()

    def _dealt_with(self, entry: _Entry) -> None:
        run = entry.run
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
        if entry.over:
            self._runs.remove(run)

    def _put_back(self, entry: _Entry) -> None:
        """What is not dealt with waits again, behind what came meanwhile."""
        if isinstance(entry.event, Ended):
            later = self._ends.pop(entry.run, None)
            entry.over = entry.over or (later is not None and later.over)
            self._ends[entry.run] = entry
        elif entry.run not in self._ends:
            self._reports.setdefault(entry.run, entry)

    # What is not taken

    def _failed(self, left: Sequence[_Entry], error: BaseException) -> None:
        may_be_written = self._store.may_be_written(error)
        for entry in left:
            entry.was_tried = entry.was_tried or may_be_written
            if not self._failures and isinstance(entry.event, Ended):
                self._log(entry, "how task %s ended is not written yet: %s", describe(error))
        self._store.failed(REFUSES, error)
        self._failures += 1
        # Smaller batches from now on: if the cause is in one of them, the others get through.
        self._size = max(1, len(left) // 2)
        if self._is_stopping and not self._pace.tries_while_stopping:
            self._give_up(left)
            return
        for entry in left:
            self._put_back(entry)
        if self._rest is None:
            pauses = self._pace.pauses
            pause = pauses[min(self._failures, len(pauses)) - 1]
            self._rest = self._clock.call_later(pause, self._rested)

    def _give_up(self, left: Sequence[_Entry]) -> None:
        for entry in left:
            if isinstance(entry.event, Ended):
                self._log(entry, "how task %s ended is lost, it will run again")

    def _rested(self) -> None:
        self._rest = None
        self._pump()

    def _stop_resting(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    def _refused(self, left: Sequence[_Entry], error: BaseException) -> None:
        """A value in one of these is refused: send each one alone, so that the others are taken."""
        if len(left) > 1:
            for entry in left:
                entry.is_alone = True
                self._put_back(entry)
            return
        (entry,) = left
        reason = f"{type(error).__name__}: {describe(error)}"
        if isinstance(entry.event, Reported):
            self._log(entry, "a report of task %s cannot be stored: %s", reason)
            return
        self._log(entry, "how task %s ended cannot be stored: %s", reason)
        if entry.stands_in:
            self._set_aside(entry)
        else:
            entry.event = Ended(entry.run.attempt, Failed(f"{NOT_STORED}{reason}"))
            entry.stands_in = True
            self._put_back(entry)

    def _set_aside(self, entry: _Entry) -> None:
        """Others must not wait for what the store refuses in every form."""
        if self._is_stopping:
            self._give_up([entry])
            return

        def again() -> None:
            del self._aside[entry]
            self._put_back(entry)
            self._pump()

        self._aside[entry] = self._clock.call_later(self._pace.set_aside, again)

    def _log(self, entry: _Entry, message: str, *values: Any) -> None:
        record = entry.run.record
        logger.error(message, record.id, *values, extra=log_fields(record))


def _take_back(entry: _Entry) -> None:
    """What was not written is not what the next change is decided on."""
    change, run = entry.change, entry.run
    if change is not None and run.record is change.after:
        run.record = change.before


def _length(entry: _Entry) -> int:
    report = entry.event.report
    return len(report.payload) if report is not None and report.payload is not None else 0
