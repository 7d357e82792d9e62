"""Numbers about everybody's tasks over HTTP: only for whom the policy shows them."""

from typing import Any

import pytest

from bgtasks import BackgroundTaskPolicy

ROUTES = ["/api/stats", "/api/processes"]


class Operators(BackgroundTaskPolicy):
    """Ada sees statistics, whoever else is logged in may only see tasks."""

    async def can_see_statistics(self, requester: Any) -> bool:
        return bool(requester.identity == "ada")


class Predicate(BackgroundTaskPolicy):
    """Decides of each task by itself."""

    async def can_view(self, requester: Any, task: Any) -> bool:
        return bool(task.owner == requester.identity)


async def test_how_things_are_is_told_in_one_answer(world: Any) -> None:
    async with world.http() as http:
        answer = await http.get("/api/stats")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {
        "asOf": "2026-01-01T00:00:00.000000Z",
        "waiting": 3,
        "scheduled": 2,
        "retrying": 1,
        "running": 4,
        "cancelling": 1,
        "completed": 9,
        "failed": 8,
        "cancelled": 7,
        "oldestWaiting": {
            "id": "00000000-0000-0000-0000-000000000001",
            "type": "Copy",
            "since": "2026-01-01T00:00:00.000000Z",
        },
        "nextScheduledAt": None,
        "places": 100,
        "processes": {"alive": 1, "lost": 0},
        "attention": [
            {
                "kind": "paused",
                "text": "Copy is paused",
                "type": "Copy",
                "since": "2026-01-01T00:00:00.000000Z",
                "filter": {"type": "Copy", "status": "Pending"},
            }
        ],
    }


async def test_processes_say_what_they_run_and_how_they_are(world: Any) -> None:
    async with world.http() as http:
        answer = await http.get("/api/processes")
    assert answer.json() == {
        "items": [
            {
                "id": "00000000-0000-0000-0000-000000000002",
                "host": "one",
                "pid": 7,
                "runsTasks": True,
                "types": ["Copy"],
                "running": 4,
                "places": 100,
                "startedAt": "2026-01-01T00:00:00.000000Z",
                "seenAt": "2026-01-01T00:00:00.000000Z",
                "alive": True,
                "release": "1.2.3",
                "loopLagMs": 1.5,
                "rssBytes": 1024,
                "tasks": ["00000000-0000-0000-0000-000000000001"],
            }
        ]
    }


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(("user", "status"), [("ada", 200), ("bob", 403), ("eve", 403)])
async def test_only_those_whom_the_policy_names_see_them(
    make_world: Any, user_header: Any, route: str, user: str, status: int
) -> None:
    world = await make_world(wrap=user_header, policy=Operators())
    async with world.http(headers={"x-user": user}) as http:
        answer = await http.get(route)
    assert answer.status_code == status
    if status == 403:
        assert "can_see_statistics" in answer.json()["detail"]


@pytest.mark.parametrize("route", ROUTES)
async def test_where_a_predicate_alone_decides_they_are_refused(
    make_world: Any, route: str
) -> None:
    world = await make_world(policy=Predicate())
    async with world.http() as http:
        assert (await http.get(route)).status_code == 403
