"""The logs of tasks: what a store does with them. They are kept beside the tasks, and what becomes
of them changes nothing for these."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from uuid import UUID

from attrs import define

from bgtasks.core.log_chunks import LogChunk, NewLines, StoredLog, next_chunks
from bgtasks.core.task_log import Logs

__all__ = ["LogEntry", "LogHandler", "LogStore", "LogsDone", "NewRows", "new_rows"]

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


NewRows = tuple[LogEntry, LogChunk | None, Sequence[LogChunk]]
"""An entry, the newest row of its task, and those that it adds."""


def new_rows(
    entries: Sequence[LogEntry], ends: Mapping[tuple[int, int], LogChunk | None]
) -> list[NewRows]:
    """The rows to write for some entries. ``ends`` has the newest row of each task, if there is
    one, by its sequence and the attempt that holds it; other attempts write nothing."""
    new: list[NewRows] = []
    for entry in entries:
        held = entry.sequence, entry.attempt
        if held in ends:
            newest = ends[held]
            chunks = next_chunks(newest, entry.attempt, entry.lines, entry.logs)
            if chunks:
                new.append((entry, newest, chunks))
    return new


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
