"""Of one task with lines for everybody and lines for operators: who gets which, over every route of
a true server."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from attrs import frozen
from dependency_injector import providers
from starlette.applications import Starlette
from starlette.routing import Mount

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTaskPolicy,
    BackgroundTasksContainer,
    BackgroundWorker,
    background_task,
)
from bgtasks.cli.tasks.http_address import HttpAddress
from bgtasks.cli.tasks.http_tasks import open_http_tasks
from bgtasks.cli.tasks.screen import Screen
from bgtasks.cli.tasks.task_log import follow_log
from tests.web.test_end_to_end import PATIENCE, Client, serving

SECRET = "hunter2"
log = logging.getLogger("tests.app")


@frozen(kw_only=True)
class Talk(BackgroundTaskBase):
    pass


class Talker(BackgroundWorker[Talk, None]):
    async def execute(self, context: Any) -> None:
        context.log("began")
        log.warning("connecting with the password %s", SECRET)
        context.log("done")
        raise ConnectionError("no route")


class Everything(BackgroundTaskPolicy):
    """Lets everybody do everything but one: only Olga sees what is for operators."""

    async def can_view(self, requester: Any, task: Any) -> bool:
        return True

    async def visible_owners(self, requester: Any) -> Any:
        return None

    async def can_see_arguments(self, requester: Any) -> bool:
        return True

    async def can_see_statistics(self, requester: Any) -> bool:
        return True

    async def can_control(self, requester: Any) -> bool:
        return True

    async def can_view_errors(self, requester: Any, task: Any) -> bool:
        return bool(requester.identity == "olga")


class Place:
    """A server with a task that has failed."""

    def __init__(self, address: str, task_id: Any) -> None:
        self.address = address
        self.id = task_id
        self.url = f"http://{address}/background-tasks"

    def http(self, user: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(headers={"x-user": user}, timeout=PATIENCE)


@pytest.fixture
async def place(user_header: Any) -> AsyncIterator[Place]:
    container = BackgroundTasksContainer(
        tasks=providers.List(background_task(Talk, providers.Factory(Talker))),
        policy=providers.Singleton(Everything),
    )
    container.config.from_dict({"database": ":memory:"})
    mount = Mount("/background-tasks", app=user_header(container.asgi_app()))
    async with serving(Starlette(routes=[mount], lifespan=container.lifespan())) as address:
        task_id = await container.manager().run_task(Talk(), owner="ada")
        await container.manager().wait_for(task_id, PATIENCE)
        yield Place(address, task_id)


async def test_no_answer_over_http_has_lines_for_operators(place: Place) -> None:
    async with place.http("ada") as ada, place.http("olga") as olga:
        paths = (await ada.get(f"{place.url}/api/openapi.json")).json()["paths"]
        read = [path for path, methods in paths.items() if "get" in methods]
        assert len(read) > 10
        for path in read:
            if path.endswith("/events"):
                continue
            url = place.url + path.replace("{id}", str(place.id)).replace("{type}", "Talk")
            answer = await ada.get(url)
            assert answer.status_code in (200, 400, 404), answer.text
            assert SECRET not in answer.text
        everything = {"include": "payload,arguments", "count": "true"}
        assert SECRET not in (await ada.get(f"{place.url}/api/tasks", params=everything)).text
        logs = f"{place.url}/api/tasks/{place.id}/logs"
        lines = (await ada.get(logs)).json()["items"]
        assert [line["message"] for line in lines] == ["began", "done"]
        assert (await ada.get(logs, params={"after": 1})).json()["items"] == lines[1:]
        assert SECRET in (await olga.get(logs)).text


async def test_a_search_finds_no_task_by_a_line_for_operators(place: Place) -> None:
    async with place.http("ada") as http:
        for text, count in ((SECRET, 0), ("no route", 1)):
            found = await http.get(f"{place.url}/api/tasks", params={"q": text})
            assert len(found.json()["items"]) == count
            counts = await http.get(f"{place.url}/api/tasks/counts", params={"q": text})
            assert sum(counts.json().values()) == count


async def test_the_hub_sends_no_lines_for_operators(place: Place) -> None:
    came: dict[str, list[Any]] = {"ada": [], "olga": []}
    for user, events in came.items():
        client, lines = Client(), asyncio.Event()

        def keep(event: str, data: Any, events: Any = events, lines: Any = lines) -> None:
            events.append(data)
            if event == "TaskLog":
                lines.set()

        client.sio.on("*", keep, namespace="/background-tasks")
        await client.connect(place.address, headers={"x-user": user})
        events.append(await client.call("Subscribe", {"logs": [str(place.id)]}))
        events.append(await client.call("Subscribe", {"logs": [str(place.id)], "view": "stats"}))
        async with asyncio.timeout(PATIENCE):
            await lines.wait()
        await client.sio.disconnect()
    assert "done" in json.dumps(came["ada"])
    assert SECRET not in json.dumps(came["ada"])
    assert SECRET in json.dumps(came["olga"])


@pytest.mark.parametrize(("user", "count"), [("ada", 0), ("olga", 1)])
async def test_an_event_stream_has_no_lines_for_operators(
    place: Place, user: str, count: int
) -> None:
    said = ""
    url = f"{place.url}/api/tasks/events?ids={place.id}&logs={place.id}"
    async with place.http(user) as http, http.stream("GET", url) as answer:
        async with asyncio.timeout(PATIENCE):
            async for text in answer.aiter_text():
                said += text
                if '"done"' in said:
                    break
    assert said.count(SECRET) == count


@pytest.mark.parametrize(("user", "count"), [("ada", 0), ("olga", 1)])
async def test_the_command_line_shows_no_lines_for_operators(
    place: Place, user: str, count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    address = HttpAddress.parse(place.url, [f"x-user: {user}"])
    async with open_http_tasks(address) as tasks:
        await follow_log(tasks, Screen(), place.id, 0, as_json=False)
    out = capsys.readouterr().out
    assert "done" in out
    assert out.count(SECRET) == count
