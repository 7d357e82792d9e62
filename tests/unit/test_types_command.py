"""``python -m bgtasks types list|pause|resume``, over HTTP to a running application."""

import argparse
import json
from contextlib import nullcontext
from typing import Any

import httpx
import pytest

from bgtasks import Percentiles, Rate, TypeInfo, background_task
from bgtasks.cli import main
from bgtasks.cli.tasks.manager_tasks import ManagerTasks
from bgtasks.cli.tasks.type_actions import carry_out
from bgtasks.cli.usage import CommandFailedError
from bgtasks.core.codec import TaskCodec
from tests.hosts.scripted import Work, container_of, done, running, worker_of

from .tasks_command_support import answering, over_http


def answer(body: Any) -> httpx.Response:
    return httpx.Response(200, json=body)


async def test_over_http_and_over_the_database_the_same_is_told() -> None:
    container = container_of(
        background_task(Work, worker_of(done), rate=Rate(14, per=1), max_concurrency=2)
    )
    async with running(container), over_http(container) as client:
        (before,) = await client.types()
        assert before == TypeInfo("Work", None, None, 0, 0, 2, Rate(14, per=1))
        paused = await client.pause("Work", "down & out")
        assert (paused.pause_reason, paused.paused_at is None) == ("down & out", False)
        assert await client.types() == [paused]
        assert await client.resume("Work") == before


async def test_in_the_database_the_manager_is_asked() -> None:
    async with running(container_of(background_task(Work, worker_of(done)))) as manager:
        client = ManagerTasks(manager)
        assert (await client.pause("Work", None)).paused_at is not None
        assert (await client.types())[0].paused_at is not None
        assert (await client.resume("Work")).paused_at is None


@pytest.mark.parametrize("body", [{}, {"items": 7}, {"items": [{"name": 7}]}, []])
async def test_an_answer_that_is_no_list_of_types_is_refused(body: Any) -> None:
    async with answering(lambda _: answer(body)) as client:
        with pytest.raises(CommandFailedError, match="the answer is not a"):
            await client.types()


async def test_a_type_with_a_slash_in_its_name_is_asked_for_as_one() -> None:
    asked = []

    def respond(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path.decode())
        return httpx.Response(404, json={"detail": "no"}, headers={"content-type": "text/plain"})

    async with answering(respond) as client:
        with pytest.raises(CommandFailedError):
            await client.pause("a/b c", None)
    assert asked[0].endswith("/api/types/a%2Fb%20c/pause")


def test_what_cannot_be_used_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BGTASKS_URL", "BGTASKS_APP"):
        monkeypatch.delenv(name, raising=False)
    for arguments in (["types", "pause"], ["types", "resume", "A", "B"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2
    capsys.readouterr()
    assert main(["types", "list"]) == 2
    assert "which tasks? Give --url" in capsys.readouterr().err


def test_the_generator_is_still_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["types", "no_such_module:container"]) == 2
    assert "no_such_module" in capsys.readouterr().err


def test_json_is_the_shape_of_the_wire() -> None:
    from bgtasks.cli.tasks.screen import Screen

    wire = Screen().data_of(TypeInfo("Work", None, None, 1, 0, None, Rate(2, per=60)))
    assert json.loads(json.dumps(wire))["rate"] == {"starts": 2, "per": 60, "burst": 2}


async def test_a_terminal_is_told_how_types_went_in_the_last_hour(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    times = Percentiles(1, 250, 300), Percentiles(1, 65_000, 70_000)
    kinds = [
        TypeInfo(
            "Copy",
            None,
            None,
            2,
            1,
            4,
            None,
            per_minute=12.34,
            failure_rate=0.76,
            wait_ms=times[0],
            run_ms=times[1],
        ),
        TypeInfo("Scan", None, None, 0, 0, None, None),
    ]
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    items = {"items": [TaskCodec().data_of(kind) for kind in kinds]}
    async with answering(lambda _: answer(items)) as client:
        asked = argparse.Namespace(command="types list", action="list", json=False)
        assert await carry_out(nullcontext(client), asked)
    _, copy, scan = capsys.readouterr().out.splitlines()
    assert copy.split() == ["Copy", "2", "1", "4", "12.3", "76%", "250ms", "1m05s"]
    assert scan.split() == ["Scan", "0", "0"]
