"""What a user writes, as mypy and pyright see it: only type-checked, never run.

Each ``type: ignore`` is a mistake that has to be found: an unused one is an error too.
"""

# pyright: strict

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path
from typing import Any, assert_type
from uuid import UUID

from attrs import frozen
from dependency_injector import containers, providers

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTaskInfo,
    BackgroundTaskManager,
    BackgroundTasksContainer,
    BackgroundTaskState,
    BackgroundTaskStatus,
    BackgroundWorker,
    BackgroundWorkerContext,
    BlockingTaskManager,
    CancellationToken,
    Retry,
    background_task,
)
from bgtasks.testing import WorkerRun, run_worker, running_manager


@frozen(kw_only=True)
class CopyTask(BackgroundTaskBase):
    source: Path
    destination: Path

    @property
    def display_name(self) -> str:
        return f"Copy {self.source.name}"


@frozen
class CopyProgress:
    copied_bytes: int
    total_bytes: int


class Session:
    async def save(self) -> None: ...


async def open_session() -> AsyncIterator[Session]:
    yield Session()


class CopyWorker(BackgroundWorker[CopyTask, CopyProgress]):
    def __init__(self, session: Session) -> None:
        self._session = session

    async def execute(self, context: BackgroundWorkerContext[CopyTask, CopyProgress]) -> None:
        assert_type(context.task, CopyTask)
        assert_type(context.task.source, Path)
        assert_type(context.state, BackgroundTaskState[CopyProgress])
        assert_type(context.state.payload, CopyProgress | None)
        assert_type(context.info, BackgroundTaskInfo[CopyProgress])
        assert_type(context.cancellation_token, CancellationToken)
        context.report_progress(42, "movie.mkv", payload=CopyProgress(1, 2))
        context.report_progress(42.0, None, payload=None)
        context.report_status("movie.mkv")
        context.set_payload(CopyProgress(1, 2))
        context.set_payload(None)
        context.set_status(BackgroundTaskStatus.COMPLETED, "done", error_message=None)
        context.set_status(BackgroundTaskStatus.RUNNING, payload=CopyProgress(1, 2))
        await self._session.save()


class CountingWorker(BackgroundWorker[CopyTask, CopyProgress, int]):
    async def execute(self, context: BackgroundWorkerContext[CopyTask, CopyProgress]) -> int:
        return 7


class CopyInThread(BackgroundWorker[CopyTask, CopyProgress]):
    def execute(self, context: BackgroundWorkerContext[CopyTask, CopyProgress]) -> None:
        context.cancellation_token.raise_if_cancellation_requested()
        assert_type(context.cancellation_token.wait(0.1), bool)


def mistakes(context: BackgroundWorkerContext[CopyTask, CopyProgress]) -> None:
    context.report_progress("42%")  # type: ignore[arg-type]
    context.report_progress(42, payload={"copied": 1})  # type: ignore[arg-type]
    context.report_progress(42, "x", CopyProgress(1, 2))  # type: ignore[call-arg]
    context.report_status(7)  # type: ignore[arg-type]
    context.set_payload("half")  # type: ignore[arg-type]
    context.set_status("Completed")  # type: ignore[arg-type]
    context.state.progress = 5.0  # type: ignore[misc]
    context.task.source = Path()  # type: ignore[misc]
    context.task.nothing  # type: ignore[attr-defined]  # noqa: B018
    CopyTask(source=Path())  # type: ignore[call-arg]
    CopyTask(source=Path(), destination=Path(), id="0193")  # type: ignore[arg-type]


class WrongTask(BackgroundWorker[CopyProgress, None]):  # type: ignore[type-var]
    async def execute(self, context: object) -> None: ...


class WrongContext(BackgroundWorker[CopyTask, CopyProgress]):
    async def execute(  # type: ignore[override]
        self, context: BackgroundWorkerContext[CopyTask, int]
    ) -> None: ...


class Application(containers.DeclarativeContainer):
    config = providers.Configuration()
    session = providers.ContextLocalResource(open_session)
    copy_worker = providers.Factory(CopyWorker, session)
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=config.background_tasks,
        tasks=providers.List(
            background_task(
                CopyTask, copy_worker, max_concurrency=2, retry=Retry(max_attempts=5), timeout=60
            ),
        ),
    )


