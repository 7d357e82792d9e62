"""The logs of tasks: what a store does with them. They are kept beside the tasks, and what becomes
of them changes nothing for these."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from uuid import UUID

from attrs import define

from bgtasks.core.log_chunks import NewLines, StoredLog
from bgtasks.core.task_log import Logs

__all__ = ["LogEntry", "LogHandler", "LogStore", "LogsDone"]

LogHandler = Callable[[Collection[UUID] | None], None]
"""Is called with tasks that have new lines; ``None``: it may be any."""


@define(eq=False)
class LogEntry:
    """New lines of one attempt of a task, and what its type keeps."""

    task_id: UUID
    sequence: int
    attempt: int
    lines: NewLines
    logs: Logs


LogsDone = Callable[[Collection[LogEntry], BaseException | None], None]
"""Is called on the event loop with the entries that are dealt with, and why the others are not."""


class LogStore(ABC):
    """Each task has one log. Its lines are numbered over all attempts, as
    :func:`~bgtasks.core.log_chunks.next_chunks` does; the oldest are dropped with what is written.
    """

    @abstractmethod
    def append(self, entries: Sequence[LogEntry], done: LogsDone) -> None:
        """Write lines, then announce their tasks and call ``done``; never raises.

        Batches are written in the order in which they were handed over, and before what is handed
        to ``TaskStore.settle`` later. Of each attempt a batch has one entry. Lines of an attempt
        that no longer holds its task are dropped. Entries that are missing in the answer are to be
        handed over again.
        """

    @abstractmethod
    async def read(self, task_id: UUID, after: int) -> StoredLog:
        """The first ``MAX_LINES`` lines behind a number, or fewer where these are long. Raises
        BackendError."""
