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

    __slots__ = ("attempt", "has_begun", "has_ended", "place", "record")

    def __init__(self, place: Place, record: TaskRecord) -> None:
        self.place: Place = place
        self.record: TaskRecord = record
        self.attempt: int = record.attempt
        self.has_begun: bool = False
        self.has_ended: bool = False


class Runs:
    """Finds a run by its place, or by its task and attempt: a task that was retried while its old
    attempt was ending has two runs. At most ``limit`` run at once. A run that waits for a slot
    takes none yet. A run that has ended no longer takes one, but stays here until its outcome is
    written."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._by_place: dict[Place, Run] = {}
        self._by_attempt: dict[tuple[int, int], Run] = {}  # ids as numbers: a UUID hashes slowly
        self._taken = 0
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
        """The tasks of at most so many attempts that have begun and not ended."""
        runs = self._by_place.values()
        running = (run.record.id for run in runs if run.has_begun and not run.has_ended)
        return list(islice(running, limit))

    @property
    def running(self) -> int:
        """How many have begun and not ended."""
        return self._taken

    @property
    def free(self) -> int:
        """How many more may run."""
        return self._limit - self._taken

    def wait(self, run: Run) -> None:
        """Add an attempt that is claimed and waits for a slot, perhaps at the place of one that has
        just ended."""
        if (before := self._by_place.get(run.place)) is not None:
            self.remove(before)
        self._by_place[run.place] = run
        self._by_attempt[run.record.id.int, run.attempt] = run

    def begin(self, run: Run) -> None:
        """Give a slot to an attempt that has one coming."""
        self._running += 1
        self._all_ended.clear()
        run.has_begun = True
        if self._by_place.get(run.place) is run:
            self._taken += 1

    def add(self, run: Run) -> None:
        """Add an attempt that was started."""
        self.wait(run)
        self.begin(run)

    def end(self, run: Run) -> None:
        """Free the slot of an attempt that has ended. An attempt that lost its place takes none."""
        has_slot = run.has_begun and self._by_place.get(run.place) is run
        self._taken -= has_slot
        self._running -= run.has_begun
        if self._running == 0:
            self._all_ended.set()
        run.has_ended = True

    def remove(self, run: Run) -> None:
        """Remove an attempt whose outcome is written."""
        if self._by_place.get(run.place) is run:
            del self._by_place[run.place]
            self._taken -= run.has_begun and not run.has_ended
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
