"""Numbers about all tasks."""

import logging
from collections import Counter
from datetime import timedelta

from bgtasks.backends.base import Backend
from bgtasks.clock import Clock, Timing, sleep
from bgtasks.concurrency.lasting import LastingLoop, ends_this_task
from bgtasks.core.attention import needs_attention
from bgtasks.core.flows import COARSE, Flow, minute_of
from bgtasks.core.history import RUNS, fine_since, history_of, window_of
from bgtasks.core.overview import Overview
from bgtasks.errors import BackgroundTasksError
from bgtasks.models import BackgroundTaskStatus, History, OldestWaiting, ProcessCounts, Stats

__all__ = ["Statistics", "keeping"]

logger: logging.Logger = logging.getLogger(__name__)

Status = BackgroundTaskStatus


LATELY = 15
"""Minutes whose failures are compared with those of the day before."""

DAY = 1440

USUAL_FOR = 5
"""Minutes after which it is looked again what is usual."""


class Statistics:
    """Asks the backend, and says what that means."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._usual: dict[str, tuple[int, int]] = {}
        self._usual_at = 0

    async def _attempts(self, first: int, last: int) -> dict[str, tuple[int, int]]:
        """How many attempts of each type failed in some minutes, and how many ended."""
        found: dict[str, tuple[int, int]] = {}
        for (name, flow, _), number in (await self._backend.flows_by_type(first, last)).items():
            if flow in RUNS:
                failed, ended = found.get(name, (0, 0))
                is_failure = flow in (Flow.FAILED, Flow.TRIED_AGAIN)
                found[name] = failed + number * is_failure, ended + number
        return found

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
            attention=needs_attention(overview, processes, as_of, lately, self._usual),
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
        for first in range(max(oldest, summed_up_until), fine, COARSE):
            await backend.sum_up_flows(first, first + COARSE)
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
