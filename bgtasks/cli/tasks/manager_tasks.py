"""The tasks of an application, reached through its database."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from uuid import UUID

import attrs
from dependency_injector import providers

from bgtasks.cli.target import registrations
from bgtasks.cli.tasks.client import BulkOutcome, FailureRange, Info, PageRequest, TaskClient
from bgtasks.cli.usage import UsageError
from bgtasks.core.task_details import TaskDetails
from bgtasks.core.task_filter import TaskFilter
from bgtasks.core.task_log import TaskLog
from bgtasks.core.task_types import TypeInfo
from bgtasks.errors import QueryError, TaskNotFoundError, TaskStateError
from bgtasks.manager import BackgroundTaskManager
from bgtasks.manager.again import new_task
from bgtasks.models import (
    Attempt,
    BackgroundTaskBase,
    BackgroundTaskStatus,
    FailureFacet,
    FailureGroup,
    ProcessInfo,
    ScheduleInfo,
    Stats,
)
from bgtasks.settings import Settings
from bgtasks.web.bulk.action import ACTIONS
from bgtasks.web.encoded_task import without

__all__ = ["ManagerTasks", "open_manager_tasks"]


MakeTask = Callable[[str, Mapping[str, Any]], BackgroundTaskBase]
"""Makes a task of the name of its type and its arguments."""


class ManagerTasks:
    """A :class:`TaskClient` over a started manager. No policy is asked: access to the database
    permits everything."""

    def __init__(
        self,
        manager: BackgroundTaskManager,
        make_task: MakeTask | None = None,
    ) -> None:
        """``make_task`` makes the tasks that are submitted; without it there are none."""
        self._manager = manager
        self._make_task = make_task

    async def list(self, wanted: PageRequest) -> Sequence[Info]:
        page = await self._manager.get_tasks(
            wanted.tasks,
            limit=wanted.limit,
            cursor=wanted.cursor,
            payloads="payload" in wanted.include,
            sort=wanted.sort,
        )
        if "payload" in wanted.include:
            return page.items
        return [without(info, ["payload"]) for info in page.items]  # as over HTTP

    async def count(self, wanted: TaskFilter) -> Mapping[BackgroundTaskStatus, int]:
        return await self._manager.count_tasks(wanted)

    async def get(self, task_id: UUID) -> Info:
        info = await self._manager.try_get_task(task_id)
        if info is None:
            raise TaskNotFoundError(f"there is no task with id {task_id}")
        return info

    async def get_with_details(self, task_id: UUID) -> tuple[Info, TaskDetails | None]:
        return await self.get(task_id), await self._manager.try_get_details(task_id)

    async def attempts(self, task_id: UUID) -> Sequence[Attempt]:
        return await self._manager.get_attempts(task_id)

    async def log(self, task_id: UUID, after: int) -> TaskLog:
        await self.get(task_id)
        return await self._manager.get_logs(task_id, after)

    def watch(self, task_id: UUID) -> AsyncGenerator[Info, None]:
        return self._manager.watch(task_id)

    async def cancel(self, task_id: UUID) -> Info:
        return await self._change(task_id, self._manager.cancel_task, "cancelled")

    async def stats(self) -> Stats:
        return await self._manager.get_stats()

    async def processes(self) -> Sequence[ProcessInfo]:
        return await self._manager.get_processes()

    async def failures(self, wanted: FailureRange) -> Sequence[FailureGroup]:
        return await self._manager.get_failures(wanted.start, wanted.end, type=wanted.type_name)

    async def failure_facets(
        self, group: str, by: str, wanted: FailureRange
    ) -> Sequence[FailureFacet]:
        return await self._manager.get_failure_facets(
            group, by, wanted.start, wanted.end, type=wanted.type_name
        )

    async def types(self) -> Sequence[TypeInfo]:
        return await self._manager.get_types()

    async def pause(self, type_name: str, reason: str | None) -> TypeInfo:
        return await self._manager.pause(type_name, reason)

    async def resume(self, type_name: str) -> TypeInfo:
        return await self._manager.resume(type_name)

    async def schedules(self) -> Sequence[ScheduleInfo]:
        return await self._manager.get_schedules()

    async def run_schedule(self, name: str) -> ScheduleInfo:
        task_id = await self._manager.run_schedule(name)
        return attrs.evolve(await self._manager.get_schedule(name), last_task=task_id)

    async def pause_schedule(self, name: str) -> ScheduleInfo:
        return await self._manager.pause_schedule(name)

    async def resume_schedule(self, name: str) -> ScheduleInfo:
        return await self._manager.resume_schedule(name)

    async def retry(self, task_id: UUID) -> Info:
        return await self._change(task_id, self._manager.retry_task, "retried")

    async def run(self, type_name: str, arguments: Mapping[str, Any], owner: str | None) -> UUID:
        if self._make_task is None:
            raise UsageError("no types of tasks are registered here")
        try:
            task = self._make_task(type_name, arguments)
        except QueryError as error:
            raise UsageError(str(error)) from None
        return await self._manager.run_task(task, owner=owner)

    async def run_again(self, task_id: UUID) -> Info:
        return await self.get(await self._manager.run_again(task_id))

    async def delete(self, task_id: UUID) -> Info:
        info = await self.get(task_id)
        await self._manager.delete_task(task_id)
        return info

    async def matching(self, action: str, wanted: TaskFilter) -> Mapping[str, int]:
        possible = wanted.among(ACTIONS[action].statuses)
        return {} if possible is None else await self._manager.count_types(possible)

    async def change_all(self, action: str, wanted: TaskFilter, expected: int) -> BulkOutcome:  # noqa: ARG002
        changes = {
            "cancel": self._manager.cancel_tasks,
            "retry": self._manager.retry_tasks,
            "delete": self._manager.delete_tasks,
        }
        result = await changes[action](wanted)
        return BulkOutcome(matched=result.matched, done=result.done, gone=result.gone)

    async def _change(
        self, task_id: UUID, change: Callable[[UUID], Awaitable[bool]], done: str
    ) -> Info:
        changed = await change(task_id)
        info = await self.get(task_id)
        if not changed:
            raise TaskStateError(f"task {task_id} is {info.status} and cannot be {done}")
        return info


@asynccontextmanager
async def open_manager_tasks(container: Any, target: str) -> AsyncGenerator[TaskClient, None]:
    """The tasks in the PostgreSQL database of ``container``, a BackgroundTasksContainer that the
    command line named as ``target``.

    Raises UsageError for an embedded database, which belongs to the running application.
    """
    registrations(container, target)  # says in words what cannot be registered
    settings: Settings = container.settings()
    if "://" not in settings.database:
        raise UsageError(
            f"the database of {target!r} is {settings.database!r}, an embedded one, which the "
            f"running application owns: give --url with the address where it mounts background "
            f"tasks, such as http://127.0.0.1:8000/background-tasks; or, if the database is set "
            f"elsewhere, name a container that has been given its configuration"
        )
    visitor = attrs.evolve(settings, run_tasks=False)
    with container.settings.override(providers.Object(visitor)):
        manager: BackgroundTaskManager = container.manager()
        manager.configure(visitor, visits=True)
        async with manager:
            yield ManagerTasks(manager, partial(new_task, container.registry(), container.codec()))
