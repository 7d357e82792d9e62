"""The service that submits the tasks of schedules when their ticks come."""

import asyncio
import heapq
import logging
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import islice

from attrs import frozen

from bgtasks.backends.base import Backend
from bgtasks.clock import Clock
from bgtasks.concurrency.lasting import LastingLoop
from bgtasks.core.record import TaskRecord
from bgtasks.core.schedules.definition import Schedule, Schedules
from bgtasks.core.schedules.due import Due, Lateness, due
from bgtasks.core.schedules.record import Firing, ScheduleRecord
from bgtasks.manager.schedules.making import NotMadeError, TaskMaker

__all__ = ["Ticking", "TickingPace"]

logger: logging.Logger = logging.getLogger(__name__)

KEPT_FOR = timedelta(days=7)
"""How long a schedule is kept that no process has registered."""

SHARED = Lateness(of_others=timedelta(seconds=10))
"""Another process may be about to submit for a tick that came before this one was there."""

ALONE = Lateness()

BATCH = 500
"""Schedules whose ticks are dealt with in one round."""


@frozen(kw_only=True)
class TickingPace:
    """Waits, in seconds."""

    longest: float = 10.0
    """Between two looks, if no tick comes before: clocks are set, computers are suspended, and what
    other processes tell may be lost."""

    again: float = 0.05
    """Before a tick is tried again that the store did not find due, or no longer."""

    attend_every: float = 3600.0
    """Between two notes that this process has its schedules."""

    resync_every: float = 60.0
    """In a store that is shared, between two times that all schedules are read again: a
    notification may be lost."""

    at_once: int = 4
    """How many ticks are written at the same time in a store that is shared."""


