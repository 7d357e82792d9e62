"""``current_manager``: a worker gets the manager that runs it, to submit tasks of its own."""

import asyncio
import contextvars
from typing import Any

import pytest
from dependency_injector import containers, providers

from bgtasks import (
    BackgroundTaskManager,
    BackgroundTasksContainer,
    BackgroundTaskStatus,
    BackgroundWorker,
    BlockingTaskManager,
    ManagerStateError,
    background_task,
    current_manager,
)
from bgtasks.testing import run_worker, running_manager
from tests.hosts.scripted import (
    Context,
    OtherWork,
    Work,
    container_for,
    done,
    run_to_end,
    worker_of,
)

COMPLETED = BackgroundTaskStatus.COMPLETED


class Submitting(BackgroundWorker[Work, Any]):
    """Submits another task."""

    def __init__(self, manager: BackgroundTaskManager) -> None:
        self._manager = manager

    async def execute(self, context: Context) -> None:
        task_id = await self._manager.run_task(OtherWork(), owner=context.info.owner)
        context.set_payload(str(task_id))


class SubmittingInThread(BackgroundWorker[Work, Any]):
    """The same in a thread."""

    def __init__(self, manager: BlockingTaskManager) -> None:
        self._manager = manager

    def execute(self, context: Context) -> None:
        context.set_payload(str(self._manager.run_task(OtherWork(), owner=context.info.owner)))


class Application(containers.DeclarativeContainer):
    """A host whose worker is declared before the container of background tasks."""

    task_manager = providers.Callable(current_manager)
    worker = providers.Factory(Submitting, manager=task_manager)
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        tasks=providers.List(
            background_task(Work, worker), background_task(OtherWork, worker_of(done))
        ),
    )


async def submits_another_task(application: Any) -> None:
    async with running_manager(application.background_tasks) as manager:
        info = await manager.wait_for(await manager.run_task(Work(), owner="ann"))
        assert info.status is COMPLETED, info.error_message
        (other,) = (await manager.get_tasks(type="OtherWork", owner="ann")).items
        assert info.payload == str(other.id)


async def test_a_worker_is_given_the_manager_that_runs_it() -> None:
    await submits_another_task(Application())


async def test_a_worker_in_a_thread_is_given_one_that_waits() -> None:
    application = Application()
    manager = providers.Factory(BlockingTaskManager, application.task_manager)
    application.worker.override(providers.Factory(SubmittingInThread, manager=manager))
    await submits_another_task(application)


async def test_all_that_a_worker_calls_knows_the_manager() -> None:
    seen: list[BackgroundTaskManager] = []

    async def look() -> None:
        seen.append(current_manager())

    async def script(_: Context) -> None:
        seen.append(current_manager())
        await asyncio.create_task(look())
        seen.append(await asyncio.to_thread(current_manager))

    async with running_manager(container_for(script)) as manager:
        assert (await run_to_end(manager, Work())).status is COMPLETED
    assert seen == [manager] * 3


async def test_a_sync_worker_knows_the_manager_in_its_thread() -> None:
    seen: list[BackgroundTaskManager] = []
    container = container_for(lambda _: seen.append(current_manager()))
    async with running_manager(container) as manager:
        assert (await run_to_end(manager, Work())).status is COMPLETED
    assert seen == [manager]


async def test_of_two_managers_each_is_known_to_its_own_attempts() -> None:
    seen: list[BackgroundTaskManager] = []

    async def script(_: Context) -> None:
        seen.append(current_manager())

    async with (
        running_manager(container_for(script)) as first,
        running_manager(container_for(script)) as second,
    ):
        for manager in (first, second, first):
            assert (await run_to_end(manager, Work())).status is COMPLETED
    assert seen == [first, second, first]


async def test_attempts_share_nothing_else_of_their_contexts() -> None:
    mark: contextvars.ContextVar[str] = contextvars.ContextVar("mark", default="")
    seen: list[str] = []

    async def script(context: Context) -> None:
        seen.append(mark.get())
        mark.set(context.task.text)

    mark.set("the test's")
    async with running_manager(container_for(script)) as manager:
        for text in ("a", "b"):
            await run_to_end(manager, Work(text=text))
    assert seen == ["", ""]


async def test_outside_of_an_attempt_it_says_what_to_do() -> None:
    async with running_manager(container_for(done)):
        with pytest.raises(ManagerStateError, match=r"background_tasks\(\)\.manager\(\)"):
            current_manager()


async def test_in_run_worker_it_says_how_to_override_it() -> None:
    application = Application()
    run = await run_worker(application.background_tasks, Work())
    assert isinstance(run.error, ManagerStateError)
    assert "container.task_manager.override(providers.Object(fake))" in str(run.error)


async def test_in_run_worker_a_fake_takes_its_place() -> None:
    class Fake:
        async def run_task(self, task: Any, owner: str | None = None) -> str:
            return f"{type(task).__name__} of {owner}"

    application = Application()
    with application.task_manager.override(providers.Object(Fake())):
        run = await run_worker(application.background_tasks, Work(), owner="ann")
    assert run.info.payload == "OtherWork of ann"
