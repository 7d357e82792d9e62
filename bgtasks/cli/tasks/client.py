"""What the commands ask of an application, however it is reached."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any, Protocol
from uuid import UUID

from bgtasks.models import AttemptFailure, BackgroundTaskInfo
from bgtasks.web.listing import TaskFilter

__all__ = ["Info", "TaskClient", "TaskFilter"]

Info = BackgroundTaskInfo[Any]


class TaskClient(Protocol):
    """The tasks of one application.

    Each method may raise CommandFailedError or BackendError where the application or its database
    gives no answer; those with an id TaskNotFoundError, and NotAllowedError where the
    application's policy says no.
    """

    async def list(self, wanted: TaskFilter) -> Sequence[Info]:
        """The newest ``wanted.limit`` tasks that fit, newest first. Raises QueryError."""

    async def get(self, task_id: UUID) -> Info:
        """The newest snapshot of a task."""

    async def failures(self, task_id: UUID) -> Sequence[AttemptFailure]:
        """How each attempt ended that failed or was interrupted, oldest first."""

    def watch(self, task_id: UUID) -> AsyncGenerator[Info, None]:
        """First what the task is now, then each newer snapshot, last its final one."""

    async def cancel(self, task_id: UUID) -> Info:
        """Ask for the end of a task; its snapshot then. Raises TaskStateError when it has ended."""

    async def retry(self, task_id: UUID) -> Info:
        """Have an ended task run again; its snapshot then. Raises TaskStateError unless it is
        Failed or Cancelled."""
