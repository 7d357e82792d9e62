"""``python -m bgtasks worker``: what it refuses, what it sets, what it says of other workers."""

import asyncio
import logging
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from dependency_injector import containers, providers

from bgtasks import BackgroundTasksContainer, ProcessInfo, background_task
from bgtasks.cli import main, worker_start
from bgtasks.cli.log_setup import set_up_logging
from bgtasks.cli.target import one_task_container
from bgtasks.cli.usage import CommandFailedError, UsageError
from bgtasks.cli.worker_check import check_worker, describe
from bgtasks.cli.worker_health import HealthServer, health_app
from bgtasks.clock import Timing
from bgtasks.execution.host_resources import HostResources
from bgtasks.logs import JsonLinesFormatter, TextFormatter
from bgtasks.models import Health
from tests.hosts.scripted import OtherWork, Work, container_for, done, worker_of

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

URL = "postgresql://nobody@127.0.0.1:1/nothing"


class Application(containers.DeclarativeContainer):
    """As an application is laid out."""

    config = providers.Configuration()
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=config,
        tasks=providers.List(
            background_task(Work, worker_of(done)), background_task(OtherWork, worker_of(done))
        ),
    )


class Two(containers.DeclarativeContainer):
    """Has two of them."""

    first = providers.Container(Application)
    second = providers.Container(Application)


def configured(database: str) -> Any:
    application = Application()
    application.config.from_dict({"database": database})
    return application


embedded = configured("tasks.db")
TARGET = f"{__name__}:shared"


def taking_note(calls: list[Any]) -> Callable[..., int]:
    def call(*arguments: Any) -> int:
        calls.append(arguments)
        return 0

    return call


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Any:
    """An application on a server that isn't there."""
    application = configured(URL)
    monkeypatch.setitem(globals(), "shared", application)
    return application


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The arguments with which the process would be run; it isn't, and its logs are left alone."""
    calls: list[Any] = []
    # The three would change this process: its event loop, its logs, its life.
    monkeypatch.setattr(worker_start, "run_worker_process", taking_note(calls))
    monkeypatch.setattr(worker_start, "set_up_logging", lambda *_: None)
    monkeypatch.setattr(worker_start, "ExitDeadline", lambda *_: None)
    return calls


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 2) -> str:
    assert main(["worker", *arguments]) == code
    error = capsys.readouterr().err
    assert error.startswith("python -m bgtasks worker: ")
    return error


@pytest.mark.parametrize("option", [[], ["--check"]])
def test_an_embedded_database_is_refused(
    capsys: pytest.CaptureFixture[str], option: list[str]
) -> None:
    error = refusal(capsys, f"{__name__}:embedded", *option)
    assert "is 'tasks.db': an embedded database belongs to the web process" in error
    assert "postgresql://" in error


def test_one_of_several_containers_is_to_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    error = refusal(capsys, f"{__name__}:Two")
    assert "there are 2 BackgroundTasksContainers" in error
    assert f"{__name__}:Two.background_tasks" in error


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--types", "Work,Nope"], "'Nope', which is not registered; accepted: OtherWork, Work"),
        (["--types", ""], "setting 'types' is ''"),
        (["--concurrency", "0"], "setting 'max_concurrency' is '0'; accepted: a whole number"),
        (["--concurrency", "many"], "setting 'max_concurrency' is 'many'"),
    ],
)
def test_what_cannot_be_set_is_refused_by_name(
    shared: Any, started: Any, capsys: pytest.CaptureFixture[str], options: Any, said: str
) -> None:
    assert said in refusal(capsys, TARGET, *options)
    assert started == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--health-port", "65536"], "'65536'; accepted: a port from 0 to 65535"),
        (["--health-port", "http"], "'http'; accepted: a port"),
        (["--log-format", "xml"], "invalid choice: 'xml'"),
        (["--log-level", "loud"], "invalid choice: 'loud'"),
    ],
)
def test_options_that_mean_nothing_are_refused(
    capsys: pytest.CaptureFixture[str], options: Any, said: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["worker", TARGET, *options])
    assert caught.value.code == 2
    assert said in capsys.readouterr().err


def test_its_options_become_settings_of_the_container(shared: Any, started: Any) -> None:
    shared.config.from_dict({"run_tasks": False, "stop_grace": 3})
    assert main(["worker", TARGET, "--concurrency", "7", "--types", "OtherWork"]) == 0
    [(container, health)] = started
    assert health is None
    settings = container.settings()
    assert (settings.run_tasks, settings.max_concurrency) == (True, 7)
    assert (settings.types, settings.stop_grace) == (("OtherWork",), 3)


def test_a_manager_that_was_made_before_gets_them_too(shared: Any, started: Any) -> None:
    """An application's module usually makes its web application, and with it the manager."""
    shared.config.from_dict({"run_tasks": False})
    shared.background_tasks.asgi_app()
    manager = shared.background_tasks.manager()
    assert main(["worker", TARGET]) == 0
    assert shared.background_tasks.manager() is manager
    assert manager._settings.run_tasks  # noqa: SLF001 - it is not started, so nothing else shows it


