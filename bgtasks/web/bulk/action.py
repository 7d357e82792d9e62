"""What can be done to all tasks that fit a filter."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Literal
from uuid import UUID

from attrs import frozen

from bgtasks.core.task_filter import TaskFilter
from bgtasks.manager import BackgroundTaskManager
from bgtasks.manager.bulk import CANCELLABLE, DELETABLE, RETRYABLE
from bgtasks.models import BackgroundTaskStatus
from bgtasks.web.commands import CANCEL, DELETE_THE_TASK, RETRY, Command

__all__ = ["ACTIONS", "BulkAction", "BulkRequest"]


@frozen
class BulkAction:
    """What is done to each task: a ``command`` on those in ``statuses``, without its answer."""

    command: Command
    statuses: tuple[BackgroundTaskStatus, ...]
    change: Callable[[BackgroundTaskManager, UUID], Awaitable[object]]

    @property
    def name(self) -> Literal["cancel", "retry", "delete"]:
        """What it is called."""
        name: Literal["cancel", "retry", "delete"] = self.command.name  # type: ignore[assignment]
        return name


async def _delete(manager: BackgroundTaskManager, task_id: UUID) -> bool:
    await manager.delete_task(task_id)
    return True


ACTIONS: Mapping[str, BulkAction] = {
    "cancel": BulkAction(CANCEL, CANCELLABLE, CANCEL.change),
    "retry": BulkAction(RETRY, RETRYABLE, RETRY.change),
    "delete": BulkAction(DELETE_THE_TASK, DELETABLE, _delete),
}


@frozen
class BulkRequest:
    """What to do, and to which tasks."""

    action: BulkAction
    tasks: TaskFilter
