"""A server that asks for a password: it is in nothing that is said of the database. FAULTS 28."""

import asyncio
import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from dependency_injector import providers

from bgtasks import BackendError, BackgroundTasksContainer, SettingsError, background_task
from bgtasks import BackgroundTaskStatus as Status
from bgtasks.cli import main
from tests.hosts.scripted import Work, done, run_to_end, worker_of
from tests.servers.postgres import PostgresServer

from .own_server import own_server

__all__ = ["own_server"]

pytestmark = pytest.mark.postgres

RIGHT = "r1ght/#?@: %'\"ß"
WRONG = "wr0ng/#?@: %'\"ß"

Url = Callable[[str], str]


@pytest.fixture
def url(own_server: PostgresServer) -> Url:
    """The address of a server that wants the right password, as SQLAlchemy would be told it."""
    literal = RIGHT.replace("'", "''")
    own_server.execute(f"CREATE ROLE ann SUPERUSER LOGIN PASSWORD '{literal}'")
    (own_server.data / "pg_hba.conf").write_text("host all all all scram-sha-256\n")
    own_server.stop()
    own_server.start()
    place = own_server.url().partition("@")[2]
    return lambda password: f"postgresql+asyncpg://ann:{quote(password, safe='')}@{place}"


def container_at(url: str) -> BackgroundTasksContainer:
    return BackgroundTasksContainer(
        config={"database": url, "heartbeat_timeout": 1},
        tasks=providers.List(background_task(Work, worker_of(done))),
    )


def everything_said(error: BaseException | None) -> str:
    """Of an error and of all that it came from, shown or not."""
    said = []
    while error is not None:
        said += [*traceback.format_exception_only(error), repr(error.args)]
        error = error.__cause__ or error.__context__
    return "\n".join(said)


def told(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> str:
    written = capsys.readouterr()
    return "\n".join([caplog.text, written.out, written.err])


def has_a_password(text: str) -> bool:
    return "r1ght" in text or "wr0ng" in text


async def test_one_of_odd_characters_works_and_nothing_says_it(
    url: Url, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    assert await asyncio.to_thread(main, ["database", "upgrade", "--url", url(RIGHT)]) == 0
    container = container_at(url(RIGHT))
    async with container.manager() as manager:
        assert (await run_to_end(manager, Work())).status is Status.COMPLETED
        shown = repr([container.settings(), manager.health(), await manager.get_processes()])
    assert await asyncio.to_thread(main, ["database", "check", "--url", url(RIGHT)]) == 0
    assert not has_a_password(shown)
    assert not has_a_password(told(caplog, capsys))


async def test_a_wrong_one_is_refused_and_nothing_says_it(
    url: Url, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(BackendError, match="password authentication failed") as caught:
        await container_at(url(WRONG)).manager().start()
    for action in ("upgrade", "check"):
        assert await asyncio.to_thread(main, ["database", action, "--url", url(WRONG)]) == 1
    assert not has_a_password(everything_said(caught.value))
    assert not has_a_password(told(caplog, capsys))


@pytest.mark.parametrize(
    "parameter", ["password={}", "passfile={}", "sslpassword={}&sslmode=disable"]
)
async def test_one_among_the_parameters_is_not_said_either(
    url: Url,
    parameter: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    place = url("").partition("@")[2]
    file = tmp_path / "passes"
    file.write_text("*:*:*:*:wr0ng\n")
    file.chmod(0o600)
    value = str(file) if "passfile" in parameter else quote(WRONG, safe="")
    with pytest.raises((BackendError, SettingsError)) as caught:
        await container_at(f"postgresql://ann@{place}?{parameter.format(value)}").manager().start()
    assert not has_a_password(everything_said(caught.value))
    assert not has_a_password(told(caplog, capsys))


async def test_a_server_that_goes_away_is_named_without_it(
    url: Url, own_server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    await asyncio.to_thread(main, ["database", "upgrade", "--url", url(RIGHT)])
    caplog.set_level(logging.DEBUG)
    container = container_at(url(RIGHT))
    async with container.manager() as manager:
        await asyncio.to_thread(own_server.stop, "immediate")
        with pytest.raises(BackendError) as caught:
            await manager.get_tasks()
        trouble: Any = manager.health().trouble
        await asyncio.to_thread(own_server.start)
    assert not has_a_password(everything_said(caught.value))
    assert not has_a_password(f"{trouble}{caplog.text}")