def test_a_missing_uvicorn_names_the_extra(
    shared: Any, started: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    error = refusal(capsys, TARGET, "--health-port", "0")
    assert "needs uvicorn: install 'bgtasks-di[cli]'" in error


def test_a_health_port_that_is_taken_is_said(
    shared: Any, started: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        error = refusal(capsys, TARGET, "--health-port", str(port), code=1)
    assert f"127.0.0.1:{port} cannot be listened on: " in error


# --check


def process(**fields: Any) -> ProcessInfo:
    about: dict[str, Any] = {
        "id": uuid4(), "host": "here", "pid": 42, "runs_tasks": True, "types": ("Work",),
        "running": 3, "max_concurrency": 100, "started_at": NOW, "seen_at": NOW, "alive": True,
    }  # fmt: skip
    return ProcessInfo(**{**about, **fields})


@pytest.mark.parametrize(
    ("processes", "text", "code"),
    [
        ([], "no worker process on here is known to the database", 1),
        ([process(host="there")], "no worker process on here is known to the database", 1),
        ([process(runs_tasks=False)], "no worker process on here is known to the database", 1),
        (
            [process(pid=1, runs_tasks=False), process()],
            "worker process 42 on here runs 3 of 100 attempts, seen 2.5 seconds ago",
            0,
        ),
        (
            [process(pid=1, alive=False, seen_at=NOW - timedelta(hours=1)), process(alive=False)],
            "no live worker process on here; the last one: worker process 42 on here runs 3 of "
            "100 attempts, seen 2.5 seconds ago",
            1,
        ),
    ],
)
def test_a_worker_counts_if_it_is_here_runs_tasks_and_lives(
    processes: list[ProcessInfo], text: str, code: int
) -> None:
    assert describe(processes, "here", NOW + timedelta(seconds=2.5)) == (text, code)


def test_the_check_does_not_count_itself(capsys: pytest.CaptureFixture[str]) -> None:
    container = container_for(done)
    container.config.from_dict({"run_tasks": False})
    assert check_worker(container) == 1
    host = socket.gethostname()
    assert capsys.readouterr().out == f"no worker process on {host} is known to the database\n"


def test_the_check_runs_nothing(shared: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[Any] = []
    # What is looked at is what it is called with; that it asks the server is shown elsewhere.
    monkeypatch.setattr(worker_start, "check_worker", taking_note(checked))
    assert main(["worker", TARGET, "--check"]) == 0
    [(container,)] = checked
    settings = container.settings()
    assert not settings.run_tasks


# Health


class Manager:
    """Says of itself what a test wants."""

    def __init__(self, health: Health) -> None:
        self._health = health

    def health(self) -> Health:
        return self._health


async def answer(health: Health) -> httpx.Response:
    app: Any = health_app(Manager(health))  # type: ignore[arg-type]
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://worker"
    ) as client:
        return await client.get("/health")


async def test_health_is_200_while_all_is_well() -> None:
    found = await answer(Health(trouble=None, running=3, max_concurrency=100))
    assert found.status_code == 200
    assert found.headers["cache-control"] == "no-store"
    assert found.json() == {
        "status": "ok", "running": 3, "maxConcurrency": 100, "blockedFor": 0.0
    }  # fmt: skip


async def test_health_is_503_with_the_reason_when_it_is_not() -> None:
    found = await answer(Health(trouble="the connection is lost", blocked_for=7.25))
    assert found.status_code == 503
    assert found.json()["status"] == "unavailable"
    assert found.json()["reason"] == "the connection is lost"
    assert found.json()["blockedFor"] == 7.2


def test_health_is_answered_while_the_loop_is_blocked_and_the_port_is_free_afterwards() -> None:
    async def run() -> int:
        server = HealthServer(Manager(Health(trouble=None)), "127.0.0.1", 0)  # type: ignore[arg-type]
        server.start()
        # Not awaited: this loop does not come round meanwhile.
        found = httpx.get(f"http://127.0.0.1:{server.port}/health", timeout=10)  # noqa: ASYNC210
        assert found.status_code == 200
        await server.stop()
        return server.port

    port = asyncio.run(run())
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_a_host_that_is_none_is_refused() -> None:
    with pytest.raises(CommandFailedError, match=r"--health-port: 203\.0\.113\.1:1"):
        HealthServer(Manager(Health(trouble=None)), "203.0.113.1", 1)  # type: ignore[arg-type]


# What is around it


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    logger = logging.getLogger()
    handlers, level = list(logger.handlers), logger.level
    yield logger
    logger.handlers[:], logger.level = handlers, level


def test_logging_is_set_up_where_the_application_has_not(root: logging.Logger) -> None:
    root.handlers.clear()
    set_up_logging(None, None)
    assert isinstance(root.handlers[0].formatter, TextFormatter)
    assert root.level == logging.INFO


def test_what_the_application_has_set_up_is_left_alone_unless_something_is_asked(
    root: logging.Logger,
) -> None:
    before = list(root.handlers)
    set_up_logging(None, None)
    assert root.handlers == before
    set_up_logging("json", "debug")
    assert len(root.handlers) == 1
    assert isinstance(root.handlers[0].formatter, JsonLinesFormatter)
    assert root.level == logging.DEBUG


closed: list[str] = []


async def opened() -> AsyncIterator[str]:
    yield "open"
    closed.append("closed")


class Deep(containers.DeclarativeContainer):
    """Has a resource beside the container that holds the tasks."""

    resource = providers.Resource(opened)
    tasks = providers.Container(Application)


@pytest.mark.parametrize("name", ["Deep", "Deep.tasks", "instance.tasks.background_tasks"])
async def test_resources_of_the_outermost_container_are_shut_down(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed.clear()
    monkeypatch.setitem(globals(), "instance", Deep())
    root = found = one_task_container(f"{__name__}:{name}")
    while (above := getattr(root, "parent", None)) is not None:
        root = above
    await HostResources(found, Timing()).close()  # not opened: nothing to do
    assert closed == []
    await root.resource()
    await HostResources(found, Timing()).close()
    assert closed == ["closed"]


def test_an_object_that_is_no_container_is_refused() -> None:
    with pytest.raises(UsageError, match="there is no BackgroundTasksContainer"):
        one_task_container(f"{__name__}:NOW")
