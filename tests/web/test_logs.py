"""Logs of tasks: over HTTP, the hub and event streams, and which lines reach whom."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest

from bgtasks import BackgroundTaskPolicy
from bgtasks.web.hub.audience import VERDICT_AGE
from bgtasks.web.hub.log_news import PAUSE
from tests.web.test_events import Stream

AT = "2026-01-01T00:00:00.000000Z"
SAID = {"number": 1, "at": AT, "level": "info", "message": "began", "source": "task"}
LOGGED = {
    "number": 2,
    "at": AT,
    "level": "info",
    "message": "password is x",
    "source": "logging",
    "logger": "app",
}


class Shared(BackgroundTaskPolicy):
    """Ada's tasks are hers alone; Olga, an operator, sees all tasks and what is for operators."""

    def __init__(self) -> None:
        self.asked = 0

    async def can_view(self, requester: Any, task: Any) -> bool:
        return requester.identity in ("olga", task.owner)

    async def can_view_errors(self, requester: Any, task: Any) -> bool:
        self.asked += 1
        return bool(requester.identity == "olga")


@pytest.fixture
async def shared(make_world: Any, user_header: Any) -> Any:
    return await make_world(wrap=user_header, policy=Shared())


def add(manager: Any, **fields: Any) -> Any:
    info = manager.add(**fields)
    manager.log(info, "began")
    manager.log(info, "password is x", logger="app")
    return info


async def ask(world: Any, info: Any, query: str = "", user: str = "olga") -> Any:
    async with world.http(headers={"x-user": user}) as http:
        return await http.get(f"/api/tasks/{info.id}/logs{query}")


# Over HTTP


async def test_an_operator_reads_all_lines_and_the_owner_those_of_the_task(
    shared: Any, manager: Any
) -> None:
    info = add(manager, owner="ada")
    answer = await ask(shared, info)
    assert answer.status_code == 200
    assert answer.json() == {"items": [SAID, LOGGED], "first": 1, "last": 2}
    assert answer.headers["cache-control"] == "no-store"
    answer = await ask(shared, info, user="ada")
    assert answer.json() == {"items": [SAID], "first": 1, "last": 2}
    answer = await ask(shared, info, user="bob")
    assert answer.status_code == 404
    assert "began" not in answer.text
    assert (await ask(shared, info, user="")).status_code == 403


async def test_lines_behind_a_number(shared: Any, manager: Any) -> None:
    info = add(manager)
    assert (await ask(shared, info, "?after=1")).json()["items"] == [LOGGED]
    assert (await ask(shared, info, "?after=2")).json() == {"items": [], "first": 1, "last": 2}
    assert (await ask(shared, manager.add())).json() == {"items": [], "first": 1, "last": 0}


@pytest.mark.parametrize(
    "query", ["?after=-1", "?after=x", "?after=", "?after=1&after=2", "?after=99999999999999999"]
)
async def test_a_bad_number_is_refused_by_name(shared: Any, manager: Any, query: str) -> None:
    answer = await ask(shared, manager.add(), query)
    assert answer.status_code == 400
    assert "after" in answer.json()["detail"]


async def test_another_parameter_and_a_task_that_is_not_there_are_refused(
    shared: Any, manager: Any
) -> None:
    info = manager.add()
    assert "accepted: after" in (await ask(shared, info, "?before=1")).json()["detail"]
    del manager.tasks[info.id]
    assert (await ask(shared, info)).status_code == 404


# Over the hub


async def lines_on(world: Any, socket: Any) -> list[Any]:
    """What events of logs the client gets, after a moment in which each round has come."""
    for _ in range(3):
        await world.settled()
        world.clock.advance(PAUSE)
    await world.settled()
    came: list[Any] = await socket.logs_that_came()
    return came


def message_of(*infos: Any) -> Any:
    return {"ids": [], "logs": [str(info.id) for info in infos]}


async def test_who_follows_a_log_gets_what_is_there_and_then_each_new_line(
    shared: Any, manager: Any
) -> None:
    info = add(manager, owner="ada")
    olga = await shared.joined(headers=[("x-user", "olga")])
    ada = await shared.joined(headers=[("x-user", "ada")])
    bob = await shared.joined(headers=[("x-user", "bob")])
    for socket in (olga, ada, bob):
        assert await socket.call("Subscribe", message_of(info)) == {"ok": True, "tasks": []}
    assert await lines_on(shared, olga) == [{"id": str(info.id), "lines": [SAID, LOGGED]}]
    assert await lines_on(shared, ada) == [{"id": str(info.id), "lines": [SAID]}]
    manager.log(info, "secret", logger="app")
    manager.log(info, "done")
    done = {**SAID, "number": 4, "message": "done"}
    (event,) = await lines_on(shared, olga)
    assert [line["message"] for line in event["lines"]] == ["secret", "done"]
    assert await lines_on(shared, ada) == [{"id": str(info.id), "lines": [done]}]
    manager.log(info, "of the inside alone", logger="app")
    assert await lines_on(shared, ada) == []
    assert await lines_on(shared, bob) == []


