"""``bgtasks failures``: which there are, what one is about, over HTTP and over the database."""

import argparse
import json
from collections.abc import AsyncIterator
from contextlib import nullcontext
from typing import Any

import httpx
import pytest
from attrs import frozen

from bgtasks import BackgroundTaskBase, background_task
from bgtasks.cli import main
from bgtasks.cli.tasks.client import FailureRange, TaskClient
from bgtasks.cli.tasks.failures_actions import carry_out
from bgtasks.cli.tasks.filter_options import filter_in
from bgtasks.cli.tasks.manager_tasks import ManagerTasks
from bgtasks.cli.usage import CommandFailedError, UsageError
from bgtasks.errors import QueryError
from tests.hosts.scripted import Context, container_of, run_to_end, running, worker_of

from .tasks_command_support import answering, over_http

Captured = pytest.CaptureFixture[str]


@frozen(kw_only=True)
class Export(BackgroundTaskBase):
    """Fails on one share."""

    share: str
    number: int = 0


async def export(context: Context) -> None:
    if context.task.share == "/mnt/a":
        raise OSError(f"no space for export {context.task.number}")


def options(group: str | None = None, **more: Any) -> argparse.Namespace:
    given = {"since": None, "until": None, "type": None, "by": None, "json": False}
    return argparse.Namespace(command="failures", group=group, **(given | more))


@pytest.fixture(params=["over HTTP", "through the database"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[TaskClient]:
    """Three exports failed, of the four to one share; one to another did not."""
    container = container_of(background_task(Export, worker_of(export)))
    async with running(container) as manager:
        for number in range(3):
            await run_to_end(manager, Export(share="/mnt/a", number=number), owner="ada")
        await run_to_end(manager, Export(share="/mnt/b"))
        if request.param == "over HTTP":
            async with over_http(container) as client:
                yield client
        else:
            yield ManagerTasks(manager)


async def test_failures_are_a_line_each(client: TaskClient, capsys: Captured) -> None:
    assert await carry_out(nullcontext(client), options())
    (line,) = capsys.readouterr().out.splitlines()
    group, error, *numbers, first, last, types, frame, sample = line.split("\t")
    assert (len(group), error, numbers, types) == (16, "OSError", ["3", "0", "0"], "Export")
    assert first == last
    assert first.endswith(" UTC")
    assert frame.endswith("test_failures_command.py in export")
    assert sample == "no space for export 2"


async def test_of_one_it_is_told_what_its_tasks_have_in_common(
    client: TaskClient, capsys: Captured
) -> None:
    (group,) = await client.failures(FailureRange())
    assert await carry_out(nullcontext(client), options(group.group[:5]))
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert ["message", "no space for export 2"] in lines
    assert ["a task", str(group.sample_task)] in lines
    facets = [line for line in lines if line[0].startswith("by ")]
    assert facets[:2] == [["by share", "3 of 3", "/mnt/a"], ["by number", "1 of 2", "0"]]
    assert ["by owner", "3 of 3", "ada"] in facets
    assert facets[-1][:2] == ["by process", "3 of 4"]


async def test_one_as_json_has_what_was_asked_for(client: TaskClient, capsys: Captured) -> None:
    (group,) = await client.failures(FailureRange(type_name="Export"))
    asked = options(group.group, json=True, by=["args.share", "owner"])
    assert await carry_out(nullcontext(client), asked)
    data = json.loads(capsys.readouterr().out)
    assert (data["group"], data["stillFailed"]) == (group.group, 3)
    assert data["facets"] == {
        "args.share": [{"value": "/mnt/a", "failed": 3, "total": 3}],
        "owner": [{"value": "ada", "failed": 3, "total": 3}],
    }


async def test_a_terminal_gets_a_table(
    client: TaskClient, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    assert await carry_out(nullcontext(client), options())
    head, row = capsys.readouterr().out.splitlines()
    assert "RECOVERED" in head
    assert "\x1b[1;31mOSError\x1b[0m" in row
    assert await carry_out(nullcontext(client), options(type="Other"))
    assert capsys.readouterr().out == "no failures\n"


async def test_a_failure_that_is_not_there_and_what_cannot_be_told_apart(
    client: TaskClient,
) -> None:
    with pytest.raises(CommandFailedError, match="there is no failure ffff in this time"):
        await carry_out(nullcontext(client), options("ffff"))
    (group,) = await client.failures(FailureRange())
    with pytest.raises(QueryError, match="by is 'shoe'"):
        await carry_out(nullcontext(client), options(group.group, by=["shoe"]))
    with pytest.raises(UsageError, match="name its GROUP"):
        await carry_out(nullcontext(client), options(by=["owner"]))


async def test_a_beginning_of_several_failures_names_them(capsys: Captured) -> None:
    container = container_of(background_task(Export, worker_of(export)))
    async with running(container) as manager:
        await run_to_end(manager, Export(share="/mnt/a"))
        (group,) = await manager.get_failures()
    item = {**group_data(group), "group": "aaaa000000000000"}
    items = [item, {**item, "group": "aaaa111111111111"}]
    async with answering(lambda _: httpx.Response(200, json={"items": items})) as client:
        with pytest.raises(CommandFailedError, match="aaaa000000000000, aaaa111111111111"):
            await carry_out(nullcontext(client), options("aaaa"))


def group_data(group: Any) -> dict[str, Any]:
    from bgtasks.core.codec import TaskCodec

    return TaskCodec().data_of(group)


@pytest.mark.parametrize("data", [{}, {"items": [{}]}, {"items": [{"value": []}]}])
async def test_an_answer_that_is_none_is_refused(data: Any) -> None:
    async with answering(lambda _: httpx.Response(200, json=data)) as client:
        with pytest.raises(CommandFailedError, match="failures"):
            await client.failures(FailureRange())
        with pytest.raises(CommandFailedError, match="values"):
            await client.failure_facets("0" * 16, "owner", FailureRange())


def test_what_is_no_group_is_refused_before_anything_is_asked(capsys: Captured) -> None:
    with pytest.raises(SystemExit):
        main(["failures", "xyz", "--url", "http://127.0.0.1:9/"])
    assert "accepted: the group of a failure" in capsys.readouterr().err


def test_the_tasks_of_a_failure_are_a_filter_of_every_command() -> None:
    names = ("type", "status", "owner", "since", "until", "search", "arg", "view")
    given = argparse.Namespace(**dict.fromkeys(names), error="0123456789abcdef")
    assert filter_in(given).error == "0123456789abcdef"
    given.error = "012"
    with pytest.raises(QueryError, match="16 hexadecimal"):
        filter_in(given)
