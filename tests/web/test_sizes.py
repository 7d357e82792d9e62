"""What travels is what is needed: large payloads go to those who ask for them. FAULTS 32."""

import asyncio
import json
from typing import Any

import pytest

from bgtasks.core.record import SMALL_PAYLOAD
from bgtasks.web.api.page import write_page
from bgtasks.web.hub.replay import MAX_PAYLOADS
from bgtasks.web.listing import Page
from bgtasks.web.protocol import MAX_PAGE_BYTES

from .test_events import Stream

LARGE = "x" * (SMALL_PAYLOAD - 1)
SMALL = "x" * (SMALL_PAYLOAD - 2)
HUGE = "x" * 400_000


def shown(task: Any) -> Any:
    """What a client has got of a payload."""
    return task["payload"], task.get("payloadOmitted")


async def everything(http: Any, **query: Any) -> list[dict[str, Any]]:
    """Every page of a listing; none may be larger than it should."""
    pages: list[dict[str, Any]] = []
    while not pages or pages[-1]["nextCursor"]:
        cursor = {"cursor": pages[-1]["nextCursor"]} if pages else {}
        answer = await http.get("/api/tasks", params={"limit": 200} | query | cursor)
        pages.append(answer.json())
        assert len(answer.content) < MAX_PAGE_BYTES + 1000 or len(pages[-1]["items"]) == 1
    return pages


@pytest.mark.parametrize(("payload", "got"), [(SMALL, (SMALL, None)), (LARGE, (None, True))])
async def test_updates_have_small_payloads_and_say_which_were_left_out(
    world: Any, manager: Any, payload: Any, got: Any
) -> None:
    info = manager.add(payload=payload)
    socket = await world.joined()
    stream = Stream(world)
    await stream.open()
    async with world.http() as http:
        one = (await http.get(f"/api/tasks/{info.id}")).json()
        (asked,) = (await http.get("/api/tasks?include=payload")).json()["items"]
    assert shown(await socket.update()) == shown(await stream.update()) == got
    assert shown(one) == shown(asked) == (payload, None)
    manager.publish(info, progress=50.0)
    assert shown(await socket.update()) == shown(await stream.update()) == got
    cancelled = await socket.call("CancelTask", {"id": str(info.id)})
    assert shown(cancelled["task"]) == got
    await stream.leave()


async def test_a_list_has_no_payloads_unless_it_is_asked_for_them(world: Any, manager: Any) -> None:
    for payload in (None, {"a": 1}, LARGE):
        manager.add(payload=payload)
    async with world.http() as http:
        items = (await http.get("/api/tasks")).json()["items"]
        asked = (await http.get("/api/tasks?include=payload")).json()["items"]
    assert [shown(item) for item in items] == [(None, True), (None, True), (None, None)]
    assert [shown(item) for item in asked] == [(LARGE, None), ({"a": 1}, None), (None, None)]


@pytest.mark.parametrize(
    "asked", [{"ids": True}, {"types": ["Copy"], "payloads": True}, {"payloads": True}]
)
async def test_who_asks_for_a_task_gets_its_payload_with_each_update(
    world: Any, manager: Any, asked: Any
) -> None:
    info, other = manager.add(payload=LARGE), manager.add(payload=LARGE)
    asked = {name: [str(info.id)] if value is True else value for name, value in asked.items()}
    socket = await world.joined({"types": ["Nothing"]})
    answer = await socket.call("Subscribe", asked)
    tasks = {task["id"]: shown(task) for task in answer["tasks"]}
    follows_other = "ids" not in asked
    assert tasks[str(info.id)] == (LARGE, None)
    assert tasks.get(str(other.id)) == ((None, True) if follows_other else None)
    manager.publish(other, payload=LARGE + "y")
    if follows_other:
        assert shown(await socket.update()) == (None, True)
    manager.publish(info, payload=LARGE + "z")
    assert shown(await socket.update()) == (LARGE + "z", None)
    manager.finish(info)
    assert shown(await socket.update()) == (LARGE + "z", None)


async def test_payloads_alone_make_nothing_be_followed(world: Any, manager: Any) -> None:
    info = manager.add("Scan", payload=LARGE)
    socket = await world.joined({"types": ["Nothing"]})
    answer = await socket.call("Subscribe", {"types": ["Copy"], "payloads": [str(info.id)]})
    assert answer["tasks"] == []


