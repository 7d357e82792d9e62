"""Waiting for tasks of a running manager: for the end of one, or for each of its updates."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from uuid import UUID

from bgtasks.backends.base import Backend
from bgtasks.core.record import TaskRecord
from bgtasks.errors import TaskNotFoundError
from bgtasks.execution.executor import Executor
from bgtasks.observing.watching import Watch, Watchers

__all__ = ["Waiting", "no_such_task"]


class Waiting:
    """Those who wait, and for which task. Both ways of waiting raise TaskNotFoundError, and
    ManagerStateError once ``close`` was called."""

    def __init__(self, backend: Backend, executor: Executor) -> None:
        self._backend = backend
        self._executor = executor
        self._watchers = Watchers()
        self.tell: Callable[[TaskRecord], None] = self._watchers.tell
        """A task has changed."""

    def __bool__(self) -> bool:
        return bool(self._watchers)

    def close(self) -> None:
        """End all waiting: the manager is stopped."""
        self._watchers.close()

    async def final(self, task_id: UUID, seconds: float | None) -> TaskRecord:
        """The task once it is final; TimeoutError after ``seconds``."""
        if seconds is None and self._ends_here(task_id):
            return await self._watchers.end_of(task_id)
        watch = self._watchers.add(task_id, only_final=True)
        try:
            if seconds is None:
                return await self._final(watch, task_id)
            try:
                async with asyncio.timeout(seconds) as timer:
                    return await self._final(watch, task_id)
            except TimeoutError:
                if not timer.expired():
                    raise
            raise TimeoutError(f"{self._not_final(watch, task_id)} after {seconds:g} seconds")
        finally:
            self._watchers.remove(task_id, watch)

    async def follow(self, task_id: UUID) -> AsyncGenerator[TaskRecord, None]:
        """Iterate over the present record of the task and each newer one, until it is final."""
        watch = self._watchers.add(task_id)
        try:
            await self._begin(watch, task_id)
            final = False
            while not final:
                record = await watch.next()
                final = record.status.is_final
                yield record
        finally:
            self._watchers.remove(task_id, watch)

    async def _final(self, watch: Watch, task_id: UUID) -> TaskRecord:
        if not self._ends_here(task_id):
            await self._begin(watch, task_id)
        return await watch.next()

    def _ends_here(self, task_id: UUID) -> bool:
        """Whether the end of a task is still to come for sure, so that the store need not be
        asked: an attempt of it runs here, and can't have been given to another process."""
        return not self._backend.shared and self._executor.is_running(task_id)

    async def _begin(self, watch: Watch, task_id: UUID) -> None:
        records = await self._backend.find([task_id], payloads=True)
        if not records:
            raise no_such_task(task_id)
        watch.put(records[0])

    def _not_final(self, watch: Watch, task_id: UUID) -> str:
        """The error message for a task that did not become final in time."""
        running = self._executor.running_tasks()
        record = watch.told or next((item for item in running if item.id == task_id), None)
        if record is None:
            return f"the database has not said what became of task {task_id}"
        return f"task {task_id} ({record.type}) is still {record.status}"


def no_such_task(task_id: UUID) -> TaskNotFoundError:
    """What to raise where a task is not found."""
    return TaskNotFoundError(
        f"there is no task with the id {task_id}: it was never accepted here, or was pruned"
    )
