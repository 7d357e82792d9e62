"""Who may see and do what: one policy, asked by HTTP and the hub alike."""

from typing import Any

import pytest
from starlette.authentication import AuthCredentials, SimpleUser, UnauthenticatedUser
from starlette.requests import HTTPConnection

from bgtasks import BackgroundTaskPolicy, Requester


def requester(
    client: Any = ("127.0.0.1", 1), host: Any = "localhost", headers: Any = (), **scope: Any
) -> Any:
    raw = [(k.encode(), v.encode("utf-8")) for k, v in [("host", host), *headers]]
    return Requester(HTTPConnection({"type": "http", "headers": raw, "client": client, **scope}))


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:203.0.113.9", False),
        ("10.0.0.1", False),
        ("203.0.113.9", False),
        ("localhost", False),
        ("testclient", False),
        ("", False),
    ],
)
async def test_without_authentication_only_this_machine_may_connect(
    address: Any, allowed: Any
) -> None:
    assert await BackgroundTaskPolicy().can_connect(requester((address, 1))) is allowed


async def test_a_client_without_address_is_refused() -> None:
    assert not await BackgroundTaskPolicy().can_connect(requester(None))


@pytest.mark.parametrize("header", ["forwarded", "x-forwarded-for", "x-real-ip", "X-Forwarded-For"])
async def test_what_came_through_a_proxy_is_not_from_this_machine(header: Any) -> None:
    asking = requester(headers=[(header.lower(), "203.0.113.9")])
    assert not await BackgroundTaskPolicy().can_connect(asking)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("localhost", True),
        ("LocalHost", True),
        ("localhost:80", True),
        ("app.localhost", True),
        ("127.0.0.1", True),
        ("127.1.2.3:80", True),
        ("[::1]", True),
        ("[::1]:80", True),
        ("[::ffff:127.0.0.1]", True),
        ("localhost:8000", False),
        ("localhost:", False),
        ("localhost:x", False),
        ("localhost:080000", False),
        ("localhost.", False),
        (".localhost", False),
        ("a..localhost", False),
        ("localhost\u3002", False),
        ("user@localhost", False),
        ("localhost@evil.example", False),
        ("localhost,evil.example", False),
        ("localhost localhost", False),
        (" localhost", False),
        ("::1", False),
        ("[127.0.0.1]", False),
        ("[::1%lo]", False),
        ("[::]", False),
        ("0.0.0.0", False),
        ("127.1", False),
        ("2130706433", False),
        ("127.0.0.1.", False),
        ("192.168.1.5", False),
        ("testserver", False),
        ("wpad", False),
        ("intranet:80", False),
        ("evil.example", False),
        ("evil.example:8000", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("notlocalhost", False),
        ("notlocalhost.", False),
        ("evil.example.", False),
        ("", False),
    ],
)
async def test_a_name_that_may_be_rebound_is_refused_on_this_machine(
    host: Any, allowed: Any
) -> None:
    assert await BackgroundTaskPolicy().can_connect(requester(host=host)) is allowed


async def test_on_this_machine_everything_is_visible() -> None:
    assert await BackgroundTaskPolicy().visible_owners(requester()) is None


async def test_behind_authentication_only_users_may_connect_wherever_they_are() -> None:
    policy = BackgroundTaskPolicy()
    assert not await policy.can_connect(requester(user=UnauthenticatedUser()))
    user = SimpleUser("ann")
    far = requester(("203.0.113.9", 1), "app.example.org", user=user, auth=AuthCredentials())
    assert await policy.can_connect(far)
    assert far.identity == "ann"
    assert await policy.visible_owners(far) == frozenset({None, "ann"})


async def test_what_concerns_everybody_is_controlled_by_a_developer_alone() -> None:
    policy = BackgroundTaskPolicy()
    assert await policy.can_control(requester()) is True
    assert await policy.can_control(requester(("203.0.113.9", 1))) is False
    assert await policy.can_control(requester(headers=[("via", "1.1 proxy")])) is False
    logged_in = requester(user=SimpleUser("ann"), auth=AuthCredentials(["authenticated"]))
    assert await policy.can_control(logged_in) is False


