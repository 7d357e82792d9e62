"""One record that cannot be sent spoils no page, no replay and no push. FAULTS 15."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import frozen
from dependency_injector import providers

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTasksContainer,
    BackgroundWorker,
    BackgroundWorkerContext,
    background_task,
)

from .test_events import Stream


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


HALF = "caf\udce9.txt"  # as os.listdir gives a name that is no UTF-8
BAD = {
    "half a surrogate pair": {"path": HALF},
    "half a pair as a key": {HALF: 1},
    "halves in the wrong order": "\udc00\ud800",
    "nested 10,000 deep": nested(10_000),
    "no JSON": object(),
    "not a number": float("nan"),
}


def parsed(text: str | bytes) -> Any:
    """JSON as strict parsers take it: in UTF-8, without half a pair."""
    data = json.loads(text)
    json.dumps(data, ensure_ascii=False).encode()
    return data


@pytest.mark.parametrize("payload", BAD.values(), ids=BAD)
async def test_a_payload_that_cannot_be_sent_is_left_out_over_every_way(
    world: Any, manager: Any, payload: Any, caplog: Any
) -> None:
    good = manager.add("Good", payload={"a": 1})
    bad = manager.add("Bad", status_message="half way", payload=payload)
    socket = await world.joined()
    stream = Stream(world)
    await stream.open()
    async with world.http() as http:
        page = parsed((await http.get("/api/tasks?include=payload")).content)["items"]
        one = parsed((await http.get(f"/api/tasks/{bad.id}")).content)
        deleted = await http.delete(f"/api/tasks/{bad.id}")
    subscribed = await socket.call("Subscribe", {"ids": [str(bad.id)]})
    assert deleted.status_code == 202
    shown = [page[0], one, parsed(deleted.content), *subscribed["tasks"]]
    shown += [(await socket.updates_until(bad))[-1], (await stream.updates_until(bad))[-1]]
    for task in shown:
        assert (task["id"], task["payload"]) == (str(bad.id), None)
        assert task["statusMessage"] == "half way"
    assert (page[1]["id"], page[1]["payload"]) == (str(good.id), {"a": 1})
    warnings = [record for record in caplog.records if "cannot be sent" in record.message]
    assert len(warnings) == 1
    await stream.leave()


@pytest.mark.parametrize("field", ["name", "status_message", "error_message"])
async def test_a_text_that_is_no_unicode_is_cleaned_and_the_payload_stays(
    world: Any, manager: Any, field: str
) -> None:
    info = manager.add(payload={"a": 1}, **{field: HALF})
    socket = await world.joined()
    key = {"name": "name", "status_message": "statusMessage", "error_message": "errorMessage"}
    async with world.http() as http:
        (item,) = parsed((await http.get("/api/tasks?include=payload")).content)["items"]
    for task in (item, (await socket.updates_until(info))[-1]):
        assert (task[key[field]], task["payload"]) == ("caf?.txt", {"a": 1})


async def test_characters_beyond_the_first_plane_are_sent_as_they_are(
    world: Any, manager: Any
) -> None:
    payload = {"face": "\N{GRINNING FACE}", "written": "\\ud83d"}
    manager.add(name="\N{MAHJONG TILE RED DRAGON}", payload=payload)
    async with world.http() as http:
        (item,) = parsed((await http.get("/api/tasks?include=payload")).content)["items"]
    assert (item["name"], item["payload"]) == ("\N{MAHJONG TILE RED DRAGON}", payload)


@frozen(kw_only=True)
class ScanTask(BackgroundTaskBase):
    """A task."""


class ScanWorker(BackgroundWorker[ScanTask, Any]):
    """Reports a payload."""

    async def execute(self, context: BackgroundWorkerContext[ScanTask, Any]) -> None:
        context.set_payload("good")


DAMAGED = ("name", "payload", "status_message", "error_message", "owner")


@pytest.mark.parametrize("column", DAMAGED)
async def test_a_stored_text_that_is_no_utf_8_keeps_nobody_from_the_others(
    tmp_path: Path, column: str
) -> None:
    database = tmp_path / "tasks.db"
    async with container_of(database).manager() as manager:
        for task_id in await manager.run_tasks([ScanTask(), ScanTask()]):
            await manager.wait_for(task_id, 10)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            f"UPDATE tasks SET {column} = CAST(x'22ff22' AS TEXT) WHERE sequence = 1"
        )
    container = container_of(database)
    transport = httpx.ASGITransport(container.asgi_app(), client=("127.0.0.1", 5))
    async with (
        container.manager() as manager,
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as http,
    ):
        good, _ = parsed((await http.get("/api/tasks?include=payload")).content)["items"]
        assert good["payload"] == "good"
        await manager.wait_for(await manager.run_task(ScanTask()), 10)
        assert manager.health().trouble is None


def container_of(database: Path) -> Any:
    registration = background_task(ScanTask, providers.Factory(ScanWorker))
    container: Any = BackgroundTasksContainer(tasks=providers.List(registration))
    container.config.from_dict({"database": str(database)})
    return container


STORED = [
    # What an older release stored, and what is shown of it.
    ('"caf\\udce9.txt"', "caf?.txt"),
    ("[" * 400 + "]" * 400, None),
    ("[" * 100_000 + "]" * 100_000, None),
    ('{"a": ', None),
    ("NaN", None),
    ('"good"', "good"),
]


async def test_a_file_with_payloads_of_an_older_release_is_listed(tmp_path: Path) -> None:
    database = tmp_path / "tasks.db"
    async with container_of(database).manager() as manager:
        for task_id in await manager.run_tasks([ScanTask() for _ in STORED]):
            await manager.wait_for(task_id, 10)
    with closing(sqlite3.connect(database)) as connection, connection:
        for sequence, (text, _) in enumerate(STORED, start=1):
            connection.execute("UPDATE tasks SET payload = ? WHERE sequence = ?", (text, sequence))
    container = container_of(database)
    transport = httpx.ASGITransport(container.asgi_app(), client=("127.0.0.1", 5))
    async with (
        container.manager(),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as http,
    ):
        shown = [payload for _, payload in reversed(STORED)]
        for limit in (200, 1):
            answer = await http.get(f"/api/tasks?include=payload&limit={limit}")
            items = parsed(answer.content)["items"]
            assert [item["payload"] for item in items] == shown[: len(items)]
            assert not any("payloadOmitted" in item for item in items)
        for item in parsed((await http.get("/api/tasks")).content)["items"]:
            answer = await http.get(f"/api/tasks/{item['id']}")
            assert (answer.status_code, parsed(answer.content)["name"]) == (200, "ScanTask")
            assert (await http.delete(f"/api/tasks/{item['id']}")).status_code == 409