async def test_an_event_stream_of_one_task_has_its_payload(world: Any, manager: Any) -> None:
    info = manager.add(payload=LARGE)
    stream = Stream(world, f"ids={info.id}")
    await stream.open()
    assert shown(await stream.update()) == (LARGE, None)
    manager.publish(info, payload=LARGE + "z")
    assert shown(await stream.update()) == (LARGE + "z", None)
    await stream.leave()


@pytest.mark.parametrize("query", [{}, {"include": "payload"}])
@pytest.mark.parametrize(("payload", "count"), [(SMALL, 400), (HUGE, 7)])
async def test_pages_are_bounded_in_bytes_and_lose_nothing(
    world: Any, manager: Any, query: Any, payload: Any, count: int
) -> None:
    message = "\N{GRINNING FACE}" * 300
    tasks = [manager.add(payload=payload, status_message=message) for _ in range(count)]
    async with world.http() as http:
        pages = await everything(http, **query) if query else await everything(http)
    seen = [item["id"] for page in pages for item in page["items"]]
    assert seen == [str(task.id) for task in reversed(tasks)]
    sent = {item["payload"] for page in pages for item in page["items"]}
    assert sent == ({payload} if query else {None})


async def test_a_task_that_is_larger_than_a_page_is_a_page_of_its_own(
    world: Any, manager: Any
) -> None:
    tasks = [manager.add(payload=text) for text in ("a", "b" * MAX_PAGE_BYTES, "c")]
    async with world.http() as http:
        pages = await everything(http, include="payload")
    assert [[item["id"] for item in page["items"]] for page in pages] == [
        [str(task.id)] for task in reversed(tasks)
    ]


async def test_what_a_full_page_has_no_room_for_is_not_read(manager: Any) -> None:
    infos = [manager.add() for _ in range(3)]
    read = []

    async def text_of(info: Any) -> str:
        read.append(info)
        return '"' + "b" * MAX_PAGE_BYTES + '"'

    answer = await write_page(
        Page(infos, None), text_of=text_of, cursor_after=lambda info: str(info.id)
    )
    assert read == infos[:1]
    assert json.loads(answer)["nextCursor"] == str(infos[0].id)


async def test_a_replay_has_large_payloads_up_to_a_bound(world: Any, manager: Any) -> None:
    tasks = [manager.add(payload=HUGE) for _ in range(8)]
    socket = await world.joined({"types": ["Nothing"]})
    answer = await socket.call("Subscribe", {"ids": [str(task.id) for task in tasks]})
    sizes = [len(task["payload"] or "") for task in answer["tasks"]]
    assert len(sizes) == 8
    assert sum(sizes) < MAX_PAYLOADS + len(HUGE)
    assert sizes[:3] == [len(HUGE)] * 3
    assert [task.get("payloadOmitted") for task in answer["tasks"][3:]] == [True] * 5


async def test_others_are_served_while_a_page_is_encoded(world: Any, manager: Any) -> None:
    for _ in range(200):
        manager.add(payload=SMALL)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    running = asyncio.create_task(others())
    async with world.http() as http:
        await http.get("/api/tasks?limit=1")
        before, turns = turns, 0
        answer = await http.get("/api/tasks?limit=200")
    running.cancel()
    assert turns - before > len(answer.content) // (128 * 1024)


async def test_a_large_payload_whose_task_is_gone_meanwhile_is_left_out(
    make_world: Any, manager: Any
) -> None:
    info = manager.add(payload=LARGE)
    read = manager.try_get_task

    async def gone(task_id: Any) -> Any:
        manager.tasks.pop(task_id, None)
        return await read(task_id)

    manager.try_get_task = gone
    world = await make_world()
    async with world.http() as http:
        (item,) = (await http.get("/api/tasks?include=payload")).json()["items"]
    assert (item["id"], shown(item)) == (str(info.id), (None, True))


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("include=", ["include", "''", "payload"]),
        ("include=data", ["include", "'data'", "payload, arguments"]),
        ("include=payload,", ["include", "''"]),
        ("include=payload&include=payload", ["include", "once"]),
    ],
)
async def test_what_cannot_be_included_is_refused(world: Any, query: Any, named: Any) -> None:
    async with world.http() as http:
        answer = await http.get(f"/api/tasks?{query}")
    assert answer.status_code == 400
    assert all(part in answer.json()["detail"] for part in named)


@pytest.mark.parametrize("payloads", ["x", [5], [None], ["x"], {}, 5])
async def test_payloads_that_are_no_ids_are_refused(world: Any, payloads: Any) -> None:
    socket = await world.joined({"types": ["Nothing"]})
    answer = await socket.call("Subscribe", {"payloads": payloads})
    assert answer["ok"] is False
    assert json.dumps(answer)
