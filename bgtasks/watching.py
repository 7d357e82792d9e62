"""Waiting for one task: for its end, or for each of its updates."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import contextmanager
from collections.abc import Iterator
from uuid import UUID

from bgtasks.errors import ManagerStateError
from bgtasks.record import TaskRecord

__all__ = ["Watchers"]


class _Watcher:
    """Keeps the newest record that its reader has not seen."""

    def __init__(self) -> None:
        self.news = asyncio.Event()
        self.newest: TaskRecord | None = None
        self.closed = False

    def put(self, record: TaskRecord) -> None:
        if self.newest is None or record.revision > self.newest.revision:
            self.newest = record
            self.news.set()

    def close(self) -> None:
        self.closed = True
        self.news.set()


class Watchers:
    """Who waits for which task. A slow reader costs one record, whatever happens meanwhile."""

    def __init__(self) -> None:
        self._by_task: dict[UUID, list[_Watcher]] = {}

    def tell(self, record: TaskRecord) -> None:
        """A task has changed."""
        for watcher in self._by_task.get(record.id, ()):
            watcher.put(record)

    def close(self) -> None:
        """Nothing will change any more: whoever waits gets ManagerStateError."""
        for watchers in self._by_task.values():
            for watcher in watchers:
                watcher.close()

    @contextmanager
    def on(self, task_id: UUID) -> Iterator["_Watch"]:
        """Watch a task from now on."""
        watcher = _Watcher()
        watchers = self._by_task.setdefault(task_id, [])
        watchers.append(watcher)
        try:
            yield _Watch(watcher)
        finally:
            watchers.remove(watcher)
            if not watchers:
                self._by_task.pop(task_id, None)


class _Watch:
    """One reader's view of a task."""

    def __init__(self, watcher: _Watcher) -> None:
        self._watcher = watcher

    def begin_with(self, record: TaskRecord) -> None:
        """What the task was when the watch began, unless something newer has come."""
        self._watcher.put(record)

    async def records(self) -> AsyncIterator[TaskRecord]:
        """Each newer record, the newest only where several have come, up to the final one."""
        watcher, revision = self._watcher, 0
        while True:
            await watcher.news.wait()
            watcher.news.clear()
            record = watcher.newest
            if record is not None and record.revision > revision:
                revision = record.revision
                yield record
                if record.status.is_final:
                    return
            elif watcher.closed:
                raise ManagerStateError("the manager was stopped while a task was waited for")
