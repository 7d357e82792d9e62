"""Tasks that are claimed before a slot is free for them."""

import asyncio
from collections.abc import Callable
from contextvars import copy_context

from bgtasks.backends.loops.pacing import AheadPace
from bgtasks.backends.loops.runs import Run, Runs
from bgtasks.backends.task_store import TaskStore
from bgtasks.clock import Clock, Timer

__all__ = ["STOPPED", "Ahead", "Turnover"]

STOPPED = "the process stopped before the worker began"
PAUSED = "its type was paused before the worker began"
NO_SLOT = "no slot of the process became free in time"
NOT_RERUN = "no slot was free, and a crash of the process would have ended the task"


class Turnover:
    """How many slots become free in a second, as counted lately."""

    def __init__(self, seconds: float, now: float) -> None:
        self._seconds = seconds
        self._since = now
        self._last = 0.0
        self._freed = 0

    def freed(self) -> None:
        """A slot has become free."""
        self._freed += 1

    def per_second(self, now: float) -> float:
        """How many there were in the last stretch of time; or in this one, where there are more
        already."""
        elapsed = now - self._since
        if elapsed < self._seconds:
            return max(self._last, self._freed / self._seconds)
        self._last = self._freed / elapsed
        self._since, self._freed = now, 0
        return self._last


class Ahead:
    """Attempts that are claimed and wait for a slot, first in, first out.

    While all slots are taken and more tasks are due, a few of them are claimed already: a slot that
    becomes free is taken at once, and not after a round trip to the store. To the store they run:
    they are recovered, cancelled and counted in limits as what runs. So they may wait only for
    moments. ``start(run)`` begins an attempt, ``hand_back(run, why)`` lets its task wait again.
    """

    def __init__(
        self,
        store: TaskStore,
        runs: Runs,
        clock: Clock,
        pace: AheadPace,
        *,
        start: Callable[[Run], None],
        hand_back: Callable[[Run, str], None],
    ) -> None:
        self._store = store
        self._runs = runs
        self._clock = clock
        self._pace = pace
        self._start = start
        self._hand_back = hand_back
        self._loop = asyncio.get_running_loop()
        self._context = copy_context()
        self._waiting: dict[Run, float] = {}
        self._turnover = Turnover(pace.measured_over, clock.monotonic())
        self._more_is_due = False
        self._not_before = 0.0
        self._is_coming = False
        self._timer: Timer | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    # How many

    @property
    def room(self) -> int:
        """How many tasks may be claimed now: for the free slots, and to wait for the next ones.
        While more than half of those wait, it is 0: claims take several tasks."""
        wanted = self._wanted()
        room = self._runs.free + wanted - len(self._waiting)
        return room if room > wanted // 2 else 0

    def _wanted(self) -> int:
        if not self._store.claims_ahead:
            return 0
        now = self._clock.monotonic()
        freed = self._turnover.per_second(now)
        if not self._more_is_due or now < self._not_before:
            return 0
        return self._pace.wanted(freed)

    def claimed(self, *, more: bool) -> None:
        """A claim was answered; ``more``: it gave as much as it was asked for."""
        self._more_is_due = more

    # Waiting

    def keep(self, run: Run) -> None:
        """Let an attempt wait for a slot; or hand it back, if a crash now would end its task."""
        if not self._store.may_wait(run.record):
            self._give_back(run, NOT_RERUN)
            return
        self._waiting[run] = self._clock.monotonic()
        if self._timer is None:
            self._timer = self._clock.call_later(self._pace.kept_for, self._look_for_old)

    def freed(self) -> None:
        """A slot has become free."""
        self._turnover.freed()
        if self._waiting and not self._is_coming:
            self._is_coming = True
            # Not in the context of the attempt that has ended, and once for all that end now.
            self._loop.call_soon(self._come, context=self._context)

    def _come(self) -> None:
        self._is_coming = False
        self.begin_next()

    def begin_next(self) -> None:
        """Begin as many attempts as slots are free."""
        while self._waiting and self._runs.free > 0:
            run = next(iter(self._waiting))
            del self._waiting[run]
            if self._runs.at(run.place) is not run:
                continue  # its task was given to another attempt
            if self._store.may_begin(run.record):
                self._start(run)
            else:
                self._hand_back(run, PAUSED)

    def let_go(self, run: Run) -> bool:
        """Whether an attempt waited for a slot; then it no longer does."""
        return self._waiting.pop(run, None) is not None

    def hand_back_paused(self) -> None:
        """Let tasks wait again whose types were paused."""
        for run in [run for run in self._waiting if not self._store.may_begin(run.record)]:
            del self._waiting[run]
            self._hand_back(run, PAUSED)

    def hand_back_all(self, why: str) -> None:
        """Let all their tasks wait again."""
        while self._waiting:
            run, _ = self._waiting.popitem()
            self._hand_back(run, why)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_for_old(self) -> None:
        self._timer = None
        self.begin_next()
        now = self._clock.monotonic()
        for run, since in list(self._waiting.items()):
            if (left := since + self._pace.kept_for - now) > 0:
                self._timer = self._clock.call_later(left, self._look_for_old)
                return
            del self._waiting[run]
            self._give_back(run, NO_SLOT)

    def _give_back(self, run: Run, why: str) -> None:
        self._not_before = self._clock.monotonic() + self._pace.pause
        self._hand_back(run, why)
