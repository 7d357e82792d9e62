"""Types of tasks over HTTP and the hub: seen and paused by those who may control them."""

import asyncio
import json
from typing import Any
from urllib.parse import quote

import pytest

from bgtasks import BackgroundTaskPolicy
from tests.web.test_events import Stream

COPY = {
    "name": "Copy",
    "pausedAt": None,
    "pauseReason": None,
    "waiting": 2,
    "running": 1,
    "maxConcurrency": 4,
    "rate": {"starts": 14, "per": 1.0, "burst": 14},
}
MORE = {
    "registered": True,
    "options": None,
    "processes": 2,
    "oldestWaitingSince": "2026-01-01T00:00:00.000000Z",
    "perMinute": 1.5,
    "failureRate": 0.25,
    "waitMs": {"p50": 1.5, "p95": 2.5, "p99": 3.5},
    "runMs": None,
}
PAUSED = COPY | {"pausedAt": "2026-01-01T00:00:00.000000Z", "pauseReason": "provider is down"}


class Operators(BackgroundTaskPolicy):
    """Ada may control, whoever else is logged in may only see tasks."""

    async def can_control(self, requester: Any) -> bool:
        return bool(requester.identity == "ada")


@pytest.fixture
async def shared(make_world: Any, user_header: Any) -> Any:
    return await make_world(wrap=user_header, policy=Operators())


async def test_types_are_listed_with_their_limits(world: Any) -> None:
    async with world.http() as http:
        answer = await http.get("/api/types")
    (found,) = answer.json()["items"]
    assert (answer.status_code, found) == (200, COPY | MORE)
    assert answer.headers["cache-control"] == "no-store"


async def test_a_type_is_paused_with_a_reason_and_resumed(world: Any) -> None:
    async with world.http() as http:
        route = f"/api/types/Copy/pause?reason={quote('provider is down')}"
        answer = await http.post(route)
        assert (answer.status_code, answer.json()) == (202, PAUSED)
        assert (await http.get("/api/types")).json() == {"items": [PAUSED | MORE]}
        answer = await http.post("/api/types/Copy/resume")
        assert (answer.status_code, answer.json()) == (202, COPY)


async def test_the_hub_pauses_and_resumes_as_well(world: Any) -> None:
    socket = await world.joined()
    answer = await socket.call("PauseType", {"type": "Copy", "reason": "provider is down"})
    assert answer == {"ok": True, "type": PAUSED}
    assert await socket.call("ResumeType", {"type": "Copy"}) == {"ok": True, "type": COPY}


@pytest.mark.parametrize(
    ("route", "status", "named"),
    [
        ("/api/types/Move/pause", 404, "Move"),
        ("/api/types/Move/resume", 404, "Move"),
        ("/api/types/Copy/pause?reason=" + "x" * 1001, 400, "reason"),
        ("/api/types/" + "x" * 201 + "/pause", 400, "accepted: the name of a task type"),
    ],
)
async def test_what_cannot_be_paused_is_refused_by_name(
    world: Any, route: str, status: int, named: str
) -> None:
    async with world.http() as http:
        answer = await http.post(route)
    assert answer.status_code == status
    assert named in answer.json()["detail"]


@pytest.mark.parametrize(
    ("event", "argument"),
    [
        ("PauseType", {"type": "Move"}),
        ("PauseType", {"type": "Copy", "reason": "x" * 1001}),
        ("PauseType", {"type": 7}),
        ("ResumeType", {"type": "Copy", "reason": "x"}),
        ("ResumeType", None),
    ],
)
async def test_the_hub_refuses_it_in_the_ack(world: Any, event: str, argument: Any) -> None:
    socket = await world.joined()
    answer = await socket.call(event, argument)
    assert answer["ok"] is False
    assert answer["error"]


async def test_who_may_not_control_sees_and_pauses_nothing(shared: Any) -> None:
    for name, status in (("ada", 200), ("bob", 403), ("", 403)):
        async with shared.http(headers={"x-user": name}) as http:
            assert (await http.get("/api/types")).status_code == status
            expected = 202 if status == 200 else 403
            assert (await http.post("/api/types/Copy/pause")).status_code == expected
    socket = await shared.joined(headers=[("x-user", "bob")])
    assert (await socket.call("PauseType", {"type": "Copy"}))["ok"] is False


async def test_a_foreign_page_pauses_nothing(world: Any) -> None:
    async with world.http(headers={"Origin": "https://evil.example"}) as http:
        assert (await http.post("/api/types/Copy/pause")).status_code == 403
    assert world.manager.types["Copy"].paused_at is None


async def test_each_pause_is_told_to_those_who_may_control(shared: Any) -> None:
    ada = await shared.joined(headers=[("x-user", "ada")])
    bob = await shared.joined(headers=[("x-user", "bob")])
    stream = Stream(shared, headers=[("x-user", "ada")])
    assert await stream.open() == 200
    await shared.settled()
    await shared.manager.pause("Copy", "provider is down")
    await shared.settled()
    assert json.loads((await ada.frame()).split(",", 1)[1]) == ["TypeUpdated", PAUSED]
    event = await stream.event()
    assert (event["event"], json.loads(event["data"])) == ("TypeUpdated", PAUSED)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await bob.frame()
    await stream.leave()


async def test_a_policy_that_fails_tells_nobody_and_breaks_nothing(make_world: Any) -> None:
    class Failing(BackgroundTaskPolicy):
        async def can_control(self, requester: Any) -> bool:
            raise RuntimeError("no")

    world = await make_world(policy=Failing())
    socket = await world.joined()
    await world.manager.pause("Copy")
    await world.settled()
    info = world.manager.add("Copy")
    world.manager.publish(info)
    assert (await socket.update())["id"] == str(info.id)
