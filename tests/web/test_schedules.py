"""Schedules over HTTP and the hub: seen, run and paused by those who may control them."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import attrs
import pytest

from bgtasks import BackgroundTaskPolicy, ScheduleInfo
from bgtasks.models import TickInfo

START = datetime(2026, 1, 1, tzinfo=UTC)
TASK = UUID(int=7)
NIGHTLY = ScheduleInfo(
    name="nightly",
    type="Copy",
    spec="0 3 * * *",
    timezone="Europe/Berlin",
    paused=False,
    next_tick=START,
    last_tick=START,
    last_task=TASK,
    skipped=2,
    last_error=None,
    in_words="At 03:00 every day (Europe/Berlin)",
    upcoming=(START,),
    ticks=(TickInfo(tick=START, outcome="submitted", task=TASK, missed=1),),
)
SENT = {
    "name": "nightly",
    "type": "Copy",
    "spec": "0 3 * * *",
    "inWords": "At 03:00 every day (Europe/Berlin)",
    "timezone": "Europe/Berlin",
    "paused": False,
    "pausedAt": None,
    "nextTick": "2026-01-01T00:00:00.000000Z",
    "next": ["2026-01-01T00:00:00.000000Z"],
    "lastTick": "2026-01-01T00:00:00.000000Z",
    "lastTask": str(TASK),
    "skipped": 2,
    "lastError": None,
    "last": [
        {
            "tick": "2026-01-01T00:00:00.000000Z",
            "outcome": "submitted",
            "task": str(TASK),
            "missed": 1,
            "message": None,
        }
    ],
    "registered": True,
}
PAUSED = SENT | {"paused": True, "pausedAt": "2026-01-01T00:00:00.000000Z"}


class Operators(BackgroundTaskPolicy):
    """Ada may control, whoever else is logged in may only see tasks."""

    async def can_control(self, requester: Any) -> bool:
        return bool(requester.identity == "ada")


@pytest.fixture
def manager(manager: Any) -> Any:
    manager.schedules = {"nightly": NIGHTLY}
    return manager


@pytest.fixture
async def shared(manager: Any, make_world: Any, user_header: Any) -> Any:
    return await make_world(wrap=user_header, policy=Operators())


async def test_schedules_are_listed_page_by_page(world: Any) -> None:
    world.manager.schedules["poll"] = attrs.evolve(NIGHTLY, name="poll")
    async with world.http() as http:
        answer = await http.get("/api/schedules?limit=1")
        assert (answer.status_code, answer.json()) == (
            200,
            {"items": [SENT], "nextCursor": "nightly"},
        )
        assert answer.headers["cache-control"] == "no-store"
        rest = (await http.get("/api/schedules?limit=1&cursor=nightly")).json()
        assert [item["name"] for item in rest["items"]] == ["poll"]
        assert rest["nextCursor"] is None
        for query in ("limit=0", "limit=201", "name=x", "cursor="):
            assert (await http.get(f"/api/schedules?{query}")).status_code == 400


async def test_a_schedule_is_run_paused_and_resumed(world: Any) -> None:
    async with world.http() as http:
        answer = await http.post("/api/schedules/nightly/pause")
        assert (answer.status_code, answer.json()) == (202, PAUSED)
        answer = await http.post("/api/schedules/nightly/resume")
        assert (answer.status_code, answer.json()) == (202, SENT)
        answer = await http.post("/api/schedules/nightly/run")
        assert answer.status_code == 202
        assert answer.json()["lastTask"] not in (None, str(TASK))


async def test_the_hub_does_it_as_well(world: Any) -> None:
    socket = await world.joined()
    assert await socket.call("PauseSchedule", {"name": "nightly"}) == {
        "ok": True,
        "schedule": PAUSED,
    }


async def test_a_schedule_that_is_not_there_is_named(world: Any) -> None:
    async with world.http() as http:
        for command in ("run", "pause", "resume"):
            answer = await http.post(f"/api/schedules/daily/{command}")
            assert answer.status_code == 404
            assert "daily" in answer.json()["detail"]
        answer = await http.post("/api/schedules/a%20b/run")
        assert answer.status_code == 400
        assert "accepted: 1 to 100 letters" in answer.json()["detail"]
    socket = await world.joined()
    answer = await socket.call("RunSchedule", {"name": "daily"})
    assert (answer["ok"], "daily" in answer["error"]) == (False, True)
    assert (await socket.call("RunSchedule", {"id": "nightly"}))["ok"] is False


async def test_who_may_not_control_sees_and_runs_nothing(shared: Any) -> None:
    for name, allowed in (("ada", True), ("bob", False), ("", False)):
        async with shared.http(headers={"x-user": name}) as http:
            assert (await http.get("/api/schedules")).status_code == (200 if allowed else 403)
            expected = 202 if allowed else 403
            for command in ("run", "pause", "resume"):
                answer = await http.post(f"/api/schedules/nightly/{command}")
                assert answer.status_code == expected
            # Whether there is such a schedule is not told, either.
            missing = await http.post("/api/schedules/daily/run")
            assert missing.status_code == (404 if allowed else 403)
    socket = await shared.joined(headers=[("x-user", "bob")])
    assert (await socket.call("RunSchedule", {"name": "nightly"}))["ok"] is False


async def test_a_foreign_page_runs_nothing(world: Any) -> None:
    async with world.http(headers={"Origin": "https://evil.example"}) as http:
        assert (await http.post("/api/schedules/nightly/run")).status_code == 403
    assert world.manager.schedules["nightly"] == NIGHTLY


async def test_each_change_is_told_to_those_who_may_control(shared: Any) -> None:
    ada = await shared.joined(headers=[("x-user", "ada")])
    bob = await shared.joined(headers=[("x-user", "bob")])
    await shared.settled()
    await shared.manager.pause_schedule("nightly")
    await shared.settled()
    assert json.loads((await ada.frame()).split(",", 1)[1]) == ["ScheduleUpdated", PAUSED]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await bob.frame()
