"""What an attempt opens by other ways than its worker's provider is closed with it. FAULTS 12."""

import asyncio
import gc
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from dependency_injector import containers, providers, resources
from dependency_injector.wiring import Closing, Provide, inject

from bgtasks import BackgroundTasksContainer, BackgroundWorker, background_task
from bgtasks import BackgroundTaskStatus as Status
from bgtasks.testing import FakeClock, run_worker
from tests.hosts.scripted import Context, Work

log: list[str] = []


def sync_session() -> Iterator[str]:
    log.append(f"open in {threading.current_thread() is threading.main_thread()}")
    yield "session"
    log.append(f"close in {threading.current_thread() is threading.main_thread()}")


async def async_session() -> AsyncIterator[str]:
    await asyncio.sleep(0)
    log.append("open")
    yield "session"
    await asyncio.sleep(0)
    log.append("close")


class SessionClass(resources.AsyncResource[str]):
    """A session as a class."""

    async def init(self) -> str:
        log.append("open")
        return "session"

    async def shutdown(self, _resource: str | None) -> None:
        log.append("close")


async def connection() -> AsyncIterator[str]:
    log.append("open connection")
    yield "connection"
    log.append("close connection")


async def on_connection(_connection: str) -> AsyncIterator[str]:
    log.append("open session")
    yield "session"
    log.append("close session")


class Base(BackgroundWorker[Work, None]):
    """Says what it works with."""

    def __init__(self, *_dependencies: object) -> None: ...

    def work(self, context: Context, session: object) -> None:
        assert session == "session"
        log.append("work")
        if context.task.text:
            raise ValueError(context.task.text)


class InExecute(Base):
    @inject
    async def execute(self, context: Context, session: str = Provide["session"]) -> None:
        self.work(context, session)


class InConstructor(Base):
    @inject
    def __init__(self, *_dependencies: object, session: Any = Provide["session"]) -> None:
        self.session = session

    async def execute(self, context: Context) -> None:
        waits = asyncio.isfuture(self.session)
        self.work(context, await self.session if waits else self.session)


@inject
async def helper(worker: Base, context: Context, session: str = Provide["session"]) -> None:
    worker.work(context, session)


class InHelper(Base):
    async def execute(self, context: Context) -> None:
        await helper(self, context)


class ByHand(Base):
    container: Any

    async def execute(self, context: Context) -> None:
        session = self.container.session()
        self.work(context, await session if asyncio.isfuture(session) else session)


class ClosesItself(Base):
    @inject
    async def execute(self, context: Context, session: str = Closing[Provide["session"]]) -> None:
        self.work(context, session)


class InThread(Base):
    @inject
    def execute(self, context: Context, session: str = Provide["session"]) -> None:
        self.work(context, session)


class Hidden(Base):
    """A decorator hides that this is a coroutine function, so it begins in a thread."""

    @inject
    def execute(self, context: Context, session: str = Provide["session"]) -> Any:
        return self.later(context, session)

    async def later(self, context: Context, session: str) -> None:
        await asyncio.sleep(0)
        self.work(context, session)


class Host(containers.DeclarativeContainer):
    session: providers.Provider[Any] = providers.Dependency()
    other: providers.Provider[Any] = providers.Dependency(default=providers.Object("other"))
    worker: providers.Provider[Any] = providers.Dependency()
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=providers.Configuration(default={"database": ":memory:"}),
        tasks=providers.List(background_task(Work, worker)),
        clock=providers.Singleton(FakeClock),
    )


@pytest.fixture(autouse=True)
def _empty_log() -> None:
    log.clear()


def hosted(worker: type[Base], session: Any, *needs: Any) -> Iterator[Any]:
    host: Any = Host(session=session, worker=providers.Factory(worker, *needs))
    ByHand.container = host
    host.wire(modules=[sys.modules[__name__]])
    try:
        yield host
    finally:
        host.unwire()