async def test_only_who_asks_gets_lines(world: Any, manager: Any) -> None:
    info, other = add(manager), add(manager)
    everything = await world.joined()
    one = await world.joined()
    await one.call("Subscribe", message_of(info))
    await lines_on(world, one)
    await lines_on(world, everything)
    manager.log(other, "not followed")
    manager.log(info, "followed")
    assert await lines_on(world, everything) == []
    (event,) = await lines_on(world, one)
    assert event["id"] == str(info.id)
    await one.call("Unsubscribe")
    manager.log(info, "no longer followed")
    assert await lines_on(world, one) == []


async def test_a_new_subscription_goes_on_where_the_old_one_was(world: Any, manager: Any) -> None:
    info, other = add(manager), add(manager)
    socket = await world.joined()
    await socket.call("Subscribe", message_of(info))
    assert len(await lines_on(world, socket)) == 1
    await socket.call("Subscribe", message_of(info, other))
    (event,) = await lines_on(world, socket)
    assert event["id"] == str(other.id)


async def test_news_that_may_be_of_any_task_are_looked_up(world: Any, manager: Any) -> None:
    info = add(manager)
    socket = await world.joined()
    await socket.call("Subscribe", message_of(info))
    await lines_on(world, socket)
    manager.log_updated.tell([uuid4()])
    assert await lines_on(world, socket) == []
    line = manager.logs[info.id][0]
    manager.logs[info.id].append(type(line)(3, line.at, "error", "heard of by nobody"))
    manager.log_updated.tell(None)
    (event,) = await lines_on(world, socket)
    assert [item["message"] for item in event["lines"]] == ["heard of by nobody"]


async def test_a_long_log_comes_in_parts_and_nothing_of_it_is_missing(
    world: Any, manager: Any
) -> None:
    info = manager.add()
    manager.log(info, *map(str, range(2_500)))
    socket = await world.joined()
    await socket.call("Subscribe", message_of(info))
    found: list[Any] = []
    for _ in range(5):
        found += await lines_on(world, socket)
    assert [len(event["lines"]) for event in found] == [1_000, 1_000, 500]
    assert [line["number"] for event in found for line in event["lines"]] == list(range(1, 2_501))


async def test_the_policy_is_asked_again_after_a_minute(shared: Any, manager: Any) -> None:
    info = add(manager, owner="ada")
    policy = shared.policy
    olga = await shared.joined(headers=[("x-user", "olga")])
    await olga.call("Subscribe", message_of(info))
    await lines_on(shared, olga)
    assert policy.asked == 1
    manager.log(info, "one")
    await lines_on(shared, olga)
    assert policy.asked == 1
    shared.clock.advance(VERDICT_AGE)
    await shared.settled()
    manager.log(info, "two")
    assert await lines_on(shared, olga)
    assert policy.asked == 2


async def test_what_many_follow_is_read_once(world: Any, manager: Any) -> None:
    info = add(manager)
    sockets = [await world.joined() for _ in range(20)]
    for socket in sockets:
        await socket.call("Subscribe", message_of(info))
        await lines_on(world, socket)
    manager.asked.clear()
    manager.log(info, "for all")
    for socket in sockets:
        assert len(await lines_on(world, socket)) == 1
    assert len([item for item in manager.asked if item == {"after": 2, "source": None}]) == 1


@pytest.mark.parametrize(
    ("logs", "said"),
    [
        ("x", "logs is a text"),
        (["x"], "task id is 'x'"),
        ([7], "task id is"),
        ([str(uuid4()) for _ in range(21)], "at most 20"),
    ],
)
async def test_a_bad_list_of_logs_is_refused(world: Any, logs: Any, said: str) -> None:
    socket = await world.joined()
    answer = await socket.call("Subscribe", {"logs": logs})
    assert not answer["ok"]
    assert said in answer["error"]


# Over an event stream


async def test_an_event_stream_has_the_lines_of_logs_too(shared: Any, manager: Any) -> None:
    info = add(manager, owner="ada")
    query = f"ids={uuid4()}&logs={info.id}"
    streams = {name: Stream(shared, query, [("x-user", name)]) for name in ("olga", "ada", "bob")}
    for stream in streams.values():
        assert await stream.open() == 200
    for name, lines in (("olga", [SAID, LOGGED]), ("ada", [SAID])):
        event = await event_of(shared, streams[name])
        assert event["event"] == "TaskLog"
        assert json.loads(event["data"]) == {"id": str(info.id), "lines": lines}
    manager.log(info, "secret", logger="app")
    manager.log(info, "done")
    event = await event_of(shared, streams["ada"])
    assert [line["message"] for line in json.loads(event["data"])["lines"]] == ["done"]
    with pytest.raises(TimeoutError):
        await event_of(shared, streams["bob"], patience=0.05)
    for stream in streams.values():
        await stream.leave()


async def event_of(world: Any, stream: Stream, patience: float = 2.0) -> Any:
    async def ticking() -> None:
        while True:
            await world.settled()
            world.clock.advance(PAUSE)

    ticks = asyncio.create_task(ticking())
    try:
        async with asyncio.timeout(patience):
            return await stream.event()
    finally:
        ticks.cancel()


async def test_too_many_logs_and_other_parameters_of_a_stream_are_refused(world: Any) -> None:
    many = ",".join(str(uuid4()) for _ in range(21))
    for query, said in ((f"logs={many}", "at most 20"), ("log=x", "accepted: type, ids, logs")):
        async with world.http() as http:
            answer = await http.get(f"/api/tasks/events?{query}")
        assert answer.status_code == 400
        assert said in answer.json()["detail"]
