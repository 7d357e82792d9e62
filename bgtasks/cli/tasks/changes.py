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
from bgtasks.web.protocol import MAX_BULK

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
    done = gone = not_allowed = 0
    left = matched
    for _ in range(matched // MAX_BULK + 1):  # a task that fails again matches again
        try:
            answer = await client.change_all(action, wanted, left)
        except TaskStateError as error:
            raise CommandFailedError(
                f"{done:,} {_DONE[action]}; then: {one_line(str(error))}"
            ) from None
        done, gone, not_allowed = done + answer.done, gone + answer.gone, answer.not_allowed
        left = answer.matched - answer.done
        if not answer.more or not answer.done:
            break
    said = [f"{done:,} of {matched:,} tasks {_DONE[action]}"]
    said += [f"{not_allowed:,} not allowed"] if not_allowed else []
    said += [f"{gone:,} had moved on"] if gone else []
    said += ["there are more"] if answer.more else []
    screen.line("; ".join(said))
    return not not_allowed and not answer.more


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
