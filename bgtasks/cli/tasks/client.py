"""What the commands need from an application, over HTTP or over its database."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from attrs import frozen

from bgtasks.core.task_details import TaskDetails
from bgtasks.core.task_filter import TaskFilter
from bgtasks.core.task_log import TaskLog
from bgtasks.core.task_types import TypeInfo
from bgtasks.models import (
    Attempt,
    BackgroundTaskInfo,
    BackgroundTaskStatus,
    FailureFacet,
    FailureGroup,
    ProcessInfo,
    ScheduleInfo,
    Stats,
)
from bgtasks.web.listing import PageRequest

__all__ = ["BulkOutcome", "FailureRange", "Info", "PageRequest", "TaskClient"]

Info = BackgroundTaskInfo[Any]


@frozen(kw_only=True)
class BulkOutcome:
    """What became of the ``matched`` tasks: ``done``, ``not_allowed`` by the policy, or ``gone``,
    which had moved on or whose key another task holds. ``error`` is why the rest was left."""

    matched: int
    done: int
    not_allowed: int = 0
    gone: int = 0
    error: str | None = None


@frozen(kw_only=True)
class FailureRange:
    """Which failures: from ``start`` on (``None``: a day ago) and before ``end``, of all types or
    of one."""

    start: datetime | None = None
    end: datetime | None = None
    type_name: str | None = None


class TaskClient(Protocol):
    """The tasks of one application.

    Each method may raise CommandFailedError or BackendError if the application or its database
    does not answer. Methods with an id may raise TaskNotFoundError, and NotAllowedError if the
    application's policy refuses.
    """

    async def list(self, wanted: PageRequest) -> Sequence[Info]:
        """The newest ``wanted.limit`` tasks that fit, newest first. Raises QueryError."""

    async def count(self, wanted: TaskFilter) -> Mapping[BackgroundTaskStatus, int]:
        """How many tasks there are in each status that is asked for. Raises QueryError."""

    async def get(self, task_id: UUID) -> Info:
        """The newest snapshot of a task."""

    async def get_with_details(self, task_id: UUID) -> tuple[Info, TaskDetails | None]:
        """The same, and what is known beside it; ``None`` where that may not be seen."""

    async def attempts(self, task_id: UUID) -> Sequence[Attempt]:
        """The attempts of a task, oldest first."""

    async def log(self, task_id: UUID, after: int) -> TaskLog:
        """At most 1,000 lines of a task's log behind the number ``after``."""

    def watch(self, task_id: UUID) -> AsyncGenerator[Info, None]:
        """The present snapshot first, then each newer one, the final one last."""

    async def cancel(self, task_id: UUID) -> Info:
        """Request cancellation; returns the snapshot after it. Raises TaskStateError if final."""

    async def stats(self) -> Stats:
        """How things are now."""

    async def processes(self) -> Sequence[ProcessInfo]:
        """The processes that share the tasks."""

    async def failures(self, wanted: FailureRange) -> Sequence[FailureGroup]:
        """Which failures there are, those first of which most tasks are still failed. Raises
        QueryError."""

    async def failure_facets(
        self, group: str, by: str, wanted: FailureRange
    ) -> Sequence[FailureFacet]:
        """What the tasks of a failure have in common. Raises QueryError."""

    async def types(self) -> Sequence[TypeInfo]:
        """All types of tasks."""

    async def pause(self, type_name: str, reason: str | None) -> TypeInfo:
        """Start nothing of a type; how it is then. Raises UnregisteredTaskError."""

    async def resume(self, type_name: str) -> TypeInfo:
        """Start its tasks again; how it is then. Raises UnregisteredTaskError."""

    async def schedules(self) -> Sequence[ScheduleInfo]:
        """All schedules, in the order of their names."""

    async def run_schedule(self, name: str) -> ScheduleInfo:
        """Submit a task of a schedule now; the schedule, with the task as ``last_task``. Raises
        ScheduleNotFoundError."""

    async def pause_schedule(self, name: str) -> ScheduleInfo:
        """Let no tick of a schedule count; how it is then. Raises ScheduleNotFoundError."""

    async def resume_schedule(self, name: str) -> ScheduleInfo:
        """Let its ticks count again; how it is then. Raises ScheduleNotFoundError."""

    async def retry(self, task_id: UUID) -> Info:
        """Run a task again; returns the snapshot after it. Raises TaskStateError unless the task is
        Failed or Cancelled."""

    async def run(self, type_name: str, arguments: Mapping[str, Any], owner: str | None) -> UUID:
        """Submit a new task; returns its id. Raises UsageError for arguments that make none, and
        where the application takes none from here."""

    async def run_again(self, task_id: UUID) -> Info:
        """Submit a new task with the arguments of a task; returns the new one. Raises
        TaskStateError where another task holds its key."""

    async def delete(self, task_id: UUID) -> Info:
        """Drop a final task; returns it as it was last. Raises TaskStateError unless final."""

    async def matching(self, action: str, wanted: TaskFilter) -> Mapping[str, int]:
        """How many tasks of each type ``change_all`` would change. Raises QueryError."""

    async def change_all(self, action: str, wanted: TaskFilter, expected: int) -> BulkOutcome:
        """Cancel, retry or delete all tasks that fit. Raises TaskStateError where the application
        finds ``expected`` far off, and QueryError."""
