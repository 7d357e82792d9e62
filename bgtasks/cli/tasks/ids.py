"""The tasks that are meant by the beginnings or ends of their ids."""

from collections.abc import Iterable
from uuid import UUID

from bgtasks.cli.tasks.client import Info, PageRequest, TaskClient
from bgtasks.cli.usage import CommandFailedError
from bgtasks.core.record import MAX_PAGE
from bgtasks.core.task_filter import TaskFilter
from bgtasks.errors import TaskNotFoundError

__all__ = ["whole_id", "whole_ids"]

SHOWN = 5
"""How many tasks are named where several are meant."""


async def whole_ids(client: TaskClient, given: Iterable[UUID | str]) -> list[UUID]:
    """The ids of all tasks that are meant. Raises what ``whole_id`` raises."""
    return [await whole_id(client, each) for each in given]


async def whole_id(client: TaskClient, given: UUID | str) -> UUID:
    """The id of the task that is meant: by its beginning, among all tasks, or by its end, among the
    newest thousand. Raises TaskNotFoundError, and CommandFailedError where several are meant."""
    if isinstance(given, UUID):
        return given
    searched = TaskFilter(q=given, in_arguments=False)
    found = await client.list(PageRequest(tasks=searched, limit=MAX_PAGE))
    meant = [info for info in found if info.id.hex.startswith(given)]
    if not meant:
        newest = await client.list(PageRequest(limit=MAX_PAGE))
        meant = [info for info in newest if info.id.hex.endswith(given)]
    if not meant:
        raise TaskNotFoundError(
            f"there is no task whose id begins with {given}, and none of the newest {MAX_PAGE:,} "
            "whose id ends so"
        )
    if len(meant) > 1:
        raise CommandFailedError(f"{given} may be several tasks: {_named(meant)}")
    return meant[0].id


def _named(infos: list[Info]) -> str:
    names = ", ".join(str(info.id) for info in infos[:SHOWN])
    return f"{names}, ..." if len(infos) > SHOWN else names
