"""What the host's container opens while an application runs is closed when it stops. FAULTS 43."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from dependency_injector import containers, providers

from bgtasks import BackgroundTasksContainer, BackgroundWorker, background_task
from bgtasks import BackgroundTaskStatus as Status
from tests.hosts.scripted import OtherWork, Work, run_to_end

log: list[str] = []


@pytest.fixture(autouse=True)
def empty_log() -> None:
    log.clear()


def opened(name: str, *_needed: Any) -> Iterator[str]:
    log.append(f"open {name}")
    yield name
    log.append(f"close {name}")


async def opened_async(name: str, *_needed: Any) -> AsyncIterator[str]:
    log.append(f"open {name}")
    yield name
    log.append(f"close {name}")


class Worker(BackgroundWorker[Any, None]):
    def __init__(self, *_needed: Any) -> None:
        pass

    async def execute(self, context: Any) -> None:
        pass


class Host(containers.DeclarativeContainer):
    """Two containers of tasks share what the host has."""

    config = providers.Configuration()
    engine = providers.Resource(opened, "engine")
    pool = providers.Resource(opened_async, "pool", engine)
    page_cache = providers.Resource(opened, "page cache")
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=config,
        tasks=providers.List(background_task(Work, providers.Factory(Worker, pool))),
    )
    more = providers.Container(
        BackgroundTasksContainer,
        config=config,
        tasks=providers.List(background_task(OtherWork, providers.Factory(Worker, pool))),
    )


@pytest.fixture
def host() -> Any:
    return Host(config={"database": ":memory:"})


async def test_what_a_worker_or_a_request_opened_is_closed_at_the_stop(host: Any) -> None:
    for _ in range(2):
        async with host.background_tasks.lifespan()(None):
            info = await run_to_end(host.background_tasks.manager(), Work())
            assert info.status is Status.COMPLETED
            host.page_cache()
        assert log[:3] == ["open engine", "open pool", "open page cache"]
        assert sorted(log[3:]) == ["close engine", "close page cache", "close pool"]
        assert log.index("close pool") < log.index("close engine")
        log.clear()


async def test_what_was_open_before_belongs_to_whoever_opened_it(host: Any) -> None:
    host.engine()
    async with host.background_tasks.lifespan()(None):
        await run_to_end(host.background_tasks.manager(), Work())
    assert log == ["open engine", "open pool", "close pool"]
    host.engine.shutdown()


async def test_the_last_lifespan_of_a_host_closes(host: Any) -> None:
    async with host.background_tasks.lifespan()(None):
        async with host.more.lifespan()(None):
            await run_to_end(host.background_tasks.manager(), Work())
        assert log == ["open engine", "open pool"]
        await run_to_end(host.background_tasks.manager(), Work())
    assert log == ["open engine", "open pool", "close pool", "close engine"]


async def test_nothing_is_closed_under_a_manager_that_goes_on(host: Any) -> None:
    async with host.background_tasks.manager() as manager:
        async with host.background_tasks.lifespan()(None):
            await run_to_end(manager, Work())
        assert log == ["open engine", "open pool"]
        await run_to_end(manager, Work())
    await host.shutdown_resources()
    assert log == ["open engine", "open pool", "close pool", "close engine"]


async def test_a_resource_that_cannot_be_closed_keeps_no_other_open(
    host: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(name: str, *_needed: Any) -> AsyncIterator[str]:
        yield name
        raise ConnectionError("the pool is gone")

    with host.pool.override(providers.Resource(broken, "pool", host.engine)):
        async with host.background_tasks.lifespan()(None):
            await run_to_end(host.background_tasks.manager(), Work())
            assert log == ["open engine"]
    assert log == ["open engine", "close engine"]
    (record,) = [item for item in caplog.records if item.levelno >= logging.ERROR]
    assert record.getMessage() == "a resource of the application could not be closed"
    assert record.exc_info
    assert "the pool is gone" in str(record.exc_info[1])


@pytest.mark.parametrize("error", [asyncio.CancelledError, SystemExit, BaseException])
async def test_whatever_closing_a_resource_of_the_application_raises_the_others_are_closed(
    host: Any, error: type[BaseException]
) -> None:
    async def broken(name: str, *_needed: Any) -> AsyncIterator[str]:
        yield name
        raise error

    with host.pool.override(providers.Resource(broken, "pool", host.engine)):
        async with host.background_tasks.lifespan()(None):
            await run_to_end(host.background_tasks.manager(), Work())
    assert log == ["open engine", "close engine"]


async def test_a_resource_of_one_attempt_is_left_to_it(host: Any) -> None:
    local = providers.ContextLocalResource(opened_async, "session")
    with host.pool.override(local):
        async with host.background_tasks.lifespan()(None):
            await run_to_end(host.background_tasks.manager(), Work())
    assert log == ["open session", "close session"]
    await asyncio.sleep(0)
