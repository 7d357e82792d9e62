"""``tasks cancel``, ``retry``, ``delete`` and ``run-again``: several tasks, by ids or a filter."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from bgtasks.cli.tasks.client import Info, TaskClient
from bgtasks.cli.tasks.plain_text import one_line
from bgtasks.cli.tasks.screen import Screen
from bgtasks.cli.usage import CommandFailedError
from bgtasks.core.task_filter import TaskFilter
from bgtasks.errors import NotAllowedError, TaskNotFoundError, TaskStateError
from bgtasks.models import BackgroundTaskStatus

__all__ = ["cancel_tasks", "change_matching", "delete_tasks", "retry_tasks", "run_again"]

_DONE = {"cancel": "asked to end", "retry": "run again", "delete": "deleted"}
"""What is said of tasks afterwards."""


async def cancel_tasks(client: TaskClient, screen: Screen, ids: Sequence[UUID]) -> bool:
    """Request cancellation of each task and print the results; returns whether all succeeded."""
    return await _change_all(screen, ids, client.cancel, _after_cancel)


async def retry_tasks(client: TaskClient, screen: Screen, ids: Sequence[UUID]) -> bool:
    """Retry each task and print the results; returns whether all succeeded."""
    return await _change_all(screen, ids, client.retry, lambda info: f"runs again ({info.status})")


async def delete_tasks(client: TaskClient, screen: Screen, ids: Sequence[UUID]) -> bool:
    """Drop each task and print the results; returns whether all succeeded."""
    return await _change_all(screen, ids, client.delete, lambda _: "deleted")


async def run_again(client: TaskClient, screen: Screen, ids: Sequence[UUID]) -> bool:
    """Submit a new task like each and print their ids; returns whether all succeeded."""
    return await _change_all(screen, ids, client.run_again, lambda info: f"runs again as {info.id}")


async def change_matching(
    client: TaskClient, screen: Screen, action: str, wanted: TaskFilter, *, dry_run: bool
) -> bool:
    """Do ``action`` to all tasks that fit and print how many; returns whether all were allowed."""
    types = await client.matching(action, wanted)
    matched = sum(types.values())
    if not dry_run:
        return await _all_matching(client, screen, action, wanted, matched)
    for name, number in types.items():
        screen.columns(name, str(number))
    screen.line(f"{matched:,} tasks would be {_DONE[action]}")
    return True


async def _all_matching(
    client: TaskClient, screen: Screen, action: str, wanted: TaskFilter, matched: int
) -> bool:
    try:
        outcome = await client.change_all(action, wanted, matched)
    except TaskStateError as error:
        raise CommandFailedError(f"0 {_DONE[action]}: {one_line(str(error))}") from None
    said = [f"{outcome.done:,} of {outcome.matched:,} tasks {_DONE[action]}"]
    said += [f"{outcome.not_allowed:,} not allowed"] if outcome.not_allowed else []
    said += [f"{outcome.gone:,} had moved on"] if outcome.gone else []
    said += [f"then: {one_line(outcome.error)}"] if outcome.error else []
    screen.line("; ".join(said))
    return not outcome.not_allowed and outcome.error is None


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
