"""Hands the lines that attempts log to the store, many at a time."""

import asyncio
import logging
from collections.abc import Collection, Sequence
from contextvars import copy_context

from bgtasks.backends.log_store import LogEntry
from bgtasks.backends.loops.pacing import Backoff, Seldom, wait_set
from bgtasks.backends.loops.runs import Run
from bgtasks.backends.task_store import TaskStore
from bgtasks.clock import Clock, Timer
from bgtasks.core.log_chunks import NewLines
from bgtasks.core.task_log import Logs

__all__ = ["LogOutbox"]

logger: logging.Logger = logging.getLogger(__name__)

BATCH_SIZE = 4 * 1024 * 1024
"""Bytes of lines in one batch; the last entry may go beyond."""

MAX_SIZE = 64 * 1024 * 1024
"""Bytes of lines that wait to be written or are on their way. Beyond that the oldest are
dropped."""

STOP_WITHIN = 2.0
"""Seconds that the last lines get at a stop."""


class LogOutbox:
    """Lines that wait, of each run together. They are worth less than anything else here: where the
    store does not take them, the newest of each run are tried again for as long as there is room,
    and nobody waits for them.
    """

    def __init__(self, store: TaskStore, clock: Clock, pauses: Sequence[float]) -> None:
        self._store = store
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._context = copy_context()
        self._waiting: dict[Run, LogEntry] = {}
        self._on_their_way: dict[LogEntry, Run] = {}
        self._size = 0
        self._is_woken = False
        self._backoff = Backoff(clock, pauses)
        self._complaints = Seldom(clock)
        self._rest: Timer | None = None
        self._is_stopping = False
        self._idle = asyncio.Event()
        self._idle.set()

    def add(self, run: Run, lines: NewLines, logs: Logs) -> None:
        """Write lines of an attempt some time soon."""
        entry = self._waiting.get(run)
        if entry is None:
            record = run.record
            self._waiting[run] = LogEntry(record.id, record.sequence, run.attempt, lines, logs)
            self._size += lines.size
        else:
            self._size -= entry.lines.size
            entry.lines = entry.lines.before(lines).within(logs)
            self._size += entry.lines.size
        if self._size > MAX_SIZE:
            self._make_room()
        self._idle.clear()
        if not self._is_woken:
            self._is_woken = True
            self._loop.call_soon(self._woken, context=self._context)

    def send(self) -> None:
        """Hand over what waits, before an outcome is handed over: nobody is to see that a task has
        ended who could not read its log."""
        if self._rest is not None:
            return
        while self._waiting:
            batch, size = [], 0
            for run, entry in list(self._waiting.items()):
                del self._waiting[run]
                self._on_their_way[entry] = run
                batch.append(entry)
                if (size := size + entry.lines.size) > BATCH_SIZE:
                    break
            self._hand_over(batch)

    async def stop(self) -> None:
        """Try once more to write what waits, for a moment."""
        self._is_stopping = True
        self._stop_resting()
        self.send()
        await wait_set(self._idle, STOP_WITHIN, self._clock)
        self._stop_resting()
        if self._waiting or self._on_their_way:
            logger.warning("%s: the last lines of some tasks are lost", self._store.name)

    async def flushed(self) -> None:
        """Wait until all is written, or nothing can be for now."""
        await self._idle.wait()

    def _woken(self) -> None:
        self._is_woken = False
        # While some are on their way, others gather. An outcome does not wait for that.
        if not self._on_their_way:
            self.send()
        if not self._on_their_way:
            self._idle.set()

    def _hand_over(self, batch: list[LogEntry]) -> None:
        def done(dealt_with: Collection[LogEntry], error: BaseException | None) -> None:
            self._answered(batch, dealt_with, error)

        self._store.logs.append(batch, done)

    def _answered(
        self,
        batch: Sequence[LogEntry],
        dealt_with: Collection[LogEntry],
        error: BaseException | None,
    ) -> None:
        runs = [(self._on_their_way.pop(entry), entry) for entry in batch]
        left = [(run, entry) for run, entry in runs if entry not in dealt_with]
        self._size -= sum(entry.lines.size for entry in dealt_with)
        if error is None:
            self._backoff.reset()
        if error is None or self._may_pass(error):
            for run, entry in left:
                self._put_back(run, entry)
        else:
            self._size -= sum(entry.lines.size for _, entry in left)
        if not self._on_their_way:
            self.send()
        if not self._on_their_way:
            self._idle.set()

    def _may_pass(self, error: BaseException) -> bool:
        """Whether what was refused may be taken after a rest."""
        if self._complaints.may():
            reason = self._store.reason_of(error)
            logger.warning("%s does not take the logs of tasks: %s", self._store.name, reason)
        if not self._store.is_trouble(error) or self._store.is_refusal(error):
            return False
        if self._rest is None:
            self._rest = self._clock.call_later(self._backoff.next(), self._rested)
        return not self._is_stopping

    def _stop_resting(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    def _rested(self) -> None:
        self._rest = None
        self.send()

    def _put_back(self, run: Run, entry: LogEntry) -> None:
        """What was not written goes before what came meanwhile."""
        newer = self._waiting.pop(run, None)
        if newer is not None:
            self._size -= entry.lines.size + newer.lines.size
            entry.lines = entry.lines.before(newer.lines).within(entry.logs)
            self._size += entry.lines.size
        self._waiting = {run: entry, **self._waiting}

    def _make_room(self) -> None:
        while self._size > MAX_SIZE and len(self._waiting) > 1:
            entry = self._waiting.pop(next(iter(self._waiting)))
            self._size -= entry.lines.size
