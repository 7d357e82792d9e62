"""Numbers about everybody's tasks over HTTP: only for whom the policy shows them."""

import json
from typing import Any

import pytest

from bgtasks import BackgroundTaskPolicy

FACETS = "/api/failures/0123456789abcdef/facets"
ROUTES = [
    "/api/stats",
    "/api/stats/history",
    "/api/processes",
    "/api/failures",
    f"{FACETS}?by=owner",
]


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


async def test_failures_are_told_by_groups(make_world: Any, manager: Any) -> None:
    failed = manager.add(status="Failed")
    manager.sample_task = failed.id
    query = "?from=2025-12-31T23:00:00Z&to=2026-01-01T00:00:00Z&type=Copy"
    at = "2026-01-01T00:00:00.000000Z"
    item = {
        "group": "0123456789abcdef",
        "errorType": "OSError",
        "sample": "no space",
        "frame": "app/copy.py in copy",
        "stillFailed": 3,
        "recovered": 2,
        "retrying": 1,
        "firstAt": at,
        "lastAt": at,
        "types": ["Copy"],
        "sampleTask": str(failed.id),
    }
    async with (await make_world()).http() as http:
        assert (await http.get(f"/api/failures{query}")).json() == {"items": [item]}
        assert (await http.get("/api/failures?step=60")).status_code == 400
        assert (await http.get("/api/failures?from=now")).status_code == 400
    assert manager.asked[0] == {"hours": 1, "type": "Copy"}


class NoErrors(BackgroundTaskPolicy):
    """Shows numbers, and not the inside of the application."""

    async def can_view_errors(self, requester: Any, task: Any) -> bool:
        return False


async def test_places_in_the_code_are_for_who_may_see_errors(make_world: Any, manager: Any) -> None:
    manager.sample_task = manager.add(status="Failed").id
    async with (await make_world(policy=NoErrors())).http() as http:
        (item,) = (await http.get("/api/failures")).json()["items"]
    assert item["frame"] is None


async def test_what_the_tasks_of_a_failure_have_in_common_is_told_by_values(
    world: Any, manager: Any
) -> None:
    query = "by=args.share&from=2025-12-31T23:00:00Z&to=2026-01-01T00:00:00Z&type=Copy"
    items = [
        {"value": "/mnt/a", "failed": 61, "total": 64},
        {"value": 7, "failed": 1, "total": None},
    ]
    group = "0123456789abcdef"
    async with world.http() as http:
        assert (await http.get(f"{FACETS}?{query}")).json() == {"items": items}
        for refused in ("", "by=", "by=shoe", "by=owner&by=process", "by=owner&q=x"):
            answer = await http.get(f"{FACETS}?{refused}")
            assert answer.status_code == 400
            assert "by" in answer.json()["detail"]
    assert manager.asked[0] == {"group": group, "by": "args.share", "hours": 1, "type": "Copy"}


class NoArguments(BackgroundTaskPolicy):
    """Shows numbers, and not what tasks were submitted with."""

    async def can_see_arguments(self, requester: Any) -> bool:
        return False


async def test_tasks_are_told_apart_by_arguments_for_who_may_see_them(make_world: Any) -> None:
    async with (await make_world(policy=NoArguments())).http() as http:
        assert (await http.get(f"{FACETS}?by=owner")).status_code == 200
        answer = await http.get(f"{FACETS}?by=args.share")
    assert answer.status_code == 403
    assert "arguments" in answer.json()["detail"]


async def test_what_happened_is_told_by_points_and_null_where_it_is_not_known(
    world: Any, manager: Any
) -> None:
    query = "?from=2025-12-31T23:00:00Z&to=2026-01-01T00:00:00Z&type=Copy&step=auto"
    async with world.http() as http:
        answer = await http.get(f"/api/stats/history{query}")
    times = {"p50": 1.5, "p95": 2.5, "p99": 3.5}
    at = "2026-01-01T00:00:00.000000Z"
    names = ["submitted", "started", "completed", "failed", "cancelled", "retried"]
    names += ["waiting", "running", "waitMs", "runMs"]
    assert answer.json() == {
        "step": 60,
        "knownSince": at,
        "points": [
            {"at": at, **dict.fromkeys(names)},
            {"at": at, **dict(zip(names, [9, 8, 7, 1, 0, 2, 4, 3, times, None], strict=True))},
        ],
    }
    assert manager.asked[-1] == {"type": "Copy", "step": 1, "points": 60}


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("step=1", "step is '1'; accepted: auto, or seconds that are whole minutes"),
        ("step=60", "1440 points; accepted: at most 200"),
        ("from=yesterday", "from is 'yesterday'; accepted: a time"),
        ("from=2026-01-01T00:00:00Z&from=2026-01-01T00:00:00Z", "given 2 times"),
        ("type=", "type is ''; accepted: a task type"),
        ("until=2026-01-01T00:00:00Z", "unknown parameter 'until'; accepted: from, to, type, step"),
    ],
)
async def test_a_history_that_cannot_be_told_is_refused(
    world: Any, query: str, detail: str
) -> None:
    async with world.http() as http:
        answer = await http.get(f"/api/stats/history?{query}")
    assert answer.status_code == 400
    assert detail in answer.json()["detail"]


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


