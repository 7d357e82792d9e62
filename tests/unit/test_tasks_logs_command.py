"""``tasks logs``: what it shows, and how it follows."""

import asyncio
import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from bgtasks import BackgroundTaskStatus as Status
from bgtasks import LogLine, TaskLog, TaskNotFoundError, background_task
from bgtasks.cli.tasks.manager_tasks import ManagerTasks
from bgtasks.cli.tasks.screen import Screen
from bgtasks.cli.tasks.task_log import follow_log, show_log
from bgtasks.cli.usage import CommandFailedError, UnavailableError
from tests.hosts.scripted import Context, Work, container_of, run_to_end, running, worker_of

from .tasks_command_support import ID, answering, over_http, task

AT = datetime(2026, 1, 1, tzinfo=UTC)
Captured = pytest.CaptureFixture[str]


def line(number: int, message: str = "", logger: str | None = None) -> LogLine:
    return LogLine(number, AT, "info", message or f"line {number}", "task", logger)


async def talk(context: Context) -> None:
    context.log("began")
    context.log("\x1b[2Jtwo\nlines", level="warning")


@pytest.mark.parametrize("over", ["http", "database"])
async def test_each_line_is_one_line_with_tabs(over: str, capsys: Captured) -> None:
    container = container_of(background_task(Work, worker_of(talk)))
    async with running(container) as manager:
        info = await run_to_end(manager, Work())
        async with over_http(container) as http:
            client: Any = http if over == "http" else ManagerTasks(manager)
            assert await show_log(client, Screen(), info.id, 0, as_json=False) == 2
            rows = [row.split("\t") for row in capsys.readouterr().out.splitlines()]
            assert [row[1:] for row in rows] == [
                ["info", "", "began"],
                ["warning", "", r"\x1b[2Jtwo\nlines"],
            ]
            await follow_log(client, Screen(), info.id, 1, as_json=True)
            (row,) = map(json.loads, capsys.readouterr().out.splitlines())
            assert (row["number"], row["level"], row["source"]) == (2, "warning", "task")
            with pytest.raises(TaskNotFoundError):
                await show_log(client, Screen(), uuid4(), 0, as_json=False)


class Scripted:
    """A client whose log grows while its task runs."""

    def __init__(self) -> None:
        self.lines = [line(number) for number in range(1, 2_502)]
        self.trouble = 0
        self.has_ended = asyncio.Event()

    async def log(self, task_id: UUID, after: int) -> TaskLog:
        if self.trouble:
            self.trouble -= 1
            raise UnavailableError("no answer")
        found = [item for item in self.lines if item.number > after][:1_000]
        return TaskLog(found, 1, found[-1].number if found else self.lines[-1].number)

    async def watch(self, task_id: UUID) -> AsyncGenerator[Any, None]:
        yield task()
        await self.has_ended.wait()
        yield task(status=Status.FAILED)


def shown(capsys: Captured) -> list[str]:
    return [row.split("\t")[-1] for row in capsys.readouterr().out.splitlines()]


async def test_it_follows_to_the_end_of_the_task_and_misses_nothing(capsys: Captured) -> None:
    client: Any = Scripted()
    following = asyncio.create_task(
        follow_log(client, Screen(), ID, 0, as_json=False, look_every=0.001)
    )
    seen: list[str] = []

    async def until(message: str) -> None:
        async with asyncio.timeout(10):
            while message not in seen:
                await asyncio.sleep(0.001)
                seen.extend(shown(capsys))

    await until("line 2501")
    client.trouble = 3
    client.lines.append(line(2_502, "one more"))
    await until("one more")
    assert client.trouble == 0
    client.lines.append(line(2_503, "the last"))
    client.has_ended.set()
    async with asyncio.timeout(10):
        await following
    seen += shown(capsys)
    assert seen == [item.message for item in client.lines]


async def test_an_application_that_sends_no_log_is_told_of() -> None:
    answers: list[Any] = [{}, {"items": [{}], "first": 1, "last": 1}, {"items": []}, []]
    left = iter(answers)
    async with answering(lambda _: httpx.Response(200, json=next(left))) as client:
        for _ in answers:
            with pytest.raises(CommandFailedError, match="a log"):
                await client.log(ID, 0)
