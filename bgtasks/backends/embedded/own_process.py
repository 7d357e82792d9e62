"""The one process that owns the file, as it shows itself."""

import os
import socket
import uuid
from collections.abc import Sequence

from bgtasks.backends.task_store import Doing
from bgtasks.clock import Clock
from bgtasks.core.attempts import process_name
from bgtasks.models import ProcessInfo
from bgtasks.version import __version__

__all__ = ["OwnProcess"]


class OwnProcess:
    """What stays the same of this process while it has the file open."""

    def __init__(self, types: Sequence[str], max_concurrency: int, clock: Clock) -> None:
        self.types: tuple[str, ...] = tuple(types)
        self.max_concurrency = max_concurrency
        self._clock = clock
        self._id = uuid.uuid4()
        self._started_at = clock.now()

    @property
    def name(self) -> str:
        """What is kept of it with each attempt that it begins."""
        return process_name(self._id, socket.gethostname(), os.getpid())

    def info(self, doing: Doing) -> ProcessInfo:
        """The process as it is now."""
        return ProcessInfo(
            id=self._id,
            host=socket.gethostname(),
            pid=os.getpid(),
            runs_tasks=doing.runs_tasks,
            types=self.types,
            running=doing.running,
            max_concurrency=self.max_concurrency,
            started_at=self._started_at,
            seen_at=self._clock.now(),
            alive=True,
            release=__version__,
            tasks=tuple(doing.tasks),
            **doing.vitals._asdict(),
        )
