"""Has what the store gives carried out, and hands over how it ended."""

import asyncio
import logging
import math
from functools import partial
from uuid import UUID

from bgtasks.backends.base import AttemptRunner
from bgtasks.backends.loops.ahead import STOPPED, Ahead
from bgtasks.backends.loops.outbox import Outbox
from bgtasks.backends.loops.pacing import Backoff, ServingPace, end_within, wait_set
from bgtasks.backends.loops.runs import Run, Runs
from bgtasks.backends.task_store import Stored, TaskStore
from bgtasks.clock import Clock, sleep
from bgtasks.concurrency.lasting import LastingLoop, ends_this_task
from bgtasks.core.events import Cancelled, Ended, Failed, NotBegun, Outcome
from bgtasks.core.text import describe
from bgtasks.logs import log_fields

__all__ = ["BATCH", "Serving"]

logger: logging.Logger = logging.getLogger(__name__)

BATCH = 50
"""Tasks claimed in one go."""

MANY_LOOKS = 50
"""Looks without a pause that gave nothing, before news is answered more slowly: anybody who may
connect to PostgreSQL can send notifications."""

LOOK_EVERY = 5.0
"""Seconds between two looks without news, while every slot is taken."""

SLOWLY = 0.05
"""Seconds between two looks then."""

REFUSES = "gives no tasks"


class Serving:
    """Claims tasks while there is a free slot, or one will be free in a moment, and has a runner
    carry them out: look, claim, start, end, look again."""

    def __init__(
        self, store: TaskStore, runs: Runs, outbox: Outbox, clock: Clock, pace: ServingPace
    ) -> None:
        self.is_serving: bool = False
        self._store = store
        self._runs = runs
        self._outbox = outbox
        self._clock = clock
        self._pace = pace
        self._runner: AttemptRunner | None = None
        self._stopping = asyncio.Event()
        self._news = asyncio.Event()
        self._looked = asyncio.Event()
        self._had_no_room = False
        self._ahead = Ahead(
            store, runs, clock, pace.ahead, start=self._start, hand_back=self._hand_back
        )
        self._in_vain = Backoff(clock, pace.look_again)
        self._looks_without_pause = 0
        self._backoff = Backoff(clock, pace.pauses)
        self._loop = LastingLoop("giving tasks to this process", self._round, clock)

    @property
    def trouble(self) -> str | None:
        """Why no tasks are given here, in words."""
        return self._loop.trouble

    async def run(self, runner: AttemptRunner) -> None:
        """Claim, and have ``runner`` carry out what is claimed, until ``stop``; returns once every
        attempt has ended."""
        self._runner = runner
        if not self._stopping.is_set():
            self.is_serving = True
            await self._store.start_claiming(self)
            self._news.clear()
            self._loop.start()
            try:
                await self._stopping.wait()
            finally:
                # Where the event loop ends without a stop, what it cuts off is not claimed again.
                self._cease()
                await end_within(self._loop.stop())
        self._stopping.clear()  # it may run again
        await self._runs.all_ended()

    async def stop(self) -> None:
        """Claim nothing more: when this returns, no further attempt will be started. Returns
        within seconds, whatever the store does."""
        self._cease()
        self._stopping.set()
        self._news.set()
        self._looked.set()
        await self._store.stop_claiming()
        await end_within(self._loop.stop())
        await self._store.hand_back()

    def _cease(self) -> None:
        self.is_serving = False
        self._store.cease_claiming()
        self._ahead.hand_back_all(STOPPED)

    def wake(self) -> None:
        """There may be something to claim."""
        self._news.set()

    async def looked(self) -> None:
        """Wait until the store was asked for claims once more, from beginning to end."""
        if self.is_serving:
            self._looked.clear()
            self.wake()
            await self._looked.wait()

    def cancel(self, task_id: UUID, attempt: int) -> None:
        """Tell an attempt that it was asked to end, if it runs here."""
        run = self._runs.of_attempt(task_id, attempt)
        if run is not None and self._ahead.let_go(run):
            self._end_unbegun(run, Cancelled())
            return
        try:
            if self._runner is not None:
                self._runner.cancel(task_id, attempt)
        except BaseException as error:
            if ends_this_task(error):
                raise
            logger.exception(
                "task %s cannot be told",
                task_id,
                extra={"task_id": str(task_id), "attempt": attempt},
            )

    # Attempts

    def begin(self, claimed: Stored) -> None:
        """Begin the attempt of a task whose claim is durable, once there is a slot for it."""
        run = Run(claimed.place, claimed.record)
        self._runs.wait(run)
        if self._store.claims_by_itself or (self._runs.free > 0 and not self._ahead):
            self._start(run)
        elif self.is_serving:
            self._ahead.keep(run)
        else:
            self._hand_back(run, STOPPED)

    def _start(self, run: Run) -> None:
        self._runs.begin(run)
        record = run.record
        try:
            assert self._runner is not None  # noqa: S101 - nothing is claimed before run()
            self._runner.start(record, partial(self._is_over, run))
        except Exception as error:
            logger.exception("task %s cannot be started", record.id, extra=log_fields(record))
            failed = Failed(f"It could not be started: {describe(error)}")
            self._is_over(run, Ended(run.attempt, failed))

    def _is_over(self, run: Run, event: Ended) -> None:
        self._runs.end(run)
        self._outbox.end(run, event, over=True)
        self._ahead.freed()
        self._claim_if_there_is_room()

    def _hand_back(self, run: Run, why: str) -> None:
        self._end_unbegun(run, NotBegun(why))

    def _end_unbegun(self, run: Run, outcome: Outcome) -> None:
        self._runs.end(run)
        self._outbox.end(run, Ended(run.attempt, outcome), over=True)
        self._claim_if_there_is_room()

    def _claim_if_there_is_room(self) -> None:
        if self._had_no_room and self._ahead.room > 0:
            self._had_no_room = False
            self.wake()

    # Looking

    async def _round(self) -> None:
        self._news.clear()
        self._ahead.hand_back_paused()
        wait = await self._look()
        if not self._news.is_set():
            self._looked.set()
        elif self._looks_without_pause > MANY_LOOKS:
            await sleep(self._clock, SLOWLY)
        if not await self._wait_for_news(wait):
            self._looks_without_pause = 0

    async def _wait_for_news(self, seconds: float) -> bool:
        if seconds == math.inf:
            return await self._news.wait()
        return seconds <= 0 or await wait_set(self._news, seconds, self._clock)

    async def _look(self) -> float:
        """Claim what can be claimed; returns for how many seconds to wait for news then."""
        try:
            self._looks_without_pause += 1
            while await self._claim():
                self._in_vain.reset()
            wait = await self._until_next_look()
        except Exception as error:
            if not self._store.is_trouble(error):
                raise
            self._store.failed(REFUSES, error)
            await self._backoff.wait()
            return 0
        self._store.works(REFUSES)
        self._backoff.reset()
        return wait

    async def _claim(self) -> bool:
        """Claim a batch; whether there may be more."""
        size = min(BATCH, self._ahead.room)
        self._had_no_room = size <= 0 and not self._store.claims_by_itself
        if not self.is_serving:
            return False
        given = await self._store.claim(max(size, 0))
        if given:
            self._looks_without_pause = 0
        if size > 0:
            self._ahead.claimed(more=given >= size)
        return size > 0 and given == size

    async def _until_next_look(self) -> float:
        if self._had_no_room:
            return LOOK_EVERY  # an attempt that ends is news
        look = await self._store.next_look()
        if look.is_ready:
            return self._in_vain.next()
        self._in_vain.reset()
        return look.seconds
