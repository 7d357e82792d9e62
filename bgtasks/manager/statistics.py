"""Numbers about all tasks."""

import logging
from collections import Counter
from datetime import datetime, timedelta

from attrs import evolve

from bgtasks.backends.base import Backend
from bgtasks.clock import Clock, Timing, sleep
from bgtasks.concurrency.lasting import LastingLoop, ends_this_task
from bgtasks.core.attention import needs_attention
from bgtasks.core.flows import COARSE, Flow, minute_of, time_of
from bgtasks.core.history import RUNS, fine_since, history_of, window_of
from bgtasks.core.overview import Overview
from bgtasks.errors import BackgroundTasksError
from bgtasks.models import (
    Attention,
    BackgroundTaskStatus,
    History,
    OldestWaiting,
    ProcessCounts,
    Stats,
)

__all__ = ["Statistics", "keeping"]

logger: logging.Logger = logging.getLogger(__name__)

Status = BackgroundTaskStatus


LATELY = 15
"""Minutes whose failures are compared with those of the day before."""

DAY = 1440

_FAILURES = (Flow.FAILED, Flow.TRIED_AGAIN)
"""Attempts that have failed."""

USUAL_FOR = 5
"""Minutes after which it is looked again what is usual."""


class Statistics:
    """Asks the backend, and says what that means."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._usual: dict[str, tuple[int, int]] = {}
        self._usual_at = 0
        self._failing: dict[str, tuple[int, datetime]] = {}

    async def _attempts(self, first: int, last: int) -> dict[str, tuple[int, int]]:
        """How many attempts of each type failed in some minutes, and how many ended."""
        found: dict[str, tuple[int, int]] = {}
        for (name, flow, _), number in (await self._backend.flows_by_type(first, last)).items():
            if flow in RUNS:
                failed, ended = found.get(name, (0, 0))
                found[name] = failed + number * (flow in _FAILURES), ended + number
        return found

    async def _dated(self, item: Attention, last: int) -> Attention:
        """A type that fails, since when it does: that is looked for once a minute."""
        if item.kind != "failing" or item.type is None:
            return item
        looked_at, since = self._failing.get(item.type, (0, None))
        if since is None or looked_at != last:
            since = time_of(await self._failing_since(item.type, last))
            self._failing[item.type] = last, since
        return evolve(item, since=since)

    async def _failing_since(self, name: str, last: int) -> int:
        """The minute of a type's first failure after a quarter of an hour without any, at most a
        day before ``last``."""
        day = (last - DAY) // LATELY * LATELY
        quarters = await self._failures(name, day, LATELY, DAY // LATELY + 1)
        quarter = max(quarters, default=0)
        while quarter - 1 in quarters:
            quarter -= 1
        first = day + quarter * LATELY
        return first + min(await self._failures(name, first, 1, LATELY), default=0)

    async def _failures(self, name: str, first: int, step: int, points: int) -> set[int]:
        """The points of a span of time at which attempts of a type failed."""
        numbers = (await self._backend.flows(first, step, points, name)).numbers
        return {point for point, flow, _ in numbers if flow in _FAILURES}

    async def history(
        self, start: object, end: object, type_name: str | None, step: object
    ) -> History:
        """What happened, by points."""
        now = self._backend.now()
        window = window_of(start, end, step, now)
        flows = await self._backend.flows(window.first, window.step, window.points, type_name)
        return history_of(window, flows, now)

    async def now(self) -> Stats:
        """How things are now."""
        overview = await self._backend.overview()
        processes = await self._backend.processes()
        as_of = self._backend.now()
        minute = minute_of(as_of) + 1
        lately = await self._attempts(minute - LATELY, minute)
        if abs(minute - self._usual_at) >= USUAL_FOR:
            self._usual = await self._attempts(minute - LATELY - DAY, minute - LATELY)
            self._usual_at = minute
        attention = needs_attention(overview, processes, as_of, lately, self._usual)
        counts: Counter[Status] = Counter()
        for (_, status), number in overview.counts.items():
            counts[status] += number
        alive = [item for item in processes if item.alive]
        return Stats(
            as_of=as_of,
            waiting=max(0, counts[Status.PENDING] - overview.scheduled - overview.retrying),
            scheduled=overview.scheduled,
            retrying=overview.retrying,
            running=counts[Status.RUNNING],
            cancelling=overview.cancelling,
            completed=counts[Status.COMPLETED],
            failed=counts[Status.FAILED],
            cancelled=counts[Status.CANCELLED],
            oldest_waiting=_oldest_waiting(overview),
            next_scheduled_at=overview.next_due_at,
            places=sum(item.max_concurrency for item in alive if item.runs_tasks),
            processes=ProcessCounts(len(alive), len(processes) - len(alive)),
            attention=tuple([await self._dated(item, minute) for item in attention]),
        )


def _oldest_waiting(overview: Overview) -> OldestWaiting | None:
    oldest = min(overview.oldest.values(), key=lambda task: task.at, default=None)
    return None if oldest is None else OldestWaiting(oldest.id, oldest.type, oldest.at)


def keeping(backend: Backend, age: timedelta, clock: Clock, timing: Timing) -> LastingLoop:
    """A service that lets hours stand for older minutes, and drops what is older than ``age``."""
    summed_up_until = 0

    async def keep() -> None:
        nonlocal summed_up_until
        now = backend.now()
        oldest, fine = minute_of(now - age) // COARSE * COARSE, fine_since(now)
        if summed_up_until >= fine:
            return
        await backend.drop_flows(oldest)
        first: int | None = oldest
        while first is not None:
            first = await backend.sum_up_flows(first, fine)
        summed_up_until = fine

    async def one_round() -> None:
        try:
            await keep()
        except BaseException as error:
            if ends_this_task(error):
                raise
            expected = isinstance(error, BackgroundTasksError)
            trace = None if expected else error
            logger.error("statistics could not be summed up: %s", error, exc_info=trace)
        await sleep(clock, timing.prune_every)

    return LastingLoop("summing up statistics", one_round, clock)
