"""``python -m bgtasks schedules list|next|run|pause|resume``."""

import argparse
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest
from dependency_injector import containers, providers

from bgtasks import (
    BackgroundTaskManager,
    BackgroundTasksContainer,
    Cron,
    Every,
    ScheduleNotFoundError,
    TaskNotFoundError,
    background_task,
    schedule,
)
from bgtasks.cli import main
from bgtasks.cli.tasks.client import TaskClient
from bgtasks.cli.tasks.manager_tasks import ManagerTasks
from bgtasks.cli.tasks.schedule_actions import carry_out
from bgtasks.cli.usage import CommandFailedError
from bgtasks.testing import FakeClock
from tests.hosts.scripted import Work, done, running, worker_of

from .tasks_command_support import answering, over_http

Captured = pytest.CaptureFixture[str]
APP = f"{__name__}:Application"
NIGHTLY = Cron("30 2 * * *", timezone="Europe/Berlin")


class Application(containers.DeclarativeContainer):
    """An application with an embedded database."""

    background_tasks = providers.Container(
        BackgroundTasksContainer,
        tasks=providers.List(background_task(Work, worker_of(done))),
        schedules=providers.List(
            schedule("nightly", NIGHTLY, providers.Factory(Work)),
            schedule("poll", Every(hours=1), providers.Factory(Work), paused=True),
        ),
    )


class Unready(containers.DeclarativeContainer):
    """An application that has not been given its configuration."""

    config = providers.Configuration(strict=True)
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        tasks=providers.List(background_task(Work, worker_of(done))),
        schedules=providers.List(schedule("nightly", config.when, providers.Factory(Work))),
    )


