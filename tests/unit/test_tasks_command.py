"""The options of ``python -m bgtasks tasks``, and what cannot be used."""

import asyncio
import re
import socket
import subprocess
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from dependency_injector import containers, providers

import bgtasks
from bgtasks import BackgroundTasksContainer, background_task
from bgtasks.cli import main, make_parser
from tests.hosts.scripted import Work, done, worker_of

from .tasks_command_support import ID

ROOT = Path(bgtasks.__file__).parents[1]
Captured = pytest.CaptureFixture[str]


class Application(containers.DeclarativeContainer):
    """An application with an embedded database."""

    background_tasks = providers.Container(
        BackgroundTasksContainer, tasks=providers.List(background_task(Work, worker_of(done)))
    )


@pytest.fixture(autouse=True)
def _no_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BGTASKS_URL", "BGTASKS_APP", "BGTASKS_HEADERS"):
        monkeypatch.delenv(name, raising=False)


def complaint(capsys: Captured, *arguments: str) -> str:
    """What is said on standard error about a command line that cannot be used."""
    try:
        code = main(["tasks", *arguments])
    except SystemExit as exit_:  # argparse's
        code = int(exit_.code or 0)
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert "\x1b" not in err
    return err


@pytest.mark.parametrize("text", ["1", "", str(ID) + "0", f"{{{ID}}}", "\x1b[2J"])
@pytest.mark.parametrize("action", ["show", "watch", "cancel", "retry"])
def test_what_is_no_id(action: str, text: str, capsys: Captured) -> None:
    assert "accepted: a UUID" in complaint(capsys, action, "--url", "http://h", text)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--limit", "0"], "accepted: a whole number from 1 to 1,000"),
        (["--limit", "1001"], "accepted: a whole number from 1 to 1,000"),
        (["--limit", "²"], "accepted: a whole number from 1 to 1,000"),
        (["--limit", "9" * 5000], "accepted: a whole number from 1 to 1,000"),
        (["--status", "Running,Asleep"], "accepted: Pending, Running, Completed"),
        (["--status", ""], "accepted: Pending, Running, Completed"),
        (["--type", "a\x1bb"], "characters no name has"),
        (["--owner", "\udcff"], "characters no name has"),
    ],
)
def test_filters_that_cannot_be_used(arguments: list[str], said: str, capsys: Captured) -> None:
    assert said in complaint(capsys, "list", "--url", "http://127.0.0.1:1", *arguments)


def test_it_must_be_said_where_the_tasks_are(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Give --url" in complaint(capsys, "list")
    both = complaint(capsys, "list", "--url", "http://h", "--app", "a:b")
    assert "not allowed with" in both
    monkeypatch.setenv("BGTASKS_URL", "http://h")
    monkeypatch.setenv("BGTASKS_APP", "a:b")
    assert "BGTASKS_URL and BGTASKS_APP are both set" in complaint(capsys, "list")


def test_an_embedded_database_is_reached_through_the_application(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = complaint(capsys, "list", "--app", f"{__name__}:Application")
    assert "give --url with the address" in said
    assert "'bgtasks.db'" in said
    assert list(tmp_path.iterdir()) == []


def test_an_application_that_is_not_there(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "there is no 'Nothing'" in complaint(capsys, "list", "--app", f"{__name__}:Nothing")
    monkeypatch.setenv("BGTASKS_APP", f"{__name__}:Other")
    assert "there is no 'Other'" in complaint(capsys, "list")


def test_headers_are_for_http(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    app = f"{__name__}:Application"
    assert "--header goes with --url" in complaint(capsys, "list", "--app", app, "--header", "A: b")
    assert "'Name: value'" in complaint(capsys, "list", "--url", "http://h", "--header", "b")
    monkeypatch.setenv("BGTASKS_HEADERS", "Accept: a\n\nno header\n")
    assert "'Name: value'" in complaint(capsys, "list", "--url", "http://h")


@pytest.mark.parametrize("url", ["here", "http://a\u3002\u3002b/"])
def test_an_address_that_cannot_be_used(url: str, capsys: Captured) -> None:
    assert "--url is " in complaint(capsys, "list", "--url", url)


def test_nobody_listens(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("BGTASKS_URL", f"http://127.0.0.1:{port}/tasks")
    for arguments in (["list"], ["cancel", str(ID)], ["watch", str(ID)]):
        assert main(["tasks", *arguments]) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert "cannot be reached" in err
        assert "Traceback" not in err


def test_a_missing_extra_is_named(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich", None)
    said = complaint(capsys, "list", "--url", "http://h")
    assert "rich is not installed" in said
    assert "pip install 'bgtasks-di[cli]'" in said


def test_the_other_commands_do_without_the_extra() -> None:
    code = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(['rich']))\n"
        "from bgtasks.cli import main\n"
        "for command in ('types', 'worker', 'tasks'):\n"
        "    try: main([command, '--help'])\n"
        "    except SystemExit as exit: assert exit.code == 0\n"
    )
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr


def test_the_help_of_all_says_of_each_command_what_that_says_itself() -> None:
    whole = make_parser().format_help()
    words = dict.fromkeys(re.findall(r"^    (\w+)", whole, re.MULTILINE))
    whole = " ".join(whole.split())
    assert list(words)[:3] == ["database", "openapi", "tasks"]
    for word in words:
        own = make_parser(word).format_help()
        said = own.partition("  COMMAND\n")[2].partition("\n\noptions:")[0]
        assert word in said
        assert " ".join(said.split()) in whole


def ending_with(monkeypatch: pytest.MonkeyPatch, error: type[BaseException]) -> int:
    """The exit code when what runs ends so."""

    def run(running: Coroutine[Any, Any, bool]) -> bool:
        running.close()
        raise error

    monkeypatch.setattr(asyncio, "run", run)  # a signal cannot be timed to come in there
    return main(["tasks", "list", "--url", "http://127.0.0.1:1"])


def test_ctrl_c_leaves_quietly(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    assert ending_with(monkeypatch, KeyboardInterrupt) == 130
    assert capsys.readouterr() == ("", "")


def test_a_payload_without_a_bottom(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    assert ending_with(monkeypatch, RecursionError) == 1
    assert "nested too deeply" in capsys.readouterr().err
