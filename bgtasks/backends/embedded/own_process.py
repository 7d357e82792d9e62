"""The one process that owns the file, as it shows itself."""

import os
import socket
import uuid
from collections.abc import Sequence

from bgtasks.clock import Clock
from bgtasks.models import ProcessInfo

__all__ = ["OwnProcess"]


class OwnProcess:
    """What stays the same of this process while it has the file open."""

    def __init__(self, types: Sequence[str], max_concurrency: int, clock: Clock) -> None:
        self.types = tuple(types)
        self.max_concurrency = max_concurrency
        self._clock = clock
        self._id = uuid.uuid4()
        self._started_at = clock.now()

    def info(self, *, runs_tasks: bool, running: int) -> ProcessInfo:
        """The process as it is now."""
        return ProcessInfo(
            id=self._id,
            host=socket.gethostname(),
            pid=os.getpid(),
            runs_tasks=runs_tasks,
            types=self.types,
            running=running,
            max_concurrency=self.max_concurrency,
            started_at=self._started_at,
            seen_at=self._clock.now(),
            alive=True,
        )
