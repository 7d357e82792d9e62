"""Doing the same to all tasks that fit a filter."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

from bgtasks.backends.base import Backend
from bgtasks.core.record import TaskRecord
from bgtasks.core.task_filter import TaskFilter
from bgtasks.errors import TaskStateError
from bgtasks.models import BackgroundTaskStatus, BulkResult

__all__ = ["CANCELLABLE", "DELETABLE", "RETRYABLE", "change_all"]

CANCELLABLE = BackgroundTaskStatus.PENDING, BackgroundTaskStatus.RUNNING
RETRYABLE = BackgroundTaskStatus.FAILED, BackgroundTaskStatus.CANCELLED
DELETABLE = tuple(status for status in BackgroundTaskStatus if status.is_final)

BATCH = 100
"""Tasks that are changed at the same time, so that others come in between."""


async def change_all(
    backend: Backend,
    wanted: TaskFilter,
    statuses: tuple[BackgroundTaskStatus, ...],
    change: Callable[[UUID], Awaitable[TaskRecord | bool | None]],
) -> BulkResult:
    """Change the ``wanted`` tasks that are in one of ``statuses``, newest first, some at a time.

    Those that are accepted later are left alone: the walk goes back from the newest task of its
    first moment, and never turns. ``change`` returns ``None`` or ``False`` where there is nothing
    to change.
    """
    possible = wanted.among(statuses)
    done = gone = 0
    before: int | None = None
    while possible is not None:
        page = await backend.list(possible.query(BATCH, before))
        answers = await asyncio.gather(*(_changed(change, item.id) for item in page.records))
        done += sum(answers)
        gone += len(answers) - sum(answers)
        before = page.next_before
        if before is None:
            break
    return BulkResult(matched=done + gone, done=done, gone=gone)


async def _changed(
    change: Callable[[UUID], Awaitable[TaskRecord | bool | None]], task_id: UUID
) -> bool:
    try:
        return await change(task_id) not in (None, False)
    except TaskStateError:  # another task holds its key
        return False