@pytest.fixture(autouse=True)
def _no_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("BGTASKS_URL", "BGTASKS_APP", "BGTASKS_HEADERS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@asynccontextmanager
async def started() -> AsyncGenerator[tuple[BackgroundTaskManager, TaskClient]]:
    """The application in memory, on a clock that stands still, and the command over HTTP."""
    container = Application().background_tasks
    container.config.override({"database": ":memory:"})
    container.clock.override(FakeClock())
    async with running(container) as manager, over_http(container) as client:
        yield manager, client


async def said(client: TaskClient, capsys: Captured, action: str, **options: Any) -> list[str]:
    """The lines that a command writes into a pipe."""
    capsys.readouterr()
    assert await carry_out(nullcontext(client), argparse.Namespace(action=action, **options))
    return capsys.readouterr().out.splitlines()


async def test_over_http_and_over_the_database_the_same_is_told() -> None:
    async with started() as (manager, client):
        assert await client.schedules() == await manager.get_schedules()
        assert await ManagerTasks(manager).schedules() == await manager.get_schedules()


async def test_a_schedule_is_run_paused_and_resumed(capsys: Captured) -> None:
    async with started() as (manager, over_http):
        for client in (over_http, ManagerTasks(manager)):
            (line,) = await said(client, capsys, "run", name="nightly")
            task_id = str((await manager.get_schedule("nightly")).last_task)
            assert line == f"nightly: submitted task {task_id}"
            (line,) = await said(client, capsys, "pause", name="nightly")
            assert line == "nightly: paused since 2026-01-01 00:00:00 UTC"
            assert (await manager.get_schedule("nightly")).paused
            (line,) = await said(client, capsys, "resume", name="nightly")
            assert line == "nightly: not paused; next tick: 2026-01-01 01:30:00 UTC"
            assert not (await manager.get_schedule("nightly")).paused


async def test_in_a_pipe_a_schedule_is_a_line_with_tabs(capsys: Captured) -> None:
    async with started() as (_, client):
        nightly, poll = await said(client, capsys, "list", json=False)
    assert nightly.split("\t") == [
        *("nightly", "Work", "30 2 * * *", "Europe/Berlin", "2026-01-01 01:30:00 UTC", "", ""),
    ]
    assert poll.split("\t")[-1] == "paused since 2026-01-01 00:00:00 UTC"


async def test_json_is_what_http_sends(capsys: Captured) -> None:
    async with started() as (manager, client):
        await manager.run_schedule("nightly")
        first, _ = await said(client, capsys, "list", json=True)
    shown = json.loads(first)
    assert (shown["name"], shown["inWords"]) == ("nightly", "At 02:30 every day (Europe/Berlin)")
    assert shown["next"][0] == shown["nextTick"] == "2026-01-01T01:30:00.000000Z"
    assert shown["last"] == []


async def test_what_is_unusual_is_said_and_moves_no_cursor(capsys: Captured) -> None:
    async with started() as (manager, _):
        info = await manager.get_schedule("nightly")
    odd = attrs.evolve(info, registered=False, skipped=1_200, last_error="\x1b[2J no disk")

    class Odd(ManagerTasks):
        async def schedules(self) -> Any:
            return [odd]

    (line,) = await said(Odd(manager), capsys, "list", json=False)
    assert line.endswith("\tno process has it; 1,200 skipped; failed: \\x1b[2J no disk")


async def test_many_schedules_are_read_page_by_page() -> None:
    many = [
        schedule(f"poll-{number:03}", Every(hours=1), providers.Factory(Work))
        for number in range(120)
    ]
    container = BackgroundTasksContainer(
        tasks=providers.List(background_task(Work, worker_of(done))),
        schedules=providers.List(*many),
    )
    container.config.from_dict({"database": ":memory:"})
    async with running(container), over_http(container) as client:
        names = [info.name for info in await client.schedules()]
    assert names == [f"poll-{number:03}" for number in range(120)]


async def test_a_name_that_is_unknown_is_named() -> None:
    async with started() as (manager, client):
        with pytest.raises(TaskNotFoundError, match="daily"):
            await client.run_schedule("daily")
        with pytest.raises(ScheduleNotFoundError, match="daily"):
            await ManagerTasks(manager).pause_schedule("daily")


@pytest.mark.parametrize("body", [{}, {"items": [{"name": 7}]}, {"items": [7]}, []])
async def test_an_answer_that_is_no_list_of_schedules_is_refused(body: Any) -> None:
    async with answering(lambda _: httpx.Response(200, json=body)) as client:
        with pytest.raises(CommandFailedError, match="the answer is not a"):
            await client.schedules()


def run_next(capsys: Captured, *arguments: str) -> tuple[int, list[str], str]:
    try:
        code = main(["schedules", "next", *arguments])
    except SystemExit as ended:  # argparse's
        code = int(ended.code or 0)
    out, err = capsys.readouterr()
    return code, out.splitlines(), err


def test_the_next_ticks_need_no_database(capsys: Captured, tmp_path: Path) -> None:
    code, lines, err = run_next(
        *(capsys, "nightly", "-n", "3", "--app", APP, "--after", "2026-03-28T00:00+00:00"),
    )
    assert (code, err) == (0, "")
    assert lines == [
        "2026-03-28T02:30:00+01:00\tEurope/Berlin\t2026-03-28T01:30:00Z",
        "2026-03-29T03:00:00+02:00\tEurope/Berlin\t2026-03-29T01:00:00Z",
        "2026-03-30T02:30:00+02:00\tEurope/Berlin\t2026-03-30T00:30:00Z",
    ]
    assert list(tmp_path.iterdir()) == []


def test_ten_ticks_from_now_on_unless_more_are_asked_for(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BGTASKS_APP", APP)
    for arguments, count in (([], 10), (["-n", "1000"], 1000)):
        code, lines, _ = run_next(capsys, "poll", *arguments)
        assert (code, len(lines)) == (0, count)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nightly"], "Give --app MODULE:CONTAINER"),
        (["daily", "--app", APP], "there is no schedule named 'daily'; there is: nightly, poll"),
        (["a b", "--app", APP], "accepted: 1 to 100 letters"),
        (["nightly", "-n", "0", "--app", APP], "a whole number from 1 to 1,000"),
        (["nightly", "-n", "1001", "--app", APP], "a whole number from 1 to 1,000"),
        (["nightly", "--after", "noon", "--app", APP], "accepted: how long ago"),
        (["nightly", "--app", "no_such_module:x"], "no_such_module"),
        (["nightly", "--app", f"{__name__}:Unready"], "the schedules of"),
    ],
)
def test_ticks_that_cannot_be_told(capsys: Captured, arguments: list[str], message: str) -> None:
    code, lines, err = run_next(capsys, *arguments)
    assert (code, lines) == (2, [])
    assert message in err


@pytest.mark.parametrize("action", ["list", "run", "pause", "resume"])
def test_it_must_be_said_where_the_schedules_are(capsys: Captured, action: str) -> None:
    names = [] if action == "list" else ["nightly"]
    assert main(["schedules", action, *names]) == 2
    assert "Give --url" in capsys.readouterr().err
    if names:
        with pytest.raises(SystemExit) as ended:
            main(["schedules", action, "a/b", "--url", "http://h"])
        assert ended.value.code == 2
        assert "accepted: 1 to 100 letters" in capsys.readouterr().err
