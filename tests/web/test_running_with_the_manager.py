"""The hub runs whenever the manager does, and whoever leaves first stops nothing. FAULTS 43."""

import asyncio
from typing import Any

import pytest
from dependency_injector import containers, providers

from bgtasks import BackgroundTasksContainer, background_task
from bgtasks import BackgroundTaskStatus as Status
from tests.hosts.scripted import AsyncWorker, Work, done, run_to_end


class Application(containers.DeclarativeContainer):
    config = providers.Configuration()
    worker = providers.Factory(AsyncWorker, providers.Object(done))
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=config,
        tasks=providers.List(background_task(Work, worker)),
    )


@pytest.fixture
def tasks() -> Any:
    return Application(config={"database": ":memory:"}).background_tasks


async def answers(tasks: Any) -> int:
    """The status of the event stream, which the hub serves."""
    status: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    gone = asyncio.Event()
    body = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        if body:
            return body.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            status.set_result(message["status"])

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": "/api/tasks/events", "raw_path": b"/api/tasks/events",
        "root_path": "", "query_string": b"", "client": ("127.0.0.1", 5000),
        "server": ("localhost", 80), "headers": [(b"host", b"localhost")],
    }  # fmt: skip
    serving = asyncio.create_task(tasks.asgi_app()(scope, receive, send))
    async with asyncio.timeout(5):
        found = await status
        gone.set()
        await serving
    return found


async def test_the_hub_answers_while_the_manager_runs_without_a_lifespan(tasks: Any) -> None:
    tasks.asgi_app()
    async with tasks.manager():
        assert await answers(tasks) == 200
    assert await answers(tasks) == 503
    await tasks.manager().start()
    assert await answers(tasks) == 200
    await tasks.manager().stop()


async def test_an_application_that_is_built_late_finds_its_hub_running(tasks: Any) -> None:
    async with tasks.manager():
        tasks.asgi_app()
        await asyncio.sleep(0)
        assert await answers(tasks) == 200
    assert await answers(tasks) == 503


async def test_a_lifespan_that_is_entered_twice_runs_until_the_last_one_leaves(tasks: Any) -> None:
    lifespan, app = tasks.lifespan(), tasks.asgi_app()
    async with lifespan(None):
        async with app.router.lifespan_context(app):
            pass
        assert (await run_to_end(tasks.manager(), Work())).status is Status.COMPLETED
        assert await answers(tasks) == 200
    assert tasks.manager().event_loop is None


async def test_the_first_to_enter_may_leave_first(tasks: Any) -> None:
    first, second = tasks.lifespan()(None), tasks.lifespan()(None)
    await first.__aenter__()
    await second.__aenter__()
    await first.__aexit__(None, None, None)
    assert (await run_to_end(tasks.manager(), Work())).status is Status.COMPLETED
    assert await answers(tasks) == 200
    await second.__aexit__(None, None, None)
    assert tasks.manager().event_loop is None


async def test_who_enters_while_the_other_leaves_finds_it_running(tasks: Any) -> None:
    async def stay_for_a_moment() -> None:
        async with tasks.lifespan()(None):
            assert (await run_to_end(tasks.manager(), Work())).status is Status.COMPLETED

    for _ in range(20):
        await asyncio.gather(*(stay_for_a_moment() for _ in range(3)))
        await stay_for_a_moment()
    assert tasks.manager().event_loop is None


async def test_a_lifespan_inside_the_manager_leaves_it_running(tasks: Any) -> None:
    async with tasks.manager() as manager:
        async with tasks.lifespan()(None):
            pass
        assert (await run_to_end(manager, Work())).status is Status.COMPLETED


async def test_a_lifespan_that_could_not_start_can_be_entered_again(
    tmp_path: Any, tasks: Any
) -> None:
    tasks = Application(config={"database": str(tmp_path / "a" / "tasks.db")}).background_tasks
    for _ in range(2):
        with pytest.raises(Exception, match="does not exist"):
            async with tasks.lifespan()(None):
                pass
    (tmp_path / "a").mkdir()
    async with tasks.lifespan()(None):
        assert (await run_to_end(tasks.manager(), Work())).status is Status.COMPLETED
    assert tasks.manager().event_loop is None


async def test_a_service_that_cannot_start_keeps_the_manager_from_starting(tasks: Any) -> None:
    class Broken:
        def start(self) -> None:
            raise RuntimeError("no port")

        async def stop(self) -> None:
            raise RuntimeError("it had not started")

    manager = tasks.manager()
    manager.accompany(Broken())
    with pytest.raises(RuntimeError, match="no port"):
        await manager.start()
    assert manager.event_loop is None
    assert await answers(tasks) == 503