class Ticking:
    """A service with one timer, for as many schedules as there are.

    It keeps when each schedule of this process is due next, and is told which have changed. What
    is due is written by compare-and-set, so processes need not agree on who does it. ``types`` are
    the task types that run in this process: schedules of others are left to others.
    """

    def __init__(
        self,
        backend: Backend,
        schedules: Schedules,
        types: Collection[str],
        maker: TaskMaker,
        clock: Clock,
        pace: TickingPace | None = None,
    ) -> None:
        self._backend = backend
        self._schedules = schedules
        self._maker = maker
        self._clock = clock
        self._pace = pace or TickingPace()
        self._lateness = SHARED if backend.shared else ALONE
        self._mine = {
            item.name: item for item in schedules if schedules.type_of(item) in set(types)
        }
        self._digests = {item.name: schedules.digest_of(item) for item in self._mine.values()}
        self._waits = {item.name for item in self._mine.values() if item.overlap == "wait"}
        self._known: dict[str, ScheduleRecord] = {}
        self._heap: list[tuple[datetime, str]] = []
        self._stale: set[str] = set()
        self._ended: set[str] = set()
        self._again: set[str] = set()
        self._news = asyncio.Event()
        self._since = clock.now()
        self._attend_at = self._resync_at = 0.0
        self._turns = asyncio.Semaphore(self._pace.at_once if backend.shared else BATCH)
        self._loop = LastingLoop("submitting the tasks of schedules", self._round, clock)
        backend.subscribe(self._task_changed, wanted=lambda: False)
        backend.subscribe_schedules(self._changed)

    @property
    def trouble(self) -> str | None:
        """Why ticks are not dealt with, in words."""
        return self._loop.trouble

    def start(self) -> None:
        """Wait for ticks from now on."""
        self._since = self._clock.now()
        self._stale = set(self._mine)
        self._ended = set(self._waits)
        self._loop.start()

    async def stop(self) -> None:
        """Deal with no more ticks."""
        await self._loop.stop()

    # What is told

    def _changed(self, names: Collection[str]) -> None:
        self._stale.update(name for name in names if name in self._mine)
        self._news.set()

    def _task_changed(self, record: TaskRecord) -> None:
        if record.schedule in self._waits and record.status.is_final:
            self._ended.add(record.schedule)
            self._news.set()

    # The rounds

    async def _round(self) -> None:
        await self._attend()
        await self._release()
        await self._read_stale()
        if names := self._due_now():
            await self._deal_with(names)
        else:
            await self._wait()

    async def _attend(self) -> None:
        if self._clock.monotonic() < self._attend_at:
            return
        store = self._backend.schedules
        if self._schedules:
            await store.attend([item.name for item in self._schedules])
        await store.drop(self._clock.now() - KEPT_FOR)
        self._attend_at = self._clock.monotonic() + self._pace.attend_every

    async def _release(self) -> None:
        if self._ended:
            ended, self._ended = self._ended, set()
            try:
                await self._backend.schedules.release(ended)
            except BaseException:
                self._ended |= ended
                raise

    async def _read_stale(self) -> None:
        if self._backend.shared and self._clock.monotonic() >= self._resync_at:
            self._resync_at = self._clock.monotonic() + self._pace.resync_every
            self._stale |= self._mine.keys()
        while self._stale:
            names = list(islice(self._stale, BATCH))
            self._stale.difference_update(names)
            try:
                await self._read(names)
            except BaseException:
                self._stale.update(names)
                raise

    async def _read(self, names: Collection[str]) -> None:
        found = {record.name: record for record in await self._backend.schedules.read(names)}
        for name in names:
            self._known.pop(name, None)
            if (record := found.get(name)) is not None:
                self._arm(record)

    def _arm(self, record: ScheduleRecord) -> None:
        """Wait for the next tick, unless another process registered the schedule differently."""
        is_again = record.name in self._again
        self._again.discard(record.name)
        at = record.due_at
        if record.digest != self._digests[record.name] or record.paused_at or at is None:
            return
        if is_again:
            at = max(at, self._clock.now() + timedelta(seconds=self._pace.again))
        self._known[record.name] = record._replace(due_at=at)
        heapq.heappush(self._heap, (at, record.name))

    def _due_now(self) -> list[str]:
        now = self._clock.now()
        names: list[str] = []
        while self._heap and len(names) < BATCH:
            at, name = self._heap[0]
            known = self._known.get(name)
            if known is not None and known.due_at == at:
                if at > now:
                    break
                names.append(name)
                del self._known[name]
                self._stale.add(name)  # it is read again, whatever becomes of the tick
            heapq.heappop(self._heap)
        return names

    async def _wait(self) -> None:
        wait = self._pace.longest if self._mine else self._pace.attend_every
        if self._heap:
            wait = min(wait, (self._heap[0][0] - self._clock.now()).total_seconds())
        timer = self._clock.call_later(max(wait, 0.0), self._news.set)
        try:
            await self._news.wait()
        finally:
            timer.cancel()
        if not self._stale and self._waits:
            self._ended |= self._waits  # what other processes have ended is not told
        self._news.clear()

    async def _deal_with(self, names: Sequence[str]) -> None:
        records = await self._backend.schedules.read(names)
        now = self._clock.now()
        dealt = (self._fire(self._mine[item.name], item) for item in self._fresh(records, now))
        for result in await asyncio.gather(*dealt, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    def _fresh(self, records: Iterable[ScheduleRecord], now: datetime) -> list[ScheduleRecord]:
        """Those that are still due: another process may have been quicker."""
        return [
            record
            for record in records
            if record.due_at is not None
            and record.due_at <= now
            and record.paused_at is None
            and record.digest == self._digests[record.name]
        ]

    async def _fire(self, item: Schedule, record: ScheduleRecord) -> None:
        assert record.next_tick is not None  # noqa: S101 - it has a due_at
        async with self._turns:
            what = due(item, record.next_tick, self._clock.now(), self._since, self._lateness)
            firing = await self._firing(item, record.next_tick, what)
            outcome = await self._backend.schedules.fire(firing)
        if outcome is None:
            self._again.add(item.name)
        elif outcome != "submitted":
            logger.info("schedule %s: the tick of %s was %s", item.name, what.tick, outcome)

    async def _firing(self, item: Schedule, expected: datetime, what: Due) -> Firing:
        task: TaskRecord | None = None
        message: str | None = None
        if what.is_wanted:
            try:
                made = await self._maker.patiently(item)
                task = made._replace(tick=what.tick, missed=what.missed)
            except NotMadeError as error:
                message = str(error)
        return Firing(
            name=item.name,
            digest=self._digests[item.name],
            overlap=item.overlap,
            expected=expected,
            tick=what.tick,
            missed=what.missed,
            next_tick=what.next_tick,
            due_at=what.due_at,
            task=task,
            outcome="missed" if message is None else "failed",
            message=message,
        )
