"""Waiting for one task: for its end, or for each of its updates."""

import asyncio
from uuid import UUID

from bgtasks.core.record import TaskRecord
from bgtasks.errors import ManagerStateError

__all__ = ["Watch", "Watchers"]


class Watch:
    """One reader's view of a task: the newest record that the reader has not seen. A slow reader
    costs one record at most. With ``only_final`` everything before the end is left out.
    """

    def __init__(self, only_final: bool) -> None:
        self.told: TaskRecord | None = None
        """The newest record so far, wanted or not."""

        self._only_final = only_final
        self._newest: TaskRecord | None = None
        self._seen = 0
        self._closed = False
        self._waiting: asyncio.Future[None] | None = None

    def put(self, record: TaskRecord) -> None:
        """Offer a record of the task; one older than the newest is left out."""
        if self.told is None or record.revision > self.told.revision:
            self.told = record
        if self._only_final and not record.status.is_final:
            return
        if self._newest is None or record.revision > self._newest.revision:
            self._newest = record
            self._wake()

    def close(self) -> None:
        """Nothing more will come."""
        self._closed = True
        self._wake()

    async def next(self) -> TaskRecord:
        """The newest record, once there is one that was not returned before.

        Raises ManagerStateError when the manager was stopped.
        """
        while True:
            record = self._newest
            if record is not None and record.revision > self._seen:
                self._seen = record.revision
                return record
            if self._closed:
                raise _stopped()
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


class Watchers:
    """The watches of each task, and who waits for its end alone."""

    def __init__(self) -> None:
        # By ids as numbers: each change of each task is looked up, and to hash a UUID is slow.
        self._by_task: dict[int, list[Watch]] = {}
        self._ends: dict[int, list[asyncio.Future[TaskRecord]]] = {}

    def __bool__(self) -> bool:
        return bool(self._by_task or self._ends)

    def tell(self, record: TaskRecord) -> None:
        """A task has changed."""
        key = record.id.int
        if self._by_task:
            for watch in self._by_task.get(key, ()):
                watch.put(record)
        if key in self._ends and record.status.is_final:
            for waiting in self._ends.pop(key):
                if not waiting.done():
                    waiting.set_result(record)

    def close(self) -> None:
        """No further change will come: all waiting readers get ManagerStateError."""
        for watches in self._by_task.values():
            for watch in watches:
                watch.close()
        for ends in self._ends.values():
            for waiting in ends:
                if not waiting.done():
                    waiting.set_exception(_stopped())

    async def end_of(self, task_id: UUID) -> TaskRecord:
        """Wait for the end of a task, which is still to come for sure."""
        key = task_id.int
        waiting: asyncio.Future[TaskRecord] = asyncio.get_running_loop().create_future()
        self._ends.setdefault(key, []).append(waiting)
        try:
            return await waiting
        except BaseException:
            if waiting in (others := self._ends.get(key, [])):
                others.remove(waiting)
                if not others:
                    del self._ends[key]
            raise

    def add(self, task_id: UUID, *, only_final: bool = False) -> Watch:
        """Watch a task from now on, until ``remove`` is called with the watch."""
        watch = Watch(only_final)
        self._by_task.setdefault(task_id.int, []).append(watch)
        return watch

    def remove(self, task_id: UUID, watch: Watch) -> None:
        """End a watch: nobody reads it any longer."""
        watches = self._by_task[task_id.int]
        watches.remove(watch)
        if not watches:
            del self._by_task[task_id.int]


def _stopped() -> ManagerStateError:
    return ManagerStateError("the manager was stopped while a task was waited for")
