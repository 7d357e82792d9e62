"""What ``tasks`` shows, of an application that is reached over HTTP or through its database."""

import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from bgtasks import BackgroundTaskManager, background_task
from bgtasks import BackgroundTaskStatus as Status
from bgtasks.cli.tasks.changes import cancel_tasks, retry_tasks
from bgtasks.cli.tasks.client import PageRequest, TaskClient
from bgtasks.cli.tasks.details import show_task
from bgtasks.cli.tasks.listing import age, list_tasks
from bgtasks.cli.tasks.manager_tasks import ManagerTasks
from bgtasks.cli.tasks.progress import watch_task
from bgtasks.cli.tasks.screen import Screen
from bgtasks.core.task_filter import TaskFilter
from bgtasks.errors import TaskNotFoundError
from tests.hosts.scripted import (
    PATIENCE,
    Context,
    Gate,
    OtherWork,
    Work,
    container_of,
    running,
    worker_of,
)

from .tasks_command_support import CREATED, ID, over_http, task, wire

HOSTILE = "\x1b[2J[bold]:smile: {task.id}\n\x9b\u202e"
HARMLESS = r"\x1b[2J[bold]:smile: {task.id}\n\x9b\u202e"


async def fail(context: Context) -> None:
    context.report_progress(12.5, HOSTILE, payload={"fileName": HOSTILE, "parts": [1, 2]})
    raise ValueError(HOSTILE)


class World:
    """A running application and the client of it."""

    def __init__(self, manager: BackgroundTaskManager, client: TaskClient, gate: Gate) -> None:
        self.manager, self.client, self.gate = manager, client, gate

    async def ended(self, **options: Any) -> Any:
        """The id of a task that has failed."""
        task_id = await self.manager.run_task(Work(), **options)
        await self.manager.wait_for(task_id, PATIENCE)
        return task_id


