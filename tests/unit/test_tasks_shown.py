"""What the commands on tasks show and accept beside lists: parts of ids, pace, errors, tracebacks,
submitting, `top`."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve, frozen

from bgtasks import (
    BackgroundTaskBase,
    Retry,
    TaskNotFoundError,
    UnregisteredTaskError,
    background_task,
)
from bgtasks import BackgroundTaskStatus as Status
from bgtasks.cli import main
from bgtasks.cli.tasks.client import PageRequest, TaskClient
from bgtasks.cli.tasks.details import show_task
from bgtasks.cli.tasks.ids import whole_id
from bgtasks.cli.tasks.listing import list_tasks
from bgtasks.cli.tasks.manager_tasks import ManagerTasks
from bgtasks.cli.tasks.pace import Pace, duration
from bgtasks.cli.tasks.screen import Screen
from bgtasks.cli.tasks.watched import show_top, watch_list
from bgtasks.cli.usage import CommandFailedError, UsageError
from bgtasks.manager.again import new_task
from tests.hosts.scripted import Context, Work, container_of, done, running, worker_of

from .tasks_command_support import over_http, task

Captured = pytest.CaptureFixture[str]


@frozen(kw_only=True)
class Resize(BackgroundTaskBase):
    """A task with arguments."""

    max_size: int
    share: str = "photos"


async def fail(_context: Context) -> None:
    raise ValueError("no space left")


@pytest.fixture(params=["over HTTP", "through the database"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Any, TaskClient]]:
    container = container_of(
        background_task(Work, worker_of(fail), retry=Retry(3, backoff=0)),
        background_task(Resize, worker_of(done)),
    )
    async with running(container) as manager:
        if request.param == "over HTTP":
            async with over_http(container) as client:
                yield manager, client
        else:
            make_task = partial(new_task, container.registry(), container.codec())
            yield manager, ManagerTasks(manager, make_task)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> Screen:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    return Screen()


async def test_a_task_is_named_by_the_beginning_or_the_end_of_its_id(world: Any) -> None:
    manager, client = world
    first, second = await manager.run_tasks([Resize(max_size=1), Resize(max_size=2)], delay=60)
    for text in (first.hex[:20], first.hex[-12:], first.hex):
        assert await whole_id(client, text) == first
    assert await whole_id(client, second) == second
    with pytest.raises(CommandFailedError, match="may be several tasks") as raised:
        await whole_id(client, first.hex[:4])
    assert {str(first), str(second)} <= {word.strip(",") for word in str(raised.value).split()}
    with pytest.raises(TaskNotFoundError, match="begins with ffffffff"):
        await whole_id(client, "ffffffff")


@pytest.mark.parametrize("given", ["abc", "xyzw", "0" * 33, "--app"])
def test_what_is_no_part_of_an_id_is_refused(given: str, capsys: Captured) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["tasks", "show", "--url", "http://127.0.0.1:1", given])
    assert raised.value.code == 2


async def test_a_list_says_why_tasks_failed(world: Any, screen: Screen, capsys: Captured) -> None:
    manager, client = world
    await manager.wait_for(await manager.run_task(Work()), 10)
    await list_tasks(client, screen, PageRequest(), as_json=False)
    assert "no space left" in capsys.readouterr().out.split("\t")[5]


async def test_equal_tracebacks_are_shown_once(
    world: Any, screen: Screen, capsys: Captured
) -> None:
    manager, client = world
    task_id = await manager.run_task(Work())
    await manager.wait_for(task_id, 10)
    await show_task(client, screen, task_id, False)
    shown = capsys.readouterr().out
    assert shown.count("Traceback (most recent call last)") == 1
    assert shown.count("the same traceback as of attempt 1") == 2


def test_the_pace_is_that_of_the_last_minute_of_one_attempt() -> None:
    pace = Pace()
    info = task(status=Status.RUNNING, progress=0.0, attempt=1)
    assert pace.of(info, 100.0) == ""
    assert pace.of(evolve(info, progress=10.0), 110.0) == "1.0 %/s, 1m30s left"
    assert pace.of(evolve(info, progress=10.5), 170.0) == "0.5 %/m, 2h59m left"
    assert pace.of(evolve(info, attempt=2), 171.0) == ""
    assert pace.of(evolve(info, attempt=2, progress=50.0), 181.0) == "5.0 %/s, 10s left"
    assert pace.of(evolve(info, status=Status.PENDING), 182.0) == ""


def test_a_duration_has_its_two_largest_units() -> None:
    seconds = (0.2, 59.4, 60, 3_725, 90_000, 8_640_000)
    said = ["0s", "59s", "1m00s", "1h02m", "1d01h", "100d00h"]
    assert [duration(each) for each in seconds] == said


async def test_a_task_is_submitted_by_its_type_and_arguments(world: Any) -> None:
    manager, client = world
    if not isinstance(client, ManagerTasks):
        with pytest.raises(UsageError, match="--app"):
            await client.run("Resize", {}, None)
        return
    task_id: UUID = await client.run("Resize", {"maxSize": 7}, "ann")
    assert (await manager.wait_for(task_id, 10)).owner == "ann"
    details = await manager.try_get_details(task_id)
    assert details.arguments == {"maxSize": 7, "share": "photos"}
    for arguments, said in (
        ({}, "the arguments cannot be used"),
        ({"maxSize": "many"}, "the arguments cannot be used"),
        ({"maxSize": 7, "shares": "x"}, "Resize has no argument 'shares'; accepted: maxSize"),
    ):
        with pytest.raises(UsageError, match=said):
            await client.run("Resize", arguments, None)
    with pytest.raises(UnregisteredTaskError, match="Shrink is not registered here"):
        await client.run("Shrink", {}, None)


@pytest.mark.parametrize("given", ["{", "[]", "7"])
def test_arguments_that_are_no_object_are_refused(given: str, capsys: Captured) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["tasks", "run", "Resize", given, "--app", "nothing:nowhere"])
    assert raised.value.code == 2
    assert "JSON" in capsys.readouterr().err


async def test_top_says_once_what_runs_where_the_output_is_no_terminal(
    world: Any, screen: Screen, capsys: Captured
) -> None:
    manager, client = world
    await manager.run_task(Resize(max_size=1), delay=60)
    await show_top(client, screen, 2.0)
    assert capsys.readouterr().out.startswith("Pending 1\tRunning 0\t")
    with pytest.raises(UsageError, match="--watch"):
        await watch_list(client, screen, PageRequest())


async def test_what_is_watched_is_read_again(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _, client = world
    monkeypatch.setenv("FORCE_COLOR", "1")
    looks = 0

    class EnoughError(Exception):
        """The client has been asked often enough."""

    class Counting:
        async def count(self, wanted: Any) -> Any:
            return await client.count(wanted)

        async def list(self, wanted: PageRequest) -> Any:
            nonlocal looks
            looks += 1
            if looks > 2:
                raise EnoughError
            return await client.list(wanted)

    counting: Any = Counting()
    with pytest.raises(EnoughError):
        await show_top(counting, Screen(), 0.0)
    assert looks == 3