async def subscribed(socket: Any, **message: Any) -> Any:
    """Ask for it; the first StatsUpdated, which may come before the ack or behind it."""
    number, found, acked = socket.emit("Subscribe", message), None, False
    while found is None or not acked:
        head, _, data = (await socket.frame()).partition(",")
        if head.startswith("43"):
            acked = data == f'{number}[{{"ok":true,"tasks":[]}}]'
            assert acked
        else:
            event, found = json.loads(data)
            assert event == "StatsUpdated"
    return found


async def told(socket: Any) -> Any:
    """The next StatsUpdated."""
    event, data = json.loads((await socket.frame()).split(",", 1)[1])
    assert event == "StatsUpdated"
    return data


async def test_who_asks_is_told_how_things_are_once_a_second_where_it_has_changed(
    world: Any, manager: Any, clock: Any
) -> None:
    socket = await world.joined()
    first = await subscribed(socket, view="stats")
    async with world.http() as http:
        assert first == (await http.get("/api/stats")).json()
    manager.publish(manager.add())  # tasks are not followed
    await world.settled()
    clock.advance(1)
    await world.settled()
    manager.waiting = 9
    await world.settled()
    looked = manager.calls.count("manager.get_stats")
    clock.advance(0.5)
    await world.settled()
    assert manager.calls.count("manager.get_stats") == looked
    clock.advance(0.5)
    assert (await told(socket))["waiting"] == 9


async def test_where_nobody_asks_nobody_looks(world: Any, manager: Any, clock: Any) -> None:
    socket = await world.joined()
    await subscribed(socket, view="stats")
    await socket.call("Unsubscribe")
    clock.advance(1)
    await world.settled()
    looked = manager.calls.count("manager.get_stats")
    for _ in range(5):
        clock.advance(1)
        await world.settled()
    assert manager.calls.count("manager.get_stats") == looked


async def test_tasks_are_followed_beside_statistics_where_they_are_named(
    world: Any, manager: Any
) -> None:
    socket = await world.joined()
    await subscribed(socket, view="stats", types=["Copy"])
    manager.publish(manager.add("Other"))
    info = manager.publish(manager.add("Copy"))
    assert (await socket.update())["id"] == str(info.id)


async def test_all_tasks_are_followed_beside_statistics_where_that_is_asked_for(
    world: Any, manager: Any
) -> None:
    socket = await world.joined()
    await subscribed(socket, view="stats", all=True)
    info = manager.publish(manager.add("Other"))
    assert (await socket.update())["id"] == str(info.id)


@pytest.mark.parametrize("value", [1, "true", []])
async def test_all_is_true_or_false(world: Any, value: Any) -> None:
    socket = await world.joined()
    answer = await socket.call("Subscribe", {"view": "stats", "all": value})
    assert answer["ok"] is False
    assert "accepted: true or false" in answer["error"]


async def test_who_may_not_see_statistics_is_told_so(
    make_world: Any, user_header: Any, clock: Any
) -> None:
    world = await make_world(wrap=user_header, policy=Operators())
    bob = await world.joined(headers=[("x-user", "bob")])
    answer = await bob.call("Subscribe", {"view": "stats"})
    assert answer["ok"] is False
    assert "can_see_statistics" in answer["error"]
    answer = await bob.call("Subscribe", {"view": "all"})
    assert answer == {"ok": False, "error": "view is 'all'; accepted: 'stats', or none"}


class Changing(BackgroundTaskPolicy):
    """Everybody sees statistics, until nobody does."""

    may: bool | None = True

    async def can_see_statistics(self, requester: Any) -> bool:
        if self.may is None:
            raise RuntimeError("the users' table is locked")
        return self.may


async def test_who_may_no_longer_see_them_is_sent_away_and_refused_when_it_comes_back(
    make_world: Any, manager: Any, clock: Any
) -> None:
    policy = Changing()
    world = await make_world(policy=policy)
    socket = await world.joined()
    await subscribed(socket, view="stats")
    other = await world.joined()
    policy.may = False
    manager.waiting = 9
    await world.settled()
    clock.advance(1)
    assert not any("StatsUpdated" in frame for frame in await socket.closed())
    back = await world.joined()
    answer = await back.call("Subscribe", {"view": "stats"})
    assert answer["ok"] is False
    assert "can_see_statistics" in answer["error"]
    info = manager.publish(manager.add("Copy"))  # who asks for none is not concerned
    for client in (other, back):
        assert (await client.update())["id"] == str(info.id)


async def test_a_policy_that_fails_is_asked_again_at_the_next_look(
    make_world: Any, manager: Any, clock: Any
) -> None:
    policy = Changing()
    world = await make_world(policy=policy)
    socket = await world.joined()
    await subscribed(socket, view="stats")
    policy.may, manager.waiting = None, 9
    await world.settled()
    clock.advance(1)
    await world.settled()
    policy.may = True
    clock.advance(1)
    assert (await told(socket))["waiting"] == 9
