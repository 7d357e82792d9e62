"""``tasks cancel`` and ``tasks retry``: several tasks, one after the other."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from bgtasks.cli.tasks.client import Info, TaskClient
from bgtasks.cli.tasks.screen import Screen
from bgtasks.errors import NotAllowedError, TaskNotFoundError, TaskStateError
from bgtasks.models import BackgroundTaskStatus

__all__ = ["cancel_tasks", "retry_tasks"]


async def cancel_tasks(client: TaskClient, screen: Screen, ids: Sequence[UUID]) -> bool:
    """Request cancellation of each task and print the results; returns whether all succeeded."""
    return await _change_all(screen, ids, client.cancel, _after_cancel)


async def retry_tasks(client: TaskClient, screen: Screen, ids: Sequence[UUID]) -> bool:
    """Retry each task and print the results; returns whether all succeeded."""
    return await _change_all(screen, ids, client.retry, lambda info: f"runs again ({info.status})")


async def _change_all(
    screen: Screen,
    ids: Sequence[UUID],
    change: Callable[[UUID], Awaitable[Info]],
    told: Callable[[Info], str],
) -> bool:
    all_done = True
    for task_id in dict.fromkeys(ids):
        try:
            info = await change(task_id)
        except (TaskNotFoundError, TaskStateError, NotAllowedError) as error:
            all_done = False
            said = str(error)
            screen.complain(said if str(task_id) in said else f"{task_id}: {said}")
        else:
            screen.line(f"{task_id}: {told(info)}")
    return all_done


def _after_cancel(info: Info) -> str:
    if info.status is BackgroundTaskStatus.CANCELLED:
        return "cancelled"
    return f"asked to end; {info.status} until its worker has ended"