@pytest.mark.parametrize("question", ["can_see_statistics", "can_see_arguments"])
async def test_what_single_tasks_hide_is_seen_by_a_developer_alone(question: str) -> None:
    asked = getattr(BackgroundTaskPolicy(), question)
    assert await asked(requester()) is True
    assert await asked(requester(("203.0.113.9", 1))) is False
    assert await asked(requester(user=SimpleUser("ann"), auth=AuthCredentials())) is False


async def test_where_a_predicate_alone_decides_nobody_sees_statistics() -> None:
    class Predicate(BackgroundTaskPolicy):
        async def can_view(self, requester: Any, task: Any) -> bool:
            return True

    class Told(Predicate):
        async def can_see_statistics(self, requester: Any) -> bool:
            return True

    assert await Predicate().can_see_statistics(requester()) is False
    assert await Told().can_see_statistics(requester()) is True


async def test_who_is_not_logged_in_owns_nothing() -> None:
    nobody = requester(user=UnauthenticatedUser())
    assert nobody.user is None
    assert nobody.identity is None
    assert await BackgroundTaskPolicy().visible_owners(nobody) == frozenset()


async def test_a_numeric_identity_is_compared_as_text() -> None:
    class User:
        is_authenticated = True
        identity = 5

    assert requester(user=User()).identity == "5"


async def test_a_requester_tells_the_address_and_the_connect_auth() -> None:
    assert requester(("10.0.0.1", 1)).host == "10.0.0.1"
    assert requester(None).host is None
    assert requester().auth is None


async def seen_by(world: Any, manager: Any, name: Any) -> Any:
    """Everything ``name`` is shown of the tasks: over HTTP, in replay, live and in answers."""
    headers = [("x-user", name)]
    ids = [str(info.id) for info in manager.tasks.values()]
    seen = {}
    async with world.http(headers=dict(headers)) as http:
        listing = (await http.get("/api/tasks")).json()["items"]
        seen["listing"] = {item["type"] for item in listing}
        single = [await http.get(f"/api/tasks/{task_id}") for task_id in ids]
        seen["single"] = {a.json()["type"] for a in single if a.status_code == 200}
        assert {a.status_code for a in single} <= {200, 404}
    socket = await world.joined(headers=headers)
    seen["replay"] = {u["type"] for u in await everything(world, socket)}
    for info in list(manager.tasks.values()):
        manager.publish(info, progress=1.0)
    seen["live"] = {u["type"] for u in await everything(world, socket)}
    answer = await socket.call("Subscribe", {"ids": ids})
    seen["ids"] = {task["type"] for task in answer["tasks"]}
    answer = await socket.call("Subscribe")
    seen["subscribe"] = {task["type"] for task in answer["tasks"]}
    acks = [await socket.call("CancelTask", {"id": task_id}) for task_id in ids]
    seen["cancel"] = {ack["task"]["type"] for ack in acks if ack["ok"]}
    assert all("there is no task" in ack["error"] for ack in acks if not ack["ok"])
    return seen


async def everything(world: Any, socket: Any) -> Any:
    await world.settled()
    number = socket.emit("Unsubscribe")
    await socket.ack(number)
    found, socket.updates = socket.updates, []
    await socket.call("Subscribe")
    return found


async def test_users_see_their_own_tasks_and_those_without_owner_everywhere(
    make_world: Any, manager: Any, user_header: Any
) -> None:
    world = await make_world(wrap=user_header)
    manager.add("Mine", owner="ann")
    manager.add("Theirs", owner="bob")
    manager.add("Nobodys")
    for shown in (await seen_by(world, manager, "ann")).values():
        assert shown == {"Mine", "Nobodys"}
    async with world.http() as http:
        assert (await http.get("/api/tasks")).status_code == 403
    stranger = await world.socket()
    assert (await stranger.join()).startswith("44")


async def test_overriding_can_view_alone_is_honoured_everywhere(
    make_world: Any, manager: Any, user_header: Any
) -> None:
    class Team(BackgroundTaskPolicy):
        async def can_view(self, requester: Any, task: Any) -> Any:
            return task.owner == "team" or (
                await super().can_view(requester, task) and task.type != "Secret"
            )

    world = await make_world(wrap=user_header, policy=Team())
    manager.add("Mine", owner="ann")
    manager.add("Secret", owner="ann")
    manager.add("Team", owner="team")
    manager.add("Theirs", owner="bob")
    for shown in (await seen_by(world, manager, "ann")).values():
        assert shown == {"Mine", "Team"}


