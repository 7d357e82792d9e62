"""Doing the same to all tasks that fit a filter and that a requester may see and change."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from uuid import UUID

from attrs import frozen

from bgtasks.core.task_filter import TaskFilter
from bgtasks.errors import TaskNotFoundError, TaskStateError
from bgtasks.manager import BackgroundTaskManager
from bgtasks.manager.bulk import CANCELLABLE, DELETABLE, RETRYABLE
from bgtasks.models import BackgroundTaskStatus
from bgtasks.web.access import Info, TaskAccess
from bgtasks.web.commands import CANCEL, DELETE_THE_TASK, RETRY, Command
from bgtasks.web.judge import Judge
from bgtasks.web.protocol import MAX_BULK
from bgtasks.web.requester import Requester

__all__ = ["ACTIONS", "Bulk", "BulkAction", "BulkAnswer", "BulkRequest"]

BATCH = 100
"""Tasks that are changed at the same time, so that others come in between."""

NOTHING = None, False
"""What a change returns where there was nothing to change."""


@frozen
class BulkAction:
    """What is done to each task: a ``command`` on those in ``statuses``, without its answer."""

    command: Command
    statuses: tuple[BackgroundTaskStatus, ...]
    change: Callable[[BackgroundTaskManager, UUID], Awaitable[object]]


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


@frozen(kw_only=True)
class BulkAnswer:
    """What became of the ``matched`` tasks: ``done``, ``not_allowed`` by the policy, or ``gone``,
    which had moved on or whose key another task holds. ``more``: not all of them were looked at.
    """

    matched: int
    done: int
    not_allowed: int
    gone: int
    more: bool


class Bulk:
    """Changes many tasks for requesters, some at a time."""

    def __init__(self, manager: BackgroundTaskManager, judge: Judge, access: TaskAccess) -> None:
        self._manager = manager
        self._judge = judge
        self._access = access

    async def matching(self, requester: Requester, wanted: BulkRequest) -> Mapping[str, int]:
        """How many of each type would be changed. Raises NotAllowedError where they cannot be
        counted, because only ``can_view`` knows which of them ``requester`` may see."""
        return await self._counts(await self._possible(requester, wanted))

    async def carry_out(
        self, requester: Requester, wanted: BulkRequest, expected: int
    ) -> BulkAnswer:
        """Change at most ``MAX_BULK`` of the tasks, newest first; those that are submitted
        meanwhile are left alone.

        Raises TaskStateError where their number is more than 10 % off ``expected``, and
        NotAllowedError as ``matching``. Where the policy fails on the way, what was done remains.
        """
        possible = await self._possible(requester, wanted)
        matched = sum((await self._counts(possible)).values())
        if 10 * abs(matched - expected) > expected:
            raise TaskStateError(
                f"{matched:,} tasks match, which is more than 10 % off the expected {expected:,}: "
                "nothing was changed; look at what matches now, and ask again"
            )
        totals = _Totals()
        cursor: str | None = None
        while possible is not None and totals.seen < MAX_BULK:
            limit = min(BATCH, MAX_BULK - totals.seen)
            page = await self._manager.get_tasks(possible, limit=limit, cursor=cursor)
            await self._change(requester, wanted.action, page.items, totals)
            cursor = page.next_cursor
            if cursor is None:
                break
        return totals.answer(matched, more=cursor is not None)

    async def _possible(self, requester: Requester, wanted: BulkRequest) -> TaskFilter | None:
        # The policy is asked also where no task can fit: the answer does not depend on the status.
        visible = await self._access.narrowed(requester, wanted.tasks)
        return visible.among(wanted.action.statuses)

    async def _counts(self, possible: TaskFilter | None) -> Mapping[str, int]:
        return {} if possible is None else await self._manager.count_types(possible)

    async def _change(
        self, requester: Requester, action: BulkAction, infos: Sequence[Info], totals: "_Totals"
    ) -> None:
        visible = await self._judge.visible(requester, infos)
        allowed = [
            info for info in visible if await self._judge.may_do(action.command, requester, info)
        ]
        answers = await asyncio.gather(*(self._changed(action, info.id) for info in allowed))
        totals.seen += len(infos)
        totals.not_allowed += len(visible) - len(allowed)
        totals.done += sum(answers)
        totals.gone += len(answers) - sum(answers)

    async def _changed(self, action: BulkAction, task_id: UUID) -> bool:
        try:
            return await action.change(self._manager, task_id) not in NOTHING
        except (TaskStateError, TaskNotFoundError):
            return False


class _Totals:
    """What has been done so far."""

    def __init__(self) -> None:
        self.seen = self.done = self.not_allowed = self.gone = 0

    def answer(self, matched: int, more: bool) -> BulkAnswer:
        """The answer of which these are the numbers."""
        return BulkAnswer(
            matched=matched,
            done=self.done,
            not_allowed=self.not_allowed,
            gone=self.gone,
            more=more,
        )
