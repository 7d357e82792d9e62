"""The manager with ``connection=``, and whether it wants to hear of what others do."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from dependency_injector import providers

from bgtasks import (
    BackendError,
    BackgroundTaskBase,
    BackgroundTaskManager,
    BackgroundTasksContainer,
    BackgroundWorker,
    BackgroundWorkerContext,
    background_task,
)
from bgtasks.testing.conformance_types import QuickTask
from tests.hosts.scripted import backend_of, wanted_by

from .callers import alchemy_session

PATIENCE = 20


class QuickWorker(BackgroundWorker[QuickTask, Any]):
    """Has nothing to do."""

    async def execute(self, context: BackgroundWorkerContext[QuickTask, Any]) -> None:
        pass


def container_on(database: str) -> BackgroundTasksContainer:
    container = BackgroundTasksContainer(
        tasks=providers.List(background_task(QuickTask, providers.Factory(QuickWorker)))
    )
    container.config.from_dict({"database": database})
    return container


@pytest.fixture
async def manager(task_database: str) -> AsyncIterator[BackgroundTaskManager]:
    async with container_on(task_database).manager() as manager:
        yield manager


async def test_tasks_of_the_callers_transaction_run_after_its_commit(
    manager: BackgroundTaskManager, task_database: str
) -> None:
    async with alchemy_session(task_database) as caller:
        task_id = await manager.run_task(QuickTask(), connection=caller.connection)
        more = await manager.run_tasks([QuickTask(), QuickTask()], connection=caller.connection)
        assert (await manager.get_tasks()).items == ()
        await caller.commit()
    for item in [task_id, *more]:
        assert (await manager.wait_for(item, PATIENCE)).status == "Completed"


async def test_tasks_of_a_transaction_that_is_rolled_back_never_were(
    manager: BackgroundTaskManager, task_database: str
) -> None:
    connection = await asyncpg.connect(task_database)
    tasks: list[BackgroundTaskBase] = [QuickTask(), QuickTask()]
    transaction = connection.transaction()
    await transaction.start()
    await manager.run_task(QuickTask(), connection=connection)
    await manager.run_tasks(tasks, connection=connection)
    await transaction.rollback()
    await connection.close()
    done = await manager.wait_for(await manager.run_task(QuickTask()), PATIENCE)
    assert (await manager.get_tasks()).items == (done,)
    assert await manager.run_tasks(tasks) == [item.id for item in tasks]  # the ids are free


async def test_what_is_no_connection_is_refused(manager: BackgroundTaskManager) -> None:
    for run in (
        manager.run_task(QuickTask(), connection="me"),
        manager.run_tasks([QuickTask()], connection="me"),
    ):
        with pytest.raises(
            BackendError, match=r"connection is a builtins\.str; accepted: an asyncpg"
        ):
            await run
    assert (await manager.get_tasks()).items == ()


async def test_sqlite_takes_no_connection() -> None:
    async with container_on(":memory:").manager() as manager:
        with pytest.raises(BackendError, match=r"connection= was given.*postgresql://"):
            await manager.run_task(QuickTask(), connection=object())


async def test_others_are_listened_to_while_somebody_wants_to_know(
    task_database: str,
) -> None:
    container = container_on(task_database)
    wanted = wanted_by(backend_of(container))
    async with container.manager() as manager, container_on(task_database).manager() as other:
        assert not wanted()
        unsubscribe = manager.task_updated.subscribe(lambda _: None)
        assert wanted()
        unsubscribe()
        assert not wanted()
        waiting = await other.run_task(QuickTask(), delay=60)
        watch = manager.watch(waiting)
        assert (await anext(watch)).status == "Pending"
        assert wanted()
        assert await other.cancel_task(waiting)
        assert (await anext(watch)).status == "Cancelled"
        await watch.aclose()
        assert not wanted()
