"""What a requester may see of the manager's tasks and do to them: the manager behind the policy."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from attrs import evolve

from bgtasks.core.task_details import TaskDetails
from bgtasks.core.task_filter import MAX_VALUES, TaskFilter
from bgtasks.core.task_log import TaskLog
from bgtasks.errors import (
    DuplicateTaskError,
    NotAllowedError,
    TaskNotFoundError,
    TaskStateError,
)
from bgtasks.manager import BackgroundTaskManager
from bgtasks.models import Attempt, BackgroundTaskInfo, BackgroundTaskStatus
from bgtasks.web.commands import ON_TASK, Command, commands_on
from bgtasks.web.judge import Judge, Owners
from bgtasks.web.listing import Listing, Page, PageRequest, TaskReader
from bgtasks.web.requester import Requester

__all__ = ["TaskAccess"]

Info = BackgroundTaskInfo[Any]


class TaskAccess:
    """The manager as one requester may see it; what the policy hides is not found."""

    def __init__(
        self,
        manager: BackgroundTaskManager,
        judge: Judge,
        reader: TaskReader | None = None,
    ) -> None:
        """``reader`` answers reads; the default is the manager."""
        self._manager = manager
        self._judge = judge
        self._reader = reader or manager

    async def page(self, requester: Requester, wanted: PageRequest) -> Page:
        """A page of visible tasks: see :meth:`Listing.page`."""
        return await (await self.listing(requester, wanted)).page()

    async def listing(self, requester: Requester, wanted: PageRequest) -> Listing:
        """The listing of what ``requester`` may see of what is ``wanted``. Raises NotAllowedError
        for whoever asks for arguments and may not see them."""
        if "arguments" in wanted.include:
            await self.check_may_see_arguments(requester)
        return Listing(
            self._reader,
            requester,
            evolve(wanted, tasks=await self._searchable(requester, wanted.tasks)),
            visible_owners=await self._judge.visible_owners(requester),
            is_predicate_alone=self._judge.only_can_view_knows,
            visible=self.visible,
        )

    async def count(
        self, requester: Requester, wanted: TaskFilter
    ) -> Mapping[BackgroundTaskStatus, int]:
        """How many of the tasks ``requester`` may see. Raises NotAllowedError where they cannot be
        counted, because only ``can_view`` knows which these are."""
        return await self._manager.count_tasks(await self.narrowed(requester, wanted))

    async def narrowed(self, requester: Requester, wanted: TaskFilter) -> TaskFilter:
        """The filter for those of the tasks that ``requester`` may see, by the policy's
        ``visible_owners``. Raises NotAllowedError where only ``can_view`` knows, and where they
        are told by arguments that ``requester`` may not see."""
        if self._judge.only_can_view_knows:
            raise NotAllowedError(
                "which tasks you may see is decided for each of them (can_view), so they cannot be "
                "counted; the application's policy can say it by visible_owners"
            )
        wanted = await self._searchable(requester, wanted)
        visible = await self._judge.visible_owners(requester)
        if visible is None:
            return wanted
        owners = wanted.query(1).owners
        may = visible if owners is None else [owner for owner in owners if owner in visible]
        if len(may) > MAX_VALUES:
            raise NotAllowedError(
                f"you may see the tasks of more than {MAX_VALUES} owners: they cannot be counted "
                "at once; name some of them"
            )
        return evolve(wanted, owner=may)

    async def _searchable(self, requester: Requester, wanted: TaskFilter) -> TaskFilter:
        """``wanted`` without a look into arguments that ``requester`` may not see."""
        if wanted.arguments:
            await self.check_may_see_arguments(requester)
        if wanted.q is None or await self._judge.may_see_arguments(requester):
            return wanted
        return evolve(wanted, in_arguments=False)

    async def check_may_see_arguments(self, requester: Requester) -> None:
        """Raise NotAllowedError for whoever may not see the arguments of tasks."""
        await self._judge.check_may_see_arguments(requester)

    async def details(self, requester: Requester, task_id: UUID) -> TaskDetails | None:
        """What is known of a task that ``requester`` can view, beside its snapshot; ``None`` for
        whoever may not see arguments."""
        if not await self._judge.may_see_arguments(requester):
            return None
        return await self._manager.try_get_details(task_id)

    async def find(self, requester: Requester, task_id: UUID) -> Info:
        """The whole task with this id. Raises TaskNotFoundError, also where the policy hides it."""
        info = await self._manager.try_get_task(task_id)
        if info is None or not await self._judge.may_view(requester, info):
            raise _not_found(task_id)
        return info

    async def whole(self, requester: Requester, info: Info) -> Info:
        """A task that ``requester`` may see, read again with its payload; the same if ``requester``
        can no longer see it."""
        newest = await self._reader.try_get_task(info.id)
        return newest if newest and await self._judge.may_view(requester, newest) else info

    async def find_all(self, requester: Requester, ids: Iterable[UUID]) -> list[Info]:
        """The existing tasks with these ids that ``requester`` may see, without large
        payloads."""
        return await self.visible(requester, await self._reader.find_tasks(ids))

    async def carry_out(
        self, command: Command, requester: Requester, name: Any, **given: str
    ) -> Any:
        """Do what ``command`` says to what has this ``name``, as ``command.on`` reads it; returns
        its newest state (of a task the snapshot, without a large payload).

        Raises NotAllowedError, and what says that it is not there, or that its state does not
        allow it.
        """
        if command.on is ON_TASK:
            return await self._change_task(command, requester, name)
        if not await self._judge.may_do(command, requester):
            raise NotAllowedError(
                f"you may not {command.name} {command.on.noun}s here; the application's policy can "
                f"allow it by {command.question}"
            )
        return await command.change(self._manager, name, **given)

    async def _change_task(self, command: Command, requester: Requester, task_id: UUID) -> Info:
        """Raises TaskNotFoundError, NotAllowedError, and TaskStateError where the task's status
        does not allow it."""
        info = await self._find(requester, task_id)
        if not await self._judge.may_do(command, requester, info):
            raise NotAllowedError(f"you may not {command.name} task {task_id}")
        try:
            changed: Info | None = await command.change(self._manager, task_id)
        except (TaskStateError, DuplicateTaskError) as error:
            raise await self._as_visible(requester, error) from error
        if changed is not None:
            if changed.id != task_id and not await self._judge.may_view(requester, changed):
                raise _key_is_held()
            return changed
        found = await self._manager.find_tasks([task_id])
        if not found:
            raise _not_found(task_id)
        raise TaskStateError(f"task {task_id} is {found[0].status} and cannot be {command.done}")

    async def _as_visible(
        self, requester: Requester, error: TaskStateError | DuplicateTaskError
    ) -> Exception:
        """Another task holds the key. Which one is told to those who may see it: where keys go
        across owners, it may be somebody else's."""
        if error.existing is None or await self.find_all(requester, [error.existing]):
            return error
        return _key_is_held()

    async def attempts(self, requester: Requester, task_id: UUID) -> Sequence[Attempt]:
        """The attempts of a task. Without tracebacks, places in the code and processes for whom
        the policy does not show errors. Raises TaskNotFoundError."""
        info = await self._find(requester, task_id)
        attempts = await self._manager.get_attempts(task_id)
        if await self._judge.may_view_errors(requester, info):
            return attempts
        return [attempt.for_viewers() for attempt in attempts]

    async def log(self, requester: Requester, task_id: UUID, after: int) -> TaskLog:
        """Lines of a task's log behind the number ``after``; those of ``logging`` only for whom the
        policy shows tracebacks. Raises TaskNotFoundError."""
        whole = await self.may_read_whole_log(requester, task_id)
        return await self._manager.get_logs(task_id, after, source=None if whole else "task")

    async def may_read_whole_log(self, requester: Requester, task_id: UUID) -> bool:
        """Whether ``requester`` may read what is for operators, too. Raises TaskNotFoundError."""
        info = await self._find(requester, task_id)
        return await self._judge.may_view_errors(requester, info)

    async def permissions(self, requester: Requester, task_id: UUID) -> dict[str, bool]:
        """What the policy lets ``requester`` do to a task, whatever its status allows: of the
        commands that one question allows, the first stands for all.

        Raises TaskNotFoundError.
        """
        info = await self._find(requester, task_id)
        asked = {command.question: command for command in reversed(commands_on(ON_TASK))}
        return {
            command.name: await self._judge.may_do(command, requester, info)
            for command in reversed(asked.values())
        }

    async def visible(self, requester: Requester, infos: Iterable[Info]) -> list[Info]:
        """Those of ``infos`` that ``requester`` may see, in the same order."""
        return await self._judge.visible(requester, infos)

    async def visible_owners(self, requester: Requester) -> Owners:
        """The owners whose tasks the policy may show; ``None``: all."""
        return await self._judge.visible_owners(requester)

    async def _find(self, requester: Requester, task_id: UUID) -> Info:
        """The task with this id, without a large payload, to decide on."""
        found = await self.find_all(requester, [task_id])
        if not found:
            raise _not_found(task_id)
        return found[0]


def _key_is_held() -> TaskStateError:
    return TaskStateError("another task with the same key is there: this one cannot run again")


def _not_found(task_id: UUID) -> TaskNotFoundError:
    return TaskNotFoundError(f"there is no task with id {task_id}")
