"""The attempts that run in this process."""

import asyncio
from collections.abc import Iterator
from itertools import islice
from uuid import UUID

from bgtasks.backends.task_store import Place
from bgtasks.core.record import TaskRecord
from bgtasks.models import BackgroundTaskStatus

__all__ = ["Run", "Runs"]


class Run:
    """One attempt: its place in the store, and the task as this process wrote it last."""

    __slots__ = ("attempt", "has_ended", "place", "record")

    def __init__(self, place: Place, record: TaskRecord) -> None:
        self.place = place
        self.record = record
        self.attempt = record.attempt
        self.has_ended = False


class Runs:
    """Finds a run by its place, or by its task and attempt: a task that was retried while its old
    attempt was ending has two runs. At most ``limit`` run at once. A run that has ended no longer
    takes a slot, but stays here until its outcome is written."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._by_place: dict[Place, Run] = {}
        self._by_attempt: dict[tuple[int, int], Run] = {}  # ids as numbers: a UUID hashes slowly
        self._ended = 0
        self._running = 0
        self._all_ended = asyncio.Event()
        self._all_ended.set()

    def __len__(self) -> int:
        return len(self._by_place)

    def __iter__(self) -> Iterator[Run]:
        return iter(list(self._by_place.values()))

    async def all_ended(self) -> None:
        """Wait until no attempt runs, not even one whose place another attempt has now."""
        await self._all_ended.wait()

    def ids(self, limit: int) -> list[UUID]:
        """The tasks of at most so many attempts that have not ended."""
        running = (run.record.id for run in self._by_place.values() if not run.has_ended)
        return list(islice(running, limit))

    @property
    def running(self) -> int:
        """How many have not ended."""
        return len(self._by_place) - self._ended

    @property
    def free(self) -> int:
        """How many more may run."""
        return self._limit - self.running

    def add(self, run: Run) -> None:
        """Add an attempt that was started, perhaps at the place of one that has just ended."""
        self._running += 1
        self._all_ended.clear()
        if (before := self._by_place.get(run.place)) is not None:
            self.remove(before)
        self._by_place[run.place] = run
        self._by_attempt[run.record.id.int, run.attempt] = run

    def end(self, run: Run) -> None:
        """Free the slot of an attempt that has ended. An attempt that lost its place takes none."""
        self._running -= 1
        if self._running == 0:
            self._all_ended.set()
        if self._by_place.get(run.place) is run:
            run.has_ended = True
            self._ended += 1

    def remove(self, run: Run) -> None:
        """Remove an attempt whose outcome is written."""
        if self._by_place.get(run.place) is run:
            del self._by_place[run.place]
            self._ended -= run.has_ended
        self._by_attempt.pop((run.record.id.int, run.attempt), None)

    def holds(self, place: Place, record: TaskRecord) -> bool:
        """Whether the run at this place runs the stored task."""
        run = self._by_place.get(place)
        waits = record.status is BackgroundTaskStatus.PENDING
        return run is not None and run.attempt == record.attempt and not waits

    def at(self, place: Place) -> Run | None:
        """The run at this place."""
        return self._by_place.get(place)

    def of_attempt(self, task_id: UUID, attempt: int) -> Run | None:
        """The run of this attempt."""
        return self._by_attempt.get((task_id.int, attempt))

    def of_task(self, task_id: UUID) -> Run | None:
        """The run that runs this task, as far as this process knows."""
        found = (run for run in self._by_place.values() if run.record.id == task_id)
        return next(
            (run for run in found if run.record.status is BackgroundTaskStatus.RUNNING), None
        )
