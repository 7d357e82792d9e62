"""What one attempt logs, until it is handed over to be kept."""

import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime

from bgtasks.core.log_chunks import OF_TASK, NewLines, encode_line, is_of_task, size_of
from bgtasks.core.task_log import LEVELS, Logs

__all__ = ["AttemptLog"]


class AttemptLog:
    """The newest lines, as many as are kept of a whole task. From any thread.

    ``wake()`` is called when there are lines and were none. ``least`` is the level, as a number,
    below which nothing is kept.
    """

    __slots__ = (
        "_dropped_of_task",
        "_is_told",
        "_lines",
        "_lock",
        "_logged",
        "_now",
        "_size",
        "_wake",
        "least",
        "logs",
    )

    def __init__(self, logs: Logs, now: Callable[[], datetime], wake: Callable[[], None]) -> None:
        self.logs = logs
        self.least = logs.least
        self._now = now
        self._wake: Callable[[], None] | None = wake
        # Whatever Python runs in between, a finalizer for example, may log too.
        self._lock = threading.RLock()
        self._lines: deque[str] = deque()
        self._size = 0
        self._logged = 0
        self._dropped_of_task = 0
        self._is_told = False

    def say(self, level: str, message: str) -> bool:
        """Add a line of the task itself; ``False``: the attempt is over."""
        return LEVELS[level] < self.least or self.add(level, message)

    def add(self, level: str, message: str, end: str = OF_TASK) -> bool:
        """Add a line whatever its level, which ends so as it is kept."""
        line = encode_line(self._now(), level, message, end)
        size = size_of(line)
        with self._lock:
            if (wake := self._wake) is None:
                return False
            self._lines.append(line)
            self._logged += 1
            self._size += size
            if len(self._lines) > self.logs.lines or self._size > self.logs.size:
                self._drop()
            if self._is_told:
                return True
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
        with self._lock:
            lines, self._lines = self._lines, deque()
            dropped, self._dropped_of_task = self._dropped_of_task, 0
            size, self._size, self._is_told = self._size, 0, False
            start = self._logged - len(lines)
        return NewLines(start, list(lines), size, dropped)

    def _drop(self) -> None:
        """Drop the oldest lines that are too many."""
        lines, logs = self._lines, self.logs
        while len(lines) > 1 and (len(lines) > logs.lines or self._size > logs.size):
            oldest = lines.popleft()
            self._size -= size_of(oldest)
            self._dropped_of_task += is_of_task(oldest)
