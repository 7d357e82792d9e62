"""Asking for the end of tasks, for another attempt, and dropping them: one, or all that fit."""

from typing import Any, Unpack
from uuid import UUID

from bgtasks.core.query import (
    checked_id,
)
from bgtasks.core.task_filter import FilterOptions, TaskFilter, filter_of
from bgtasks.errors import TaskStateError
from bgtasks.manager.bulk import CANCELLABLE, DELETABLE, RETRYABLE, change_all
from bgtasks.manager.doors.door import Door
from bgtasks.manager.waiting import no_such_task
from bgtasks.models import (
    BackgroundTaskInfo,
    BulkResult,
)

__all__ = ["Changing"]


class Changing(Door):
    """Asking for the end of tasks, for another attempt, and dropping them: one, or all that fit."""

    async def cancel_task(self, task_id: UUID) -> bool:
        """Ask for the end of a task; whether there was something to cancel.

        A waiting task is cancelled when this returns. A running one is told, and says
        ``Cancelled`` once its worker has ended.
        """
        return await self.request_cancel(task_id) is not None

    async def retry_task(self, task_id: UUID) -> bool:
        """Run a failed or cancelled task again; ``False`` if it is neither."""
        return await self.request_retry(task_id) is not None

    async def cancel_tasks(
        self,
        filter: TaskFilter | None = None,  # noqa: A002 - as all that take one call it
        **options: Unpack[FilterOptions],
    ) -> BulkResult:
        """Ask for the end of all tasks that fit and are not final, as ``cancel_task`` does; in
        batches, so it may take a while. Tasks that are submitted meanwhile are left alone."""
        backend = self._switch.running().backend
        wanted = filter_of(filter, options)
        return await change_all(backend, wanted, CANCELLABLE, backend.request_cancel)

    async def retry_tasks(
        self,
        filter: TaskFilter | None = None,  # noqa: A002 - as all that take one call it
        **options: Unpack[FilterOptions],
    ) -> BulkResult:
        """Run all tasks again that fit and have failed or were cancelled, as ``cancel_tasks``."""
        backend = self._switch.running().backend
        return await change_all(backend, filter_of(filter, options), RETRYABLE, backend.retry)

    async def delete_tasks(
        self,
        filter: TaskFilter | None = None,  # noqa: A002 - as all that take one call it
        **options: Unpack[FilterOptions],
    ) -> BulkResult:
        """Drop all final tasks that fit, as ``cancel_tasks``."""
        backend = self._switch.running().backend
        return await change_all(backend, filter_of(filter, options), DELETABLE, backend.delete)

    async def delete_task(self, task_id: UUID) -> None:
        """Drop a final task, with all that is kept of it. Raises TaskNotFoundError, and
        TaskStateError for a task that waits or runs."""
        backend = self._switch.running().backend
        while not await backend.delete(checked_id(task_id)):
            found = await backend.find([task_id])
            if not found:
                raise no_such_task(task_id)
            if not found[0].status.is_final:
                raise TaskStateError(
                    f"task {task_id} is {found[0].status} and cannot be deleted: cancel it first"
                )

    async def request_cancel(self, task_id: UUID) -> BackgroundTaskInfo[Any] | None:
        """As ``cancel_task``; returns the task as it is now, as a page has it, or ``None``."""
        run = self._switch.running()
        record = await run.backend.request_cancel(checked_id(task_id))
        return None if record is None else run.infos.of(record)

    async def request_retry(self, task_id: UUID) -> BackgroundTaskInfo[Any] | None:
        """As ``retry_task``; returns the task as it is now, as a page has it, or ``None``."""
        run = self._switch.running()
        record = await run.backend.retry(checked_id(task_id))
        return None if record is None else run.infos.of(record)
