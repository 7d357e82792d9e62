"""``bgtasks stats`` and ``bgtasks processes``."""

import argparse
import json
import os
from contextlib import nullcontext
from typing import Any

import httpx
import pytest

from bgtasks import background_task
from bgtasks.cli.tasks.manager_tasks import ManagerTasks
from bgtasks.cli.tasks.stats_actions import carry_out
from bgtasks.cli.usage import CommandFailedError
from tests.hosts.scripted import Work, container_of, done, run_to_end, running, worker_of

from .tasks_command_support import answering, over_http

Captured = pytest.CaptureFixture[str]


def options(command: str, **more: Any) -> argparse.Namespace:
    return argparse.Namespace(command=command, **({"json": False} | more))


async def test_over_http_and_over_the_database_the_same_is_told() -> None:
    container = container_of(background_task(Work, worker_of(done)))
    async with running(container) as manager, over_http(container) as client:
        await run_to_end(manager, Work())
        await manager.pause("Work", "no disk")
        await manager.run_task(Work())
        own = ManagerTasks(manager)
        assert await client.stats() == await own.stats()
        (one,), (other,) = await client.processes(), await own.processes()
        assert (one.id, one.pid, one.max_concurrency) == (other.id, os.getpid(), 100)


async def test_what_things_are_like_is_printed_a_line_each(capsys: Captured) -> None:
    container = container_of(background_task(Work, worker_of(done)))
    async with running(container) as manager:
        await run_to_end(manager, Work())
        await manager.pause("Work", "no disk")
        assert await carry_out(nullcontext(ManagerTasks(manager)), options("stats"))
    lines = capsys.readouterr().out.splitlines()
    assert "waiting\t0" in lines
    assert "completed\t1" in lines
    assert "running\t0 of 100" in lines
    assert lines[-1].startswith("! paused\tWork is paused: no disk\tsince ")


async def test_processes_are_printed_a_line_each_or_as_json(capsys: Captured) -> None:
    container = container_of(background_task(Work, worker_of(done)))
    async with running(container) as manager:
        await run_to_end(manager, Work())
        client = ManagerTasks(manager)
        await carry_out(nullcontext(client), options("processes"))
        assert f"\t{os.getpid()}\talive\t0 of 100\t" in capsys.readouterr().out
        await carry_out(nullcontext(client), options("processes", json=True))
        data = json.loads(capsys.readouterr().out)
        assert (data["places"], data["types"]) == (100, ["Work"])
        await carry_out(nullcontext(client), options("stats", json=True))
        assert json.loads(capsys.readouterr().out)["places"] == 100


@pytest.mark.parametrize("body", [{}, {"items": [{}]}, {"items": 1}])
async def test_an_answer_that_is_none_is_refused(body: Any) -> None:
    async with answering(lambda _: httpx.Response(200, json=body)) as client:
        with pytest.raises(CommandFailedError, match="statistics"):
            await client.stats()
        if body:
            with pytest.raises(CommandFailedError, match="processes"):
                await client.processes()