@pytest.fixture(params=["over HTTP", "through the database"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    gate = Gate()
    container = container_of(
        background_task(Work, worker_of(fail)), background_task(OtherWork, worker_of(gate))
    )
    async with running(container) as manager:
        if request.param == "over HTTP":
            async with over_http(container) as client:
                yield World(manager, client, gate)
        else:
            yield World(manager, ManagerTasks(manager), gate)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Screen:
    """Where it is written: not a terminal."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    return Screen()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Screen:
    """A terminal of 120 columns."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    return Screen()


Captured = pytest.CaptureFixture[str]


async def test_a_list_is_one_line_a_task_newest_first(
    world: World, screen: Screen, capsys: Captured
) -> None:
    older, newer = await world.ended(), await world.ended()
    await list_tasks(world.client, screen, PageRequest(), as_json=False)
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == [str(newer), str(older)]
    assert lines[0][1:6] == ["Work", "Work", "Failed", "12%", HARMLESS]
    assert re.fullmatch(r"\d+[smhd]", lines[0][6])


async def test_a_list_is_filtered_by_the_application(
    world: World, screen: Screen, capsys: Captured
) -> None:
    mine = await world.ended(owner="me")
    other = await world.manager.run_task(OtherWork())
    for wanted, expected in [
        (PageRequest(tasks=TaskFilter(type=["Work"])), [mine]),
        (PageRequest(tasks=TaskFilter(type=["Work", "OtherWork"])), [other, mine]),
        (PageRequest(tasks=TaskFilter(status=[Status.FAILED])), [mine]),
        (PageRequest(tasks=TaskFilter(status=[Status.COMPLETED, Status.CANCELLED])), []),
        (PageRequest(tasks=TaskFilter(owner=["me"])), [mine]),
        (PageRequest(tasks=TaskFilter(owner=[None])), [other]),
        (PageRequest(limit=1), [other]),
    ]:
        await list_tasks(world.client, screen, wanted, as_json=True)
        shown = [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()]
        assert shown == [str(task_id) for task_id in expected], wanted


async def test_json_is_in_the_shape_of_the_wire_and_in_ascii(
    world: World, screen: Screen, capsys: Captured
) -> None:
    await world.ended()
    wanted = PageRequest(include=frozenset({"payload"}))
    await list_tasks(world.client, screen, wanted, as_json=True)
    text = capsys.readouterr().out
    assert text.isascii()
    assert json.loads(text).keys() == wire().keys()
    assert json.loads(text)["statusMessage"] == HOSTILE


async def test_a_terminal_gets_a_table_with_whole_ids(
    world: World, terminal: Screen, capsys: Captured
) -> None:
    task_id = await world.ended()
    await list_tasks(world.client, terminal, PageRequest(), as_json=False)
    head, row = capsys.readouterr().out.splitlines()
    assert "STATUS" in head
    assert row.startswith(str(task_id))
    assert "Failed" in row
    # What is written for colours is all that is left of escapes.
    assert "\x1b" not in re.sub(r"\x1b\[[\d;]*m", "", row)
    assert "\u202e" not in row


async def test_a_terminal_is_told_that_there_are_no_tasks(
    world: World, terminal: Screen, capsys: Captured
) -> None:
    await list_tasks(world.client, terminal, PageRequest(), as_json=False)
    assert capsys.readouterr().out == "no tasks\n"


async def test_everything_about_a_task(world: World, screen: Screen, capsys: Captured) -> None:
    task_id = await world.ended(owner="me")
    await show_task(world.client, screen, task_id, as_json=False)
    text = capsys.readouterr().out
    assert text.startswith(f"id               {task_id}\ntype             Work\n")
    assert "progress         12.5%\n" in text
    assert f"status message   {HARMLESS}\n" in text
    assert "owner            me\n" in text
    # In JSON the control characters below a space are escaped already.
    assert "\npayload" in text
    assert '\n    "fileName": "\\u001b[2J[bold]' in text
    assert "\nattempt 1        failed at 20" in text
    assert "  Traceback (most recent call last):" in text
    assert "\x1b" not in text
    assert "\x9b" not in text


async def test_everything_about_a_task_as_json(
    world: World, screen: Screen, capsys: Captured
) -> None:
    task_id = await world.ended()
    await show_task(world.client, screen, task_id, as_json=True)
    shown = json.loads(capsys.readouterr().out)
    attempts = shown.pop("attempts")
    assert shown.pop("arguments") == {"text": ""}
    assert shown.keys() == wire().keys()
    assert [(item["attempt"], item["outcome"]) for item in attempts] == [(1, "failed")]
    assert attempts[0]["endedAt"].endswith("Z")


async def test_a_task_that_is_not_there(world: World, screen: Screen) -> None:
    with pytest.raises(TaskNotFoundError, match=str(ID)):
        await show_task(world.client, screen, ID, as_json=False)
    with pytest.raises(TaskNotFoundError, match=str(ID)):
        await watch_task(world.client, screen, ID, as_json=False)


async def test_each_task_is_told_what_came_of_its_cancellation(
    world: World, screen: Screen, capsys: Captured
) -> None:
    waiting = await world.manager.run_task(Work(), delay=timedelta(hours=1))
    ended, missing = await world.ended(), uuid4()
    busy = await world.manager.run_task(OtherWork())
    await world.gate.begun.wait()
    assert not await cancel_tasks(world.client, screen, [waiting, ended, missing, busy, busy])
    out, err = capsys.readouterr()
    told = [f"{waiting}: cancelled", f"{busy}: asked to end; Running until its worker has ended"]
    assert out.splitlines() == told
    assert f"{ended} is Failed and cannot be cancelled" in err
    assert str(missing) in err
    assert (await world.manager.wait_for(busy, PATIENCE)).status is Status.CANCELLED
    assert await cancel_tasks(world.client, screen, [])


async def test_each_task_is_told_whether_it_runs_again(
    world: World, screen: Screen, capsys: Captured
) -> None:
    ended = await world.ended()
    waiting = await world.manager.run_task(Work(), delay=timedelta(hours=1))
    assert not await retry_tasks(world.client, screen, [ended, waiting])
    out, err = capsys.readouterr()
    assert re.fullmatch(rf"{ended}: runs again \((Pending|Running|Failed)\)\n", out)
    assert f"{waiting} is Pending and cannot be retried" in err


class Script:
    """A client that knows one task and its updates."""

    def __init__(self, *updates: dict[str, Any]) -> None:
        self._updates = updates

    async def watch(self, task_id: Any) -> AsyncIterator[Any]:
        for changes in self._updates:
            yield task(**changes)


def watching(*updates: dict[str, Any]) -> Any:
    return Script(*updates)


PENDING = {"status": Status.PENDING, "progress": 0.0, "status_message": None}
HALF = {"progress": 50.0, "status_message": HOSTILE}
COMPLETED = {"status": Status.COMPLETED, "progress": 100.0}
FAILED = {"status": Status.FAILED, "progress": 50.0, "error_message": HOSTILE}


async def test_elsewhere_each_update_is_a_line(screen: Screen, capsys: Captured) -> None:
    assert await watch_task(watching(PENDING, HALF, COMPLETED), screen, ID, as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        "Pending\t0%\t",
        f"Running\t50%\t{HARMLESS}",
        "Completed\t100%\tmovie.mkv",
    ]


async def test_each_update_may_be_a_line_of_json(terminal: Screen, capsys: Captured) -> None:
    assert await watch_task(watching(HALF, COMPLETED), terminal, ID, as_json=True)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines == [wire(**HALF), wire(**COMPLETED)]


@pytest.mark.parametrize("end", [FAILED, {"status": Status.CANCELLED}, {}])
async def test_what_was_not_completed_did_not_come_true(
    end: dict[str, Any], screen: Screen, capsys: Captured
) -> None:
    assert not await watch_task(watching(HALF, end), screen, ID, as_json=False)
    assert "\x1b" not in capsys.readouterr().out


async def test_a_terminal_gets_a_bar_and_the_end(terminal: Screen, capsys: Captured) -> None:
    named = {"name": HOSTILE}
    updates = watching(PENDING | named, HALF | named, FAILED | named)
    assert not await watch_task(updates, terminal, ID, as_json=False)
    text = capsys.readouterr().out
    assert "━" in text
    assert "50%" in text
    assert r"Failed: \x1b[2J[bold]:smile:" in text
    # Colours, and the moving of the cursor that a bar needs.
    assert "\x1b" not in re.sub(r"\x1b\[(\?25[lh]|2K|1A|[\d;]*m)", "", text)
    assert text.splitlines()[-1].endswith(HARMLESS)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-5, "0s"), (59.9, "59s"), (60, "1m"), (7199, "1h"), (86400 * 400, "400d")],
)
def test_ages(seconds: float, shown: str) -> None:
    assert age(CREATED, CREATED + timedelta(seconds=seconds)) == shown
