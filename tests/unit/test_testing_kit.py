"""``run_worker`` and ``running_manager``: what a worker's author tests with."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from attrs import frozen
from dependency_injector import containers, providers

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTasksContainer,
    BackgroundTaskStatus,
    BackgroundWorker,
    BackgroundWorkerContext,
    ManagerStateError,
    background_task,
)
from bgtasks.testing import FakeClock, run_worker, running_manager
from tests.hosts.scripted import PATIENCE, Context, Gate, Work, container_for, done, run_to_end


@frozen(kw_only=True)
class CopyTask(BackgroundTaskBase):
    """The documentation's example."""

    source: Path
    destination: Path


class Session:
    """What a real worker would write to."""

    async def write(self, path: Path) -> None:
        raise ConnectionError("no database in a unit test")


class FakeSession(Session):
    def __init__(self) -> None:
        self.written: list[Path] = []

    async def write(self, path: Path) -> None:
        self.written.append(path)


async def open_session() -> AsyncIterator[Session]:
    yield Session()


class CopyWorker(BackgroundWorker[CopyTask, None]):
    def __init__(self, session: Session) -> None:
        self._session = session

    async def execute(self, context: BackgroundWorkerContext[CopyTask, None]) -> None:
        context.report_progress(0)
        await self._session.write(context.task.source)
        context.report_progress(50)
        await self._session.write(context.task.destination)
        context.report_progress(100)


class Application(containers.DeclarativeContainer):
    session = providers.ContextLocalResource(open_session)
    copy_worker = providers.Factory(CopyWorker, session)
    background_tasks = providers.Container(
        BackgroundTasksContainer, tasks=providers.List(background_task(CopyTask, copy_worker))
    )


async def test_a_worker_with_overridden_providers_is_tested_in_ten_lines() -> None:
    container = Application()
    task = CopyTask(source=Path("a"), destination=Path("b"))
    session = FakeSession()
    with container.session.override(providers.Object(session)):
        run = await run_worker(container.background_tasks, task)
    assert run.info.status is BackgroundTaskStatus.COMPLETED
    assert [update.progress for update in run.updates] == [0, 50, 100]
    assert session.written == [Path("a"), Path("b")]


async def test_it_opens_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    container = Application()
    run = await run_worker(
        container.background_tasks, CopyTask(source=Path("a"), destination=Path("b"))
    )
    assert isinstance(run.error, ConnectionError)
    assert await asyncio.to_thread(lambda: list(tmp_path.iterdir())) == []


async def test_every_report_is_an_update_with_a_revision_of_its_own() -> None:
    async def script(context: Context) -> None:
        context.report_progress(10.0)
        context.report_status("half")
        context.set_payload({"n": 1})

    run = await run_worker(container_for(script), Work())
    seen = [(item.progress, item.status_message, item.payload) for item in run.updates]
    assert seen == [
        (0.0, None, None),
        (10.0, None, None),
        (10.0, "half", None),
        (10.0, "half", {"n": 1}),
        (100.0, "half", {"n": 1}),
    ]
    revisions = [item.revision for item in run.updates]
    assert revisions == sorted(set(revisions))
    assert run.updates[-1] == run.info


async def test_a_worker_that_reports_nothing_has_a_start_and_an_end() -> None:
    run = await run_worker(container_for(done), Work())
    assert [item.status for item in run.updates] == ["Running", "Completed"]


async def test_a_manager_for_a_test_keeps_nothing_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    container = container_for(done)
    container.config.from_dict({"database": "tasks.db", "stop_grace": 5})
    before = container.manager()
    async with running_manager(container) as manager:
        assert container.manager() is manager
        assert (await run_to_end(manager, Work())).status is BackgroundTaskStatus.COMPLETED
    assert await asyncio.to_thread(lambda: list(tmp_path.iterdir())) == []
    assert container.settings().database == "tasks.db"
    assert container.manager() not in (manager, before)


async def test_a_manager_for_a_test_stops_at_once_though_a_worker_still_runs() -> None:
    gate, clock = Gate(), FakeClock()
    container = container_for(gate)
    async with running_manager(container, clock=clock) as manager:
        await manager.run_task(Work())
        await gate.begun.wait()
    with pytest.raises(ManagerStateError):
        await manager.get_tasks()
    assert clock.monotonic() < 60


async def test_a_manager_for_a_test_runs_on_the_clock_it_is_given() -> None:
    clock = FakeClock()
    async with running_manager(container_for(done), clock=clock) as manager:
        task_id = await manager.run_task(Work(), delay=3600)
        clock.advance(3600)
        info = await manager.wait_for(task_id, PATIENCE)
        assert info.started_at == clock.now()
