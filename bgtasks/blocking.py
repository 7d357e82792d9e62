"""The manager for code that runs in a thread, such as sync request handlers."""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from typing import Any, Literal, TypeVar, Unpack, overload
from uuid import UUID

from bgtasks.core.durations import Duration
from bgtasks.core.query import NEWEST_FIRST, BackgroundTaskPage
from bgtasks.core.record import Sort
from bgtasks.core.submission import BlockingRunOptions, check_names
from bgtasks.core.task_details import TaskDetails
from bgtasks.core.task_filter import FilterOptions, TaskFilter
from bgtasks.core.task_log import TaskLog
from bgtasks.core.task_types import TypeInfo
from bgtasks.errors import ManagerStateError
from bgtasks.manager import BackgroundTaskManager
from bgtasks.models import (
    BackgroundTaskBase,
    BackgroundTaskInfo,
    BackgroundTaskStatus,
    BulkResult,
    ScheduleInfo,
    Submission,
)
from bgtasks.worker import TPayload, TResult, WorkerOf

__all__ = ["BlockingTaskManager"]

T = TypeVar("T")

LOOK_EVERY = 1.0
"""Seconds between two checks that the event loop still runs."""

ENDED = "the event loop of the manager has ended before the answer"


class BlockingTaskManager:
    """Calls a manager that runs on an event loop in another thread, and waits for the result.

    Use this class in ``def`` handlers, which Starlette and FastAPI run in threads:
    ``container.background_tasks().blocking_manager()``. Each method takes, returns and raises the
    same as its namesake of :class:`~bgtasks.BackgroundTaskManager`. Called on the event loop,
    which the wait would block, each raises ManagerStateError. There is no ``connection``
    argument: the caller's connection would have to belong to that event loop.
    """

    def __init__(self, manager: BackgroundTaskManager) -> None:
        self._manager = manager

    def run_task(self, task: BackgroundTaskBase, **options: Unpack[BlockingRunOptions]) -> UUID:
        """Accept ``task`` and return its id. By then the task is durable and will be run."""
        check_names(options, BlockingRunOptions.__optional_keys__)
        return self._call(self._manager.run_task(task, **options))

    def submit(self, task: BackgroundTaskBase, **options: Unpack[BlockingRunOptions]) -> Submission:
        """Accept ``task``; says whether it was accepted, or which task holds its key."""
        check_names(options, BlockingRunOptions.__optional_keys__)
        return self._call(self._manager.submit(task, **options))

    def run_tasks(
        self, tasks: Iterable[BackgroundTaskBase], **options: Unpack[BlockingRunOptions]
    ) -> list[UUID]:
        """Accept several tasks, all or none."""
        check_names(options, BlockingRunOptions.__optional_keys__)
        return self._call(self._manager.run_tasks(tasks, **options))

    def cancel_task(self, task_id: UUID) -> bool:
        """Request cancellation of a task; returns whether there was something to cancel."""
        return self._call(self._manager.cancel_task(task_id))

    def retry_task(self, task_id: UUID) -> bool:
        """Run a failed or cancelled task again; ``False`` if it is neither."""
        return self._call(self._manager.retry_task(task_id))

    @overload
    def try_get_task(self, task_id: UUID) -> BackgroundTaskInfo[Any] | None: ...
    @overload
    def try_get_task(
        self, task_id: UUID, *, worker: WorkerOf[TPayload, TResult]
    ) -> BackgroundTaskInfo[TPayload, TResult] | None: ...
    def try_get_task(
        self, task_id: UUID, *, worker: WorkerOf[Any, Any] | None = None
    ) -> BackgroundTaskInfo[Any] | None:
        """The newest snapshot of a task; ``None`` if there is no such task."""
        if worker is None:
            return self._call(self._manager.try_get_task(task_id))
        return self._call(self._manager.try_get_task(task_id, worker=worker))

    def try_get_details(self, task_id: UUID) -> TaskDetails | None:
        """The arguments of a task, and what else its snapshot does not have."""
        return self._call(self._manager.try_get_details(task_id))

    def get_tasks(
        self,
        filter: TaskFilter | None = None,  # noqa: A002 - as all that take one call it
        *,
        limit: int = 50,
        cursor: str | None = None,
        payloads: bool = False,
        sort: Sort = NEWEST_FIRST,
        **options: Unpack[FilterOptions],
    ) -> BackgroundTaskPage:
        """A page of tasks, newest accepted first."""
        return self._call(
            self._manager.get_tasks(
                filter, limit=limit, cursor=cursor, payloads=payloads, sort=sort, **options
            )
        )

    def get_types(self) -> Sequence[TypeInfo]:
        """The types that are registered here or have tasks."""
        return self._call(self._manager.get_types())

    def pause(self, type_name: str, reason: str | None = None) -> TypeInfo:
        """Start nothing of a type from now on, in any process."""
        return self._call(self._manager.pause(type_name, reason))

    def resume(self, type_name: str) -> TypeInfo:
        """Start tasks of a type again."""
        return self._call(self._manager.resume(type_name))

    def cancel_tasks(
        self,
        filter: TaskFilter | None = None,  # noqa: A002 - as all that take one call it
        **options: Unpack[FilterOptions],
    ) -> BulkResult:
        """Ask for the end of all tasks that fit and are not final."""
        return self._call(self._manager.cancel_tasks(filter, **options))

    def retry_tasks(
        self,
        filter: TaskFilter | None = None,  # noqa: A002 - as all that take one call it
        **options: Unpack[FilterOptions],
    ) -> BulkResult:
        """Run all tasks again that fit and have failed or were cancelled."""
        return self._call(self._manager.retry_tasks(filter, **options))

    def delete_tasks(
        self,
        filter: TaskFilter | None = None,  # noqa: A002 - as all that take one call it
        **options: Unpack[FilterOptions],
    ) -> BulkResult:
        """Drop all final tasks that fit."""
        return self._call(self._manager.delete_tasks(filter, **options))

    def run_again(self, task_id: UUID, arguments: Mapping[str, Any] | None = None) -> UUID:
        """Submit a new task with the arguments of a task; returns the new id."""
        return self._call(self._manager.run_again(task_id, arguments))

    def delete_task(self, task_id: UUID) -> None:
        """Drop a final task."""
        self._call(self._manager.delete_task(task_id))

    def count_tasks(
        self,
        filter: TaskFilter | None = None,  # noqa: A002 - as all that take one call it
        **options: Unpack[FilterOptions],
    ) -> Mapping[BackgroundTaskStatus, int]:
        """How many tasks there are in each status that is asked for, exactly."""
        return self._call(self._manager.count_tasks(filter, **options))

    def get_logs(
        self, task_id: UUID, after: int = 0, *, source: Literal["task"] | None = None
    ) -> TaskLog:
        """The log of a task behind the line with the number ``after``."""
        return self._call(self._manager.get_logs(task_id, after, source=source))

    @overload
    def wait_for(
        self, task_id: UUID, timeout: Duration | None = None
    ) -> BackgroundTaskInfo[Any]: ...
    @overload
    def wait_for(
        self,
        task_id: UUID,
        timeout: Duration | None = None,
        *,
        worker: WorkerOf[TPayload, TResult],
    ) -> BackgroundTaskInfo[TPayload, TResult]: ...
    def wait_for(
        self,
        task_id: UUID,
        timeout: Duration | None = None,
        *,
        worker: WorkerOf[Any, Any] | None = None,
    ) -> BackgroundTaskInfo[Any]:
        """Wait until a task is final; returns its final snapshot."""
        if worker is None:
            return self._call(self._manager.wait_for(task_id, timeout))
        return self._call(self._manager.wait_for(task_id, timeout, worker=worker))

    def get_schedules(self) -> list[ScheduleInfo]:
        """All stored schedules, in the order of their names."""
        return self._call(self._manager.get_schedules())

    def run_schedule(self, name: str) -> UUID:
        """Submit a task of a schedule now; returns its id."""
        return self._call(self._manager.run_schedule(name))

    def pause_schedule(self, name: str) -> ScheduleInfo:
        """Let no tick of a schedule submit a task until it is resumed."""
        return self._call(self._manager.pause_schedule(name))

    def resume_schedule(self, name: str) -> ScheduleInfo:
        """Go on with a paused schedule at its next tick."""
        return self._call(self._manager.resume_schedule(name))

    def _call(self, question: Coroutine[Any, Any, T]) -> T:
        loop = self._manager.event_loop
        if loop is None or _runs_here(loop):
            question.close()
            raise ManagerStateError(
                "the manager is not running: start it with the application's lifespan"
                if loop is None
                else "the blocking manager was called on the event loop, which it would stop: "
                "await container.background_tasks().manager() there"
            )
        if loop.is_closed():
            question.close()
            raise ManagerStateError(ENDED)
        return _answer(asyncio.run_coroutine_threadsafe(question, loop), loop)


def _answer(answer: "Future[T]", loop: asyncio.AbstractEventLoop) -> T:
    """Wait for the result, unless the event loop ended without a stop of the manager."""
    while True:
        try:
            return answer.result(LOOK_EVERY)
        except CancelledError:
            raise ManagerStateError(ENDED) from None
        except TimeoutError:
            if answer.done():
                return answer.result()  # may raise the TimeoutError of the call itself
            if loop.is_closed():
                raise ManagerStateError(ENDED) from None


def _runs_here(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
