"""Tasks that were stored by an application which has changed since."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from attrs import frozen
from dependency_injector import containers, providers

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTaskManager,
    BackgroundTasksContainer,
    BackgroundTaskStatus,
    BackgroundWorker,
    BackgroundWorkerContext,
    background_task,
)


@frozen(kw_only=True)
class OldTask(BackgroundTaskBase):
    """As it was when it was handed in."""

    path: str


@frozen(kw_only=True)
class NewTask(BackgroundTaskBase):
    """As it is now: stored tasks lack what it needs."""

    source: str


@frozen(kw_only=True)
class AnotherTask(BackgroundTaskBase):
    """Something else."""


class Worker(BackgroundWorker[Any, Any]):
    async def execute(self, context: BackgroundWorkerContext[Any, Any]) -> None:
        context.report_status(f"done {context.task.type}")


def manager_of(
    database: Path, task_type: type[BackgroundTaskBase], name: str, **settings: Any
) -> BackgroundTaskManager:
    class Application(containers.DeclarativeContainer):
        config = providers.Configuration()
        background_tasks = providers.Container(
            BackgroundTasksContainer,
            config=config,
            tasks=providers.List(
                background_task(task_type, providers.Factory(Worker), type_name=name)
            ),
        )

    container = Application()
    container.config.from_dict({"database": str(database), **settings})
    manager: BackgroundTaskManager = container.background_tasks.manager()
    return manager


async def test_a_stored_task_that_cannot_be_read_has_failed_and_its_data_is_kept(
    tmp_path: Path,
) -> None:
    database = tmp_path / "tasks.db"
    async with manager_of(database, OldTask, "Copy", run_tasks=False) as manager:
        task_id = await manager.run_task(OldTask(path="/etc/hosts"))
    async with manager_of(database, NewTask, "Copy") as manager:
        info = await manager.wait_for(task_id, timeout=20)
        assert info.status is BackgroundTaskStatus.FAILED
        assert "NewTask cannot be read back" in (info.error_message or "")
        assert "source" in (info.error_message or "")
    with closing(sqlite3.connect(database)) as file:
        [[data]] = file.execute("SELECT data FROM tasks")
    assert json.loads(data)["path"] == "/etc/hosts"
    async with manager_of(database, OldTask, "Copy") as manager:  # the change was taken back
        assert await manager.retry_task(task_id)
        info = await manager.wait_for(task_id, timeout=20)
    assert (info.status, info.status_message) == (BackgroundTaskStatus.COMPLETED, "done OldTask")


async def test_a_stored_task_whose_type_is_gone_waits_and_runs_once_it_is_back(
    tmp_path: Path,
) -> None:
    database = tmp_path / "tasks.db"
    async with manager_of(database, OldTask, "Copy", run_tasks=False) as manager:
        task_id = await manager.run_task(OldTask(path="/etc/hosts"))
    async with manager_of(database, AnotherTask, "Another") as manager:
        async for waiting in manager.watch(task_id):
            assert waiting.status is BackgroundTaskStatus.PENDING
            if waiting.status_message != "Pending":
                break
        assert waiting.status_message == "Waiting: no worker is registered for Copy"
        await manager.wait_for(await manager.run_task(AnotherTask()), timeout=20)
        assert await manager.try_get_task(task_id) == waiting
    async with manager_of(database, OldTask, "Copy") as manager:
        info = await manager.wait_for(task_id, timeout=20)
    assert info.status is BackgroundTaskStatus.COMPLETED
