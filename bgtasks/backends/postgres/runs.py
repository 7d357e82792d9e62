"""The attempts that run in this process."""

import asyncio
from collections.abc import Iterator
from uuid import UUID

from bgtasks.core.record import TaskRecord
from bgtasks.models import BackgroundTaskStatus

__all__ = ["Run", "Runs"]


class Run:
    """One attempt: the engine's job it runs for, the task as it was last written by it, and
    ``over``, which is done once the attempt has ended."""

    __slots__ = ("attempt", "has_ended", "job", "over", "record")

    def __init__(self, job: int, record: TaskRecord) -> None:
        self.job = job
        self.record = record
        self.attempt = record.attempt
        self.has_ended = False
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Runs:
    """Finds a run by its job or by its task and attempt: a task that was retried while its old
    attempt was still ending has two. At most ``limit`` at once; one that has ended takes no place
    any more, though it stays here until its outcome is written."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._by_job: dict[int, Run] = {}
        self._by_attempt: dict[tuple[UUID, int], Run] = {}
        self._ended = 0

    def __len__(self) -> int:
        return len(self._by_job)

    def __iter__(self) -> Iterator[Run]:
        return iter(list(self._by_job.values()))

    @property
    def free(self) -> int:
        """How many more may run."""
        return self._limit - (len(self._by_job) - self._ended)

    def add(self, run: Run) -> None:
        """An attempt was started; perhaps for the job of one that has ended just now."""
        if (before := self._by_job.get(run.job)) is not None:
            self.remove(before)
        self._by_job[run.job] = run
        self._by_attempt[run.record.id, run.attempt] = run

    def end(self, run: Run) -> None:
        """An attempt has ended. One whose job was given away meanwhile takes no place since."""
        if not run.over.done():
            run.over.set_result(None)
        if self._by_job.get(run.job) is run:
            run.has_ended = True
            self._ended += 1

    def remove(self, run: Run) -> None:
        """What became of an attempt that has ended is written."""
        if self._by_job.get(run.job) is run:
            del self._by_job[run.job]
            self._ended -= run.has_ended
        self._by_attempt.pop((run.record.id, run.attempt), None)

    def holds(self, job: int, record: TaskRecord) -> bool:
        """Whether a task as it is stored is in the hands of the run of this job."""
        run = self._by_job.get(job)
        waits = record.status is BackgroundTaskStatus.PENDING
        return run is not None and run.attempt == record.attempt and not waits

    def of_job(self, job: int) -> Run | None:
        """The run of this job."""
        return self._by_job.get(job)

    def of_attempt(self, task_id: UUID, attempt: int) -> Run | None:
        """The run of this attempt."""
        return self._by_attempt.get((task_id, attempt))