async def logged(worker: type[Base], session: Any, *needs: Any, text: str = "") -> list[str]:
    """What happened in two attempts."""
    for host in hosted(worker, session, *needs):
        for _ in range(2):
            info = (await run_worker(host.background_tasks, Work(text=text))).info
            assert (info.status, info.error_message) == (
                (Status.FAILED, text) if text else (Status.COMPLETED, None)
            )
    return log


@pytest.mark.parametrize("text", ["", "failed"])
@pytest.mark.parametrize("worker", [InExecute, InConstructor, InHelper, ByHand])
async def test_an_async_session_is_closed_with_its_attempt(worker: Any, text: str) -> None:
    session = providers.ContextLocalResource(async_session)
    assert await logged(worker, session, text=text) == ["open", "work", "close"] * 2


@pytest.mark.parametrize("worker", [InExecute, InConstructor, InHelper, ByHand])
async def test_a_sync_session_is_closed_with_its_attempt(worker: Any) -> None:
    session = providers.ContextLocalResource(sync_session)
    assert await logged(worker, session) == ["open in True", "work", "close in True"] * 2


async def test_a_session_of_a_class_is_closed_with_its_attempt() -> None:
    session = providers.ContextLocalResource(SessionClass)
    assert await logged(InExecute, session) == ["open", "work", "close"] * 2


@pytest.mark.parametrize("text", ["", "failed"])
async def test_what_a_sync_worker_opens_is_closed_in_its_thread(text: str) -> None:
    session = providers.ContextLocalResource(sync_session)
    assert await logged(InThread, session, text=text) == (
        ["open in False", "work", "close in False"] * 2
    )


async def test_what_an_awaitable_may_still_use_is_closed_after_it() -> None:
    session = providers.ContextLocalResource(sync_session)
    assert await logged(Hidden, session) == ["open in False", "work", "close in True"] * 2


@pytest.mark.parametrize("worker", [InExecute, InConstructor])
async def test_it_is_closed_beside_what_the_provider_has_opened(worker: Any) -> None:
    session = providers.ContextLocalResource(async_session)
    other = providers.ContextLocalResource(connection)
    assert sorted(await logged(worker, session, other)) == sorted(
        ["open connection", "open", "work", "close", "close connection"] * 2
    )


async def test_a_session_that_both_ways_lead_to_is_one_and_closed_once() -> None:
    session = providers.ContextLocalResource(async_session)
    assert await logged(InExecute, session, session) == ["open", "work", "close"] * 2


async def test_what_depends_on_another_is_closed_before_it() -> None:
    for _ in range(5):  # the order must not be a matter of luck
        log.clear()
        need = providers.ContextLocalResource(connection)
        session = providers.ContextLocalResource(on_connection, need)
        assert (
            await logged(InExecute, session)
            == [
                "open connection",
                "open session",
                "work",
                "close session",
                "close connection",
            ]
            * 2
        )


async def test_what_closes_by_itself_is_closed_once() -> None:
    session = providers.ContextLocalResource(async_session)
    assert await logged(ClosesItself, session) == ["open", "work", "close"] * 2


async def test_an_overriding_session_is_closed_too() -> None:
    for host in hosted(InExecute, providers.ContextLocalResource(sync_session)):
        await run_worker(host.background_tasks, Work())
        log.clear()
        with host.session.override(providers.ContextLocalResource(async_session)):
            await run_worker(host.background_tasks, Work())
    assert log == ["open", "work", "close"]


async def test_a_session_that_cannot_be_found_is_said(caplog: pytest.LogCaptureFixture) -> None:
    session = providers.ContextLocalResource(sync_session)
    for host in hosted(InExecute, session):
        gc.collect()
        gc.freeze()  # the collector knows nothing any more
        try:
            await run_worker(host.background_tasks, Work())
        finally:
            gc.unfreeze()
    assert "cannot be found" in caplog.text