tasks = Application().background_tasks()
assert_type(tasks.manager(), BackgroundTaskManager)
assert_type(tasks.blocking_manager(), BlockingTaskManager)
background_task(CopyProgress, Application.copy_worker)  # type: ignore[arg-type]
background_task(CopyTask, CopyWorker)  # type: ignore[arg-type]
background_task(
    CopyTask,
    Application.copy_worker,
    timeout="10 m",
    retry=None,
    cancellation="cooperative",
    max_concurrency=Application.config.copies.as_int(),
)
background_task(CopyTask, Application.copy_worker, timout=60)  # type: ignore[call-arg]
background_task(CopyTask, Application.copy_worker, max_concurrency="2")  # type: ignore[arg-type]
background_task(CopyTask, Application.copy_worker, cancellation="thread")  # type: ignore[arg-type]
background_task(CopyTask, Application.copy_worker, retry=3)  # type: ignore[arg-type]


async def hand_in(manager: BackgroundTaskManager, task: CopyTask, at: datetime) -> None:
    assert_type(await manager.run_task(task, owner="ann", delay=5, priority=1), UUID)
    assert_type(await manager.run_tasks([task], run_at=at), list[UUID])
    assert_type(await manager.cancel_task(task.id), bool)
    assert_type(await manager.retry_task(task.id), bool)
    info = await manager.try_get_task(task.id)
    assert info is not None
    assert_type(info.status, BackgroundTaskStatus)
    assert_type(info.completed_at, datetime | None)
    page = await manager.get_tasks(type="CopyTask", status="Failed", owner=None, cursor=None)
    assert_type(page.next_cursor, str | None)
    assert_type([item.id for item in page], list[UUID])
    async for update in manager.watch(task.id):
        assert_type(update.progress, float)
    await manager.run_task("copy")  # type: ignore[arg-type]
    await manager.cancel_task("0193")  # type: ignore[arg-type]
    await manager.run_task(task, "ann")  # type: ignore[call-arg]


async def what_a_worker_reports(manager: BackgroundTaskManager, task_id: UUID) -> None:
    assert_type(await manager.wait_for(task_id), BackgroundTaskInfo[Any])
    done = await manager.wait_for(task_id, "10 s", worker=CountingWorker)
    assert_type(done, BackgroundTaskInfo[CopyProgress, int])
    assert_type(done.payload, CopyProgress | None)
    assert_type(done.result, int | None)
    found = await manager.try_get_task(task_id, worker=CopyWorker)
    assert_type(found, BackgroundTaskInfo[CopyProgress, None] | None)
    async for update in manager.watch(task_id, worker=CountingWorker):
        assert_type(update.payload, CopyProgress | None)
    await manager.wait_for(task_id, worker=CopyTask)  # type: ignore[arg-type]


def listen(manager: BackgroundTaskManager) -> None:
    def on_update(info: BackgroundTaskInfo[CopyProgress]) -> None: ...

    async def on_update_later(info: BackgroundTaskInfo[CopyProgress]) -> None:
        await asyncio.sleep(0)

    assert_type(manager.task_updated.subscribe(on_update), Callable[[], None])
    manager.task_updated.subscribe(on_update_later)
    manager.task_updated.subscribe(lambda: None)  # type: ignore[arg-type, misc]


def in_a_thread(manager: BlockingTaskManager, task: CopyTask) -> UUID:
    task_id = manager.run_task(task)
    assert_type(manager.wait_for(task_id, 5).progress, float)
    assert_type(manager.wait_for(task_id, worker=CountingWorker).result, int | None)
    return task_id


async def test_it(container: BackgroundTasksContainer, task: CopyTask) -> None:
    assert_type(await run_worker(container, task), WorkerRun)
    run = await run_worker(
        container,
        task,
        cancel_when=lambda update: update.payload is not None and update.payload.copied_bytes > 1,
        worker=CountingWorker,
    )
    assert_type(run.info.result, int | None)
    assert_type(run.updates[0].payload, CopyProgress | None)
    async with running_manager(container) as manager:
        assert_type(manager, BackgroundTaskManager)