async def test_overriding_visible_owners_alone_is_honoured_everywhere(
    make_world: Any, manager: Any, user_header: Any
) -> None:
    class Team(BackgroundTaskPolicy):
        async def visible_owners(self, requester: Any) -> Any:
            return frozenset({"team"})

    world = await make_world(wrap=user_header, policy=Team())
    manager.add("Mine", owner="ann")
    manager.add("Team", owner="team")
    for shown in (await seen_by(world, manager, "ann")).values():
        assert shown == {"Team"}


async def test_the_store_is_only_asked_for_owners_that_may_be_seen(
    make_world: Any, manager: Any, user_header: Any
) -> None:
    world = await make_world(wrap=user_header)
    manager.add("Theirs", owner="bob")
    async with world.http(headers={"x-user": "ann"}) as http:
        await http.get("/api/tasks")
        assert set(manager.asked[-1]["owner"]) == {None, "ann"}
        await http.get("/api/tasks?owner=ann&owner=bob")
        assert manager.asked[-1]["owner"] == ("ann",)
        count = len(manager.asked)
        answer = await http.get("/api/tasks?owner=bob")
        assert answer.json() == {"items": [], "nextCursor": None}
        assert len(manager.asked) == count


async def test_a_user_with_very_many_owners_can_list(make_world: Any, manager: Any) -> None:
    class Big(BackgroundTaskPolicy):
        async def visible_owners(self, requester: Any) -> Any:
            return frozenset(str(n) for n in range(500))

    world = await make_world(policy=Big())
    manager.add("Seen", owner="7")
    manager.add("Hidden", owner="x")
    async with world.http() as http:
        items = (await http.get("/api/tasks")).json()["items"]
    assert [item["type"] for item in items] == ["Seen"]


async def test_a_page_is_filled_though_the_policy_hides_much_and_no_task_is_skipped(
    make_world: Any, manager: Any
) -> None:
    class Some(BackgroundTaskPolicy):
        async def can_view(self, requester: Any, task: Any) -> Any:
            return task.type == "Seen"

    world = await make_world(policy=Some())
    tasks = [manager.add("Seen" if n % 7 == 0 else "Hidden") for n in range(200)]
    expected = [str(t.id) for t in reversed(tasks) if t.type == "Seen"]
    found, cursor = [], None
    async with world.http() as http:
        while True:
            params = {"limit": 10} | ({"cursor": cursor} if cursor else {})
            page = (await http.get("/api/tasks", params=params)).json()
            found += [item["id"] for item in page["items"]]
            cursor = page["nextCursor"]
            if cursor is None:
                break
            assert len(page["items"]) == 10
    assert found == expected


async def test_who_may_view_but_not_cancel_or_retry_is_told_so(
    make_world: Any, manager: Any
) -> None:
    class ReadOnly(BackgroundTaskPolicy):
        async def can_cancel(self, requester: Any, task: Any) -> Any:
            return False

        async def can_retry(self, requester: Any, task: Any) -> Any:
            return False

    world = await make_world(policy=ReadOnly())
    info = manager.add(status="Failed")
    socket = await world.joined({"types": ["Nothing"]})
    async with world.http() as http:
        assert (await http.delete(f"/api/tasks/{info.id}")).status_code == 403
        assert (await http.post(f"/api/tasks/{info.id}/retry")).status_code == 403
    for event in ("CancelTask", "RetryTask"):
        answer = await socket.call(event, {"id": str(info.id)})
        assert answer["ok"] is False
        assert "may not" in answer["error"]


async def test_the_policy_gets_the_same_requester_from_both_sides(
    make_world: Any, manager: Any
) -> None:
    class Watching(BackgroundTaskPolicy):
        def __init__(self) -> None:
            self.seen: list[Any] = []

        async def can_connect(self, requester: Any) -> Any:
            self.seen.append((requester.host, requester.connection.headers["x-key"]))
            self.seen.append(requester.auth)
            return True

    policy = Watching()
    world = await make_world(policy=policy)
    async with world.http(headers={"x-key": "k"}) as http:
        await http.get("/api/tasks")
    await world.joined({"token": "t"}, headers=[("x-key", "k")])
    assert policy.seen == [("127.0.0.1", "k"), None, ("127.0.0.1", "k"), {"token": "t"}]
