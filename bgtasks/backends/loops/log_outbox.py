"""Hands the lines that attempts log to the store, many at a time."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
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

ENTRY_SIZE = 2_000
"""About the bytes that an entry takes beside its lines: of many attempts with one line each, it is
the entries that take room."""

BATCH_SIZE = 4 * 1024 * 1024
"""Bytes in one batch; the last entry may go beyond."""

MAX_SIZE = 64 * 1024 * 1024
"""Bytes that wait to be written or are on their way. Beyond that the oldest lines are dropped of
those that wait; the newest entry always may."""

STOP_WITHIN = 2.0
"""Seconds that the last lines get at a stop."""


class LogOutbox:
    """Lines that wait, of each run together. They are worth less than anything else here: where the
    store does not take them, the newest are tried again for as long as there is room, and nobody
    waits for them.
    """

    def __init__(self, store: TaskStore, clock: Clock, pauses: Sequence[float]) -> None:
        self._store = store
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._context = copy_context()
        self._waiting: OrderedDict[tuple[int, int], LogEntry] = OrderedDict()
        self._on_their_way: set[LogEntry] = set()
        self._left: list[LogEntry] = []  # what was not written, the oldest first
        self._size = 0
        self._is_woken = False
        self._backoff = Backoff(clock, pauses)
        self._complaints = Seldom(clock)
        self._rest: Timer | None = None
        self._idle = asyncio.Event()
        self._idle.set()

    def add(self, run: Run, lines: NewLines, logs: Logs) -> None:
        """Write lines of an attempt some time soon."""
        record = run.record
        self._wait(LogEntry(record.id, record.sequence, run.attempt, lines, logs))
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
        self._put_back()
        while self._waiting:
            batch: list[LogEntry] = []
            size = 0
            while self._waiting and size <= BATCH_SIZE:
                _, entry = self._waiting.popitem(last=False)
                batch.append(entry)
                size += _size_of(entry)
            self._on_their_way.update(batch)
            self._idle.clear()
            self._hand_over(batch)

    async def stop(self) -> None:
        """Try once more to write what waits, for a moment."""
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
        self._on_their_way.difference_update(batch)
        self._size -= _size_of_all(dealt_with)
        gone = set(dealt_with)
        left = [entry for entry in batch if entry not in gone]
        if error is None:
            self._backoff.reset()
        if error is None or self._may_pass(error):
            self._left += left
        else:
            self._size -= _size_of_all(left)
        if not self._on_their_way:
            self._put_back()
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
        return True

    def _stop_resting(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    def _rested(self) -> None:
        self._rest = None
        self.send()

    def _put_back(self) -> None:
        """What was not written goes before what came meanwhile."""
        if self._left:
            entries = [*self._left, *self._waiting.values()]
            self._size -= _size_of_all(entries)
            self._left.clear()
            self._waiting.clear()
            for entry in entries:
                self._wait(entry)

    def _wait(self, entry: LogEntry) -> None:
        """Add an entry behind those that wait, or its lines to those of its attempt."""
        key = entry.sequence, entry.attempt
        earlier = self._waiting.get(key)
        if earlier is None:
            self._waiting[key] = entry
            self._size += _size_of(entry)
        else:
            self._size -= earlier.lines.size
            earlier.lines = earlier.lines.before(entry.lines).within(entry.logs)
            self._size += earlier.lines.size

    def _make_room(self) -> None:
        while self._size > MAX_SIZE and len(self._waiting) > 1:
            _, entry = self._waiting.popitem(last=False)
            self._size -= _size_of(entry)


def _size_of(entry: LogEntry) -> int:
    return ENTRY_SIZE + entry.lines.size


def _size_of_all(entries: Iterable[LogEntry]) -> int:
    return sum(map(_size_of, entries))
