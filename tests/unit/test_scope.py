"""Each attempt has dependencies of its own, and they are closed whatever happens."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from dependency_injector import containers, providers

from bgtasks import BackgroundTasksContainer, BackgroundWorker, background_task
from bgtasks import BackgroundTaskStatus as Status
from bgtasks.testing import FakeClock, run_worker
from tests.hosts.scripted import Context, Work, container_of, running


class Session:
    """Something to be closed."""

    def __init__(self, log: list[str], name: str = "session", fails: bool = False) -> None:
        self.log, self.name, self.fails = log, name, fails
        self.closed = False
        log.append(f"open {name}")

    def close(self) -> None:
        assert not self.closed, "closed twice"
        self.closed = True
        self.log.append(f"close {self.name}")
        if self.fails:
            raise OSError(f"{self.name} was not committed")


class SessionWorker(BackgroundWorker[Work, None]):
    """Does with its session what the task says."""

    seen: list[Session]

    def __init__(self, session: Session, *others: Session) -> None:
        self.session, self.others = session, others

    async def execute(self, context: Context) -> None:
        self.seen.append(self.session)
        await asyncio.sleep(0)
        assert not self.session.closed
        if context.task.text == "fail":
            raise ValueError("failed")
        if context.task.text == "hang":
            context.report_progress(10.0)
            await asyncio.Event().wait()
        if context.task.text == "child":
            await asyncio.create_task(self._child())

    async def _child(self) -> None:
        assert not self.session.closed


class Host(containers.DeclarativeContainer):
    """A host application whose worker has a session of its own in each attempt."""

    session: providers.Provider[Any] = providers.Dependency()
    worker = providers.Factory(SessionWorker, session)
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=providers.Configuration(default={"database": ":memory:"}),
        tasks=providers.List(background_task(Work, worker)),
        clock=providers.Singleton(FakeClock),
    )


@pytest.fixture
def log() -> list[str]:
    SessionWorker.seen = []
    return []


def asynchronous(log: list[str], fails: bool = False) -> providers.Provider[Any]:
    async def open_session() -> AsyncIterator[Session]:
        session = Session(log, fails=fails)
        try:
            await asyncio.sleep(0)
            yield session
        finally:
            await asyncio.sleep(0)
            session.close()

    return providers.ContextLocalResource(open_session)


def synchronous(log: list[str], fails: bool = False) -> providers.Provider[Any]:
    def open_session() -> Iterator[Session]:
        session = Session(log, fails=fails)
        yield session
        session.close()

    return providers.ContextLocalResource(open_session)


def host_with(session: providers.Provider[Any]) -> Any:
    return Host(session=session)


@pytest.mark.parametrize("kind", [asynchronous, synchronous])
@pytest.mark.parametrize(
    ("what", "status"),
    [("", Status.COMPLETED), ("fail", Status.FAILED), ("hang", Status.CANCELLED)],
)
async def test_the_resource_is_closed_whether_the_worker_returns_fails_or_is_cancelled(
    log: list[str], kind: Any, what: str, status: Status
) -> None:
    container = host_with(kind(log))
    run = await run_worker(
        container.background_tasks, Work(text=what), cancel_when=lambda info: info.progress > 0
    )
    assert run.info.status is status
    assert log == ["open session", "close session"]


@pytest.mark.parametrize("kind", [asynchronous, synchronous])
async def test_fifty_runs_at_once_have_fifty_sessions_and_all_are_closed(
    log: list[str], kind: Any
) -> None:
    container = host_with(kind(log))
    whats = ["", "fail", "child", "hang", ""] * 10
    async with running(container.background_tasks) as manager:
        ids = [await manager.run_task(Work(text=what)) for what in whats]
        hanging = [task_id for task_id, what in zip(ids, whats, strict=True) if what == "hang"]
        for task_id in ids:
            if task_id not in hanging:
                await manager.wait_for(task_id, 10)
        for task_id in hanging:
            assert await manager.cancel_task(task_id)
            await manager.wait_for(task_id, 10)
    assert len({id(session) for session in SessionWorker.seen}) == 50
    assert all(session.closed for session in SessionWorker.seen)


async def test_attempts_of_one_task_do_not_share_a_session(log: list[str]) -> None:
    container = host_with(asynchronous(log))
    async with running(container.background_tasks) as manager:
        task_id = await manager.run_task(Work(text="fail"))
        await manager.wait_for(task_id, 10)
        await manager.retry_task(task_id)
        await manager.wait_for(task_id, 10)
    first, second = SessionWorker.seen
    assert first is not second
    assert log == ["open session", "close session"] * 2


async def test_an_error_at_closing_makes_a_completed_run_a_failure(log: list[str]) -> None:
    container = host_with(asynchronous(log, fails=True))
    info = (await run_worker(container.background_tasks, Work())).info
    assert (info.status, info.error_message) == (Status.FAILED, "session was not committed")


async def test_an_error_at_closing_does_not_hide_why_the_worker_failed(log: list[str]) -> None:
    container = host_with(asynchronous(log, fails=True))
    info = (await run_worker(container.background_tasks, Work(text="fail"))).info
    assert info.error_message == "failed"


def chain(log: list[str], failing: str = "") -> Any:
    """A worker on a session on a connection, and on a cache beside them."""

    def opener(name: str) -> Any:
        async def open_it(*_needs: Session) -> AsyncIterator[Session]:
            session = Session(log, name, fails=name == failing)
            try:
                yield session
            finally:
                session.close()

        return open_it

    connection = providers.ContextLocalResource(opener("connection"))
    session = providers.ContextLocalResource(opener("session"), connection)
    cache = providers.ContextLocalResource(opener("cache"), session)
    worker = providers.Factory(SessionWorker, session, connection, cache)
    return container_of(background_task(Work, worker))


async def test_what_depends_on_another_is_closed_before_it(log: list[str]) -> None:
    await run_worker(chain(log), Work())
    closed = [line for line in log if line.startswith("close")]
    assert closed == ["close cache", "close session", "close connection"]


async def test_a_resource_that_cannot_be_closed_does_not_keep_the_others_open(
    log: list[str],
) -> None:
    run = await run_worker(chain(log, failing="cache"), Work())
    assert log[-3:] == ["close cache", "close session", "close connection"]
    assert run.info.error_message == "cache was not committed"


async def test_what_was_opened_before_a_dependency_failed_is_closed(log: list[str]) -> None:
    def broken(_session: Session) -> Session:
        raise ConnectionError("refused")

    session = synchronous(log)
    worker = providers.Factory(SessionWorker, session, providers.Factory(broken, session))
    run = await run_worker(container_of(background_task(Work, worker)), Work())
    assert run.info.error_message == "refused"
    assert log == ["open session", "close session"]


async def test_a_context_local_singleton_is_one_within_an_attempt_and_new_in_the_next(
    log: list[str],
) -> None:
    shared = providers.ContextLocalSingleton(Session, providers.Object(log))
    pairs: list[tuple[Session, ...]] = []

    class Pair(SessionWorker):
        async def execute(self, context: Context) -> None:
            pairs.append((self.session, *self.others))

    container = container_of(background_task(Work, providers.Factory(Pair, shared, shared)))
    await run_worker(container, Work())
    await run_worker(container, Work())
    assert pairs[0][0] is pairs[0][1]
    assert pairs[0][0] is not pairs[1][0]


@pytest.mark.parametrize("when", ["before the manager was built", "after an asynchronous run"])
async def test_an_override_is_used(log: list[str], when: str) -> None:
    container = host_with(asynchronous(log))
    if when == "after an asynchronous run":
        await run_worker(container.background_tasks, Work())
        container.background_tasks.manager()
        log.clear()
    fake = Session([], "fake")
    with container.session.override(providers.Object(fake)):
        async with running(container.background_tasks) as manager:
            task_id = await manager.run_task(Work())
            await manager.wait_for(task_id, 10)
    assert SessionWorker.seen[-1] is fake
    assert log == []
    assert not fake.closed


async def test_once_an_override_is_taken_back_the_original_is_opened_and_closed(
    log: list[str],
) -> None:
    container = host_with(asynchronous(log))
    async with running(container.background_tasks) as manager:
        with container.session.override(providers.Object(Session([]))):
            await manager.wait_for(await manager.run_task(Work()), 10)
        assert log == []
        await manager.wait_for(await manager.run_task(Work()), 10)
    assert log == ["open session", "close session"]


async def test_an_overriding_resource_is_closed_too_by_a_manager_that_runs(
    log: list[str],
) -> None:
    container = host_with(asynchronous([]))
    async with running(container.background_tasks) as manager:
        await manager.wait_for(await manager.run_task(Work()), 10)
        # A synchronous one: an asynchronous generator would also be closed when it is collected.
        with container.session.override(synchronous(log)):
            await manager.wait_for(await manager.run_task(Work()), 10)
    assert log == ["open session", "close session"]


async def test_a_sync_worker_and_its_thread_share_what_its_constructor_got(log: list[str]) -> None:
    shared = providers.ContextLocalSingleton(Session, providers.Object(log))

    class InThread(BackgroundWorker[Work, None]):
        def __init__(self, session: Session) -> None:
            self.session = session

        def execute(self, context: Context) -> None:
            assert shared() is self.session

    container = container_of(background_task(Work, providers.Factory(InThread, shared)))
    assert (await run_worker(container, Work())).info.status is Status.COMPLETED


async def test_resources_are_closed_in_a_task_that_is_not_being_cancelled(log: list[str]) -> None:
    cancelling: list[int] = []

    async def open_session() -> AsyncIterator[Session]:
        yield Session(log)
        task = asyncio.current_task()
        assert task is not None
        cancelling.append(task.cancelling())

    container = host_with(providers.ContextLocalResource(open_session))
    run = await run_worker(
        container.background_tasks,
        Work(text="hang"),
        cancel_when=lambda info: info.progress > 0,
    )
    assert (run.info.status, cancelling) == (Status.CANCELLED, [0])
