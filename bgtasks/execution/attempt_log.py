"""What one attempt logs, until it is handed over to be kept."""

import threading
from collections import deque
from collections.abc import Callable

from bgtasks.clock import Clock
from bgtasks.core.log_chunks import OF_TASK, Line, NewLines, encode_line, microseconds
from bgtasks.core.task_log import LEVELS, Logs
from bgtasks.core.text import MAX_MESSAGE, clean

__all__ = ["AttemptLog"]


class AttemptLog:
    """The newest lines, as many as are kept of a whole task. From any thread.

    ``wake()`` is called when there are lines and were none. ``least`` is the level, as a number,
    below which nothing is kept; ``lines`` are those that wait. What is logged again and again must
    cost little: a line is only appended, which needs no lock. What can be done for many lines
    together comes later, and for those that are dropped not at all.
    """

    __slots__ = (
        "_aside",
        "_clock",
        "_epoch",
        "_gathering",
        "_is_told",
        "_logged",
        "_monotonic",
        "_most_bytes",
        "_most_lines",
        "_size",
        "_wake",
        "least",
        "lines",
        "logs",
    )

    def __init__(self, logs: Logs, clock: Clock, wake: Callable[[], None]) -> None:
        self.logs: Logs = logs
        self.least: int = logs.least
        self._most_lines = logs.lines
        self._most_bytes = logs.size
        self._clock = clock
        self._monotonic = clock.monotonic
        self._epoch = 0
        self._wake: Callable[[], None] | None = wake
        self._is_told = False
        self.lines: deque[Line] = deque()
        # About their bytes: two threads that add to it at once may count one of their lines only.
        self._size = 0
        self._gathering = threading.Lock()
        self._aside = NewLines(0, (), 0)
        self._logged = 0

    def now(self) -> int:
        """In microseconds since 1970. Of lines that come together only the first asks what time it
        is: the others know by how much they are later, which costs a fraction of it."""
        if not self._is_told:
            self._epoch = microseconds(self._clock.now()) - int(self._monotonic() * 1e6)
        return self._epoch + int(self._monotonic() * 1e6)

    def say(self, level: str, message: str) -> bool:
        """Add a line of the task itself; ``False``: the attempt is over."""
        return LEVELS[level] < self.least or self.add(self.now(), level, message)

    def add(
        self, at: int, level: str, message: str, end: str = OF_TASK, place: int | None = None
    ) -> bool:
        """Add a line whatever its level, which ends so as it is kept; at a ``place`` in ``lines``,
        or behind all of them."""
        if (wake := self._wake) is None:
            return False
        if len(message) > MAX_MESSAGE or type(message) is not str:
            message = clean(message, MAX_MESSAGE)
        line, lines = encode_line(at, level, message, end), self.lines
        if place is None or place >= len(lines):
            lines.append(line)
        else:
            lines.insert(place, line)
        self._size += len(line)
        if self._size > self._most_bytes or len(lines) > self._most_lines:
            self._make_room()
        if not self._is_told:
            self._is_told = True
            wake()
        return True

    def close(self) -> None:
        """The attempt is over: take no more lines, and forget it."""
        self._wake = None

    def take(self) -> NewLines | None:
        """The lines since the last call; ``None`` if there are none."""
        if not self._is_told:
            return None
        with self._gathering:
            self._is_told = False  # first: what is appended from here on is told of once more
            self._gather()
            taken, self._aside = self._aside, NewLines(self._logged, (), 0)
        return taken if taken.lines else None

    def _make_room(self) -> None:
        """Drop the oldest lines that are too many, unless somebody is at it: another thread, or
        this one, where a finalizer logs in between."""
        if self._gathering.acquire(blocking=False):
            try:
                self._gather()
            finally:
                self._gathering.release()

    def _gather(self) -> None:
        """Put aside what there is: of that and what was put aside before, the newest."""
        waiting = self.lines
        # One by one: whatever another thread adds meanwhile, at any place, is taken once.
        lines = [waiting.popleft() for _ in range(len(waiting))]
        self._size = 0
        new = NewLines.of(self._logged, lines)
        self._logged = new.end
        self._aside = self._aside.before(new).within(self.logs)
