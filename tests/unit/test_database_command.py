"""``python -m bgtasks database``: what it refuses before it asks any server."""

import sys
from typing import Any

import pytest
from dependency_injector import containers, providers

from bgtasks import BackgroundTasksContainer, background_task
from bgtasks.cli import main
from tests.hosts.scripted import Work, done, worker_of


class Application(containers.DeclarativeContainer):
    """As an application is laid out."""

    config = providers.Configuration()
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=config,
        tasks=providers.List(background_task(Work, worker_of(done))),
    )


embedded = Application()
embedded.config.from_dict({"database": "tasks.db"})

EMBEDDED = f"{__name__}:embedded"
URL = "postgresql://nobody@127.0.0.1:1/nothing"


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 2) -> str:
    assert main(["database", *arguments]) == code
    error = capsys.readouterr().err
    assert error.startswith("python -m bgtasks database: ")
    return error


@pytest.mark.parametrize("action", ["upgrade", "check"])
def test_an_embedded_database_needs_nothing_by_hand(
    capsys: pytest.CaptureFixture[str], action: str
) -> None:
    assert main(["database", action, EMBEDDED]) == 0
    assert "an application " in capsys.readouterr().out


def test_tasks_do_not_move_into_an_embedded_database(capsys: pytest.CaptureFixture[str]) -> None:
    assert "is 'tasks.db'; tasks move to PostgreSQL" in refusal(
        capsys, "import", "old.db", EMBEDDED
    )


@pytest.mark.parametrize("place", [[], [EMBEDDED, "--url", URL]])
def test_there_is_one_place(capsys: pytest.CaptureFixture[str], place: list[str]) -> None:
    for action in (["upgrade"], ["check"], ["import", "old.db"]):
        # argparse takes a lone name after `import` for the file.
        assert "which database?" in refusal(capsys, *action, *place)


@pytest.mark.parametrize("url", ["tasks.db", "mysql://x/y", ":memory:", ""])
def test_a_url_that_cannot_be_used_is_refused(capsys: pytest.CaptureFixture[str], url: str) -> None:
    assert "postgresql://" in refusal(capsys, "upgrade", "--url", url)


def test_a_container_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no_such_module" in refusal(capsys, "check", "no_such_module:container")


@pytest.mark.parametrize("action", [["upgrade"], ["check"], ["import", "old.db"]])
def test_a_server_that_is_not_there_is_said_to_be(
    capsys: pytest.CaptureFixture[str], action: list[str], tmp_path: Any
) -> None:
    error = refusal(capsys, *action, "--url", URL, code=1)
    assert ("127.0.0.1:1/nothing" in error) or ("old.db is no file" in error)


def test_a_missing_extra_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("bgtasks.backends.postgres")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    error = refusal(capsys, "upgrade", "--url", URL)
    assert "pip install 'bgtasks-di[postgres]'" in error
