"""What a hostile or broken client may send, as raw frames."""

import asyncio
import gc
import json
import logging
from typing import Any

import pytest

from bgtasks import BackgroundTaskPolicy
from bgtasks.web.hub.socketio.websocket import JOINS_WITHIN, MAX_JOINS

EVENT = "42/background-tasks,"
ID = "0193a4e0-0000-7000-8000-000000000000"


class CountingPolicy(BackgroundTaskPolicy):
    def __init__(self) -> None:
        self.connects: list[Any] = []

    async def can_connect(self, requester: Any) -> bool:
        self.connects.append(requester)
        return True


async def test_an_event_named_connect_does_not_connect_again(make_world: Any) -> None:
    policy = CountingPolicy()
    world = await make_world(policy=policy)
    socket = await world.joined({"types": ["Mine"]})
    forged = {"asgi.scope": {"type": "websocket", "headers": []}}
    for arguments in ([forged, {"types": ["Theirs"]}], [forged], [], [None, None], [None]):
        answer = await socket.call("connect", *arguments)
        assert answer["ok"] is False
    assert len(policy.connects) == 1
    assert world.audience.get(socket.sid).subscription.types == {"Mine"}


async def test_an_event_named_disconnect_does_not_take_the_client_out(
    world: Any, manager: Any
) -> None:
    socket = await world.joined()
    for arguments in (["transport close"], [], [1, 2]):
        assert (await socket.call("disconnect", *arguments))["ok"] is False
    manager.publish(manager.add())
    assert (await socket.update())["type"] == "Copy"


@pytest.mark.parametrize(
    "event",
    [
        "emit",
        "on_connect",
        "trigger_event",
        "close_room",
        "__class__",
        "message",
        "*",
        "",
        "subscribe",
    ],
)
async def test_only_the_four_events_can_be_called(world: Any, event: Any) -> None:
    socket = await world.joined()
    answer = await socket.call(event, {})
    assert answer["ok"] is False
    assert "accepted: Subscribe, Unsubscribe, CancelTask, RetryTask" in answer["error"]


@pytest.mark.parametrize("event", [5, None, {"a": 1}, ["Subscribe"], True, 1.5])
async def test_an_event_whose_name_is_no_text_is_answered(world: Any, event: Any) -> None:
    socket = await world.joined()
    assert (await socket.call(event, {}))["ok"] is False


DEEP = json.loads("[" * 500 + "]" * 500)


@pytest.mark.parametrize(
    "data",
    [
        ["CancelTask"],
        ["CancelTask", None],
        ["CancelTask", ID],
        ["CancelTask", {}],
        ["CancelTask", {"id": 5}],
        ["CancelTask", {"id": "../etc"}],
        ["CancelTask", {"id": "{" + ID + "}"}],
        ["CancelTask", {"id": ID, "more": 1}],
        ["CancelTask", {"id": ID}, 2],
        ["CancelTask", DEEP],
        ["RetryTask", {"id": None}],
        ["Subscribe", 5],
        ["Subscribe", "Copy"],
        ["Subscribe", ["Copy"]],
        ["Subscribe", {"type": "Copy"}],
        ["Subscribe", {"types": "Copy"}],
        ["Subscribe", {"types": [5]}],
        ["Subscribe", {"types": DEEP}],
        ["Subscribe", {"types": ["x" * 201]}],
        ["Subscribe", {"types": ["x"] * 101}],
        ["Subscribe", {"ids": [ID] * 1001}],
        ["Subscribe", {"ids": ["nope"]}],
        ["Subscribe", {"ids": {"a": 1}}],
        ["Subscribe", {}, {}],
        ["Unsubscribe", 1],
        ["Unsubscribe", {}, {}],
    ],
    ids=lambda data: json.dumps(data)[:40],
)
async def test_unusable_arguments_get_an_answer_that_says_what_is_accepted(
    world: Any, manager: Any, data: Any
) -> None:
    socket = await world.joined()
    answer = await socket.call(*data)
    assert answer["ok"] is False
    assert answer["error"]
    assert len(answer["error"]) < 400
    assert (await socket.call("Unsubscribe"))["ok"] is True


async def test_an_exception_in_a_handler_is_answered(world: Any, manager: Any, caplog: Any) -> None:
    socket = await world.joined()
    manager.fail = TypeError("inside")
    answer = await socket.call("Subscribe")
    assert answer == {"ok": False, "error": "an unexpected error happened; it was logged"}
    assert "inside" in caplog.text


async def test_nothing_is_sent_to_a_client_that_is_still_being_let_in(
    make_world: Any, manager: Any
) -> None:
    class Slow(BackgroundTaskPolicy):
        decide = asyncio.Event()

        async def can_connect(self, requester: Any) -> bool:
            await self.decide.wait()
            return bool(requester.connection.query_params.get("ok") == "1")

    world = await make_world(policy=Slow())
    socket = await world.socket()
    socket.send("40/background-tasks,")
    await world.settled()
    manager.publish(manager.add())
    await world.settled()
    assert socket.from_app.empty()
    Slow.decide.set()
    assert (await socket.frame()).startswith("44/background-tasks,")
    manager.publish(manager.add())
    await world.settled()
    assert socket.from_app.empty()


async def test_no_update_is_emitted_to_everybody_when_nobody_may_see_it(
    make_world: Any, manager: Any
) -> None:
    class Nobody(BackgroundTaskPolicy):
        async def can_view(self, requester: Any, task: Any) -> bool:
            return bool(task.type == "Seen")

    world = await make_world(policy=Nobody())
    socket = await world.joined()
    manager.publish(manager.add(type="Hidden"))
    seen = manager.publish(manager.add(type="Seen"))
    assert [u["type"] for u in await socket.updates_until(seen)] == ["Seen"]


@pytest.mark.parametrize("error", [TypeError, KeyError, RuntimeError, TimeoutError])
async def test_an_exception_while_connecting_refuses_the_client_and_leaves_nothing(
    make_world: Any, error: Any, caplog: Any
) -> None:
    class Broken(CountingPolicy):
        async def can_connect(self, requester: Any) -> bool:
            await super().can_connect(requester)
            raise error("inside")

    policy = Broken()
    world = await make_world(policy=policy)
    socket = await world.socket()
    answer = await socket.join()
    assert answer.startswith("44/background-tasks,")
    assert "inside" not in answer
    assert len(policy.connects) == 1
    assert len(world.audience) == 0
    assert not world.server.manager.rooms


async def test_a_policy_that_does_not_answer_refuses(
    make_world: Any, clock: Any, caplog: Any
) -> None:
    class Hanging(BackgroundTaskPolicy):
        async def can_connect(self, requester: Any) -> bool:
            return await asyncio.Event().wait()

    world = await make_world(policy=Hanging())
    socket = await world.socket()
    joining = asyncio.create_task(socket.join())
    await world.settled()
    clock.advance(5)
    assert (await joining).startswith("44")
    assert "Hanging.can_connect took longer than 5 seconds" in caplog.text


@pytest.mark.parametrize("namespace", ["", "/admin,", "/other,", "/background-tasks/x,", "*,"])
async def test_other_namespaces_are_refused(world: Any, namespace: Any) -> None:
    socket = await world.socket()
    socket.send(f"40{namespace}")
    frame = await socket.frame()
    assert frame is None or frame.startswith("44")
    assert not world.server.manager.rooms


async def test_connecting_twice_on_one_socket_is_refused(world: Any) -> None:
    socket = await world.joined()
    assert (await socket.join()).startswith("44")
    assert len(world.audience) == 1


@pytest.mark.parametrize("allowed", [True, False])
async def test_who_joins_again_and_again_on_one_socket_is_refused_for_a_while(
    make_world: Any, manager: Any, allowed: Any
) -> None:
    class Counting(CountingPolicy):
        async def can_connect(self, requester: Any) -> bool:
            await super().can_connect(requester)
            return bool(allowed)

    policy = Counting()
    world = await make_world(policy=policy)
    socket = await world.socket()
    for _ in range(MAX_JOINS):
        assert (await socket.join()).startswith("40" if allowed else "44")
        socket.send("41/background-tasks,")
        await world.settled()
    asked = len(manager.asked)
    for _ in range(5):
        assert "too often" in await socket.join()
    assert len(policy.connects) == MAX_JOINS
    assert len(manager.asked) == asked
    other = await world.socket()
    assert "too often" not in await other.join()


async def test_joins_count_for_a_while_only(world: Any, clock: Any) -> None:
    socket = await world.joined()
    for _ in range(MAX_JOINS - 1):
        socket.send("41/background-tasks,")
        assert (await socket.join()).startswith("40")
    clock.advance(JOINS_WITHIN)
    socket.send("41/background-tasks,")
    assert (await socket.join()).startswith("40")


BROKEN_FRAMES = [
    "",
    "x",
    "4",
    "2",
    "2probe",
    "5",
    "6",
    "7",
    "4[]",
    "4true",
    '4"0/background-tasks,"',
    "4²",
    "42",
    EVENT,
    EVENT + "[]",
    EVENT + "{}",
    EVENT + "1",
    EVENT + '1{"a":1}',
    EVENT + '["Subscribe"',
    EVENT + '["Subscribe"]]',
    EVENT + "[" * 50_000,
    EVENT + '["Subscribe",' + "9" * 101 + "]",
    EVENT + "1" * 40 + '["Subscribe"]',
    EVENT + '²["Subscribe"]',
    "40/background-tasks,12345678901-5",
    '43/background-tasks,1["x"]',
    '44/background-tasks,"x"',
    '451-/background-tasks,["Subscribe",{"_placeholder":true,"num":0}]',
    '45999999999-/background-tasks,["Subscribe"]',
    '461-/background-tasks,1["x"]',
    b"\x00\x01",
    b"",
    "bAAAA",
]


@pytest.mark.parametrize("frame", BROKEN_FRAMES, ids=lambda frame: repr(frame)[:40])
async def test_a_broken_frame_ends_the_connection_and_leaves_nothing(
    make_world: Any, manager: Any, clock: Any, frame: Any, caplog: Any
) -> None:
    caplog.set_level(logging.WARNING)
    before = asyncio.all_tasks()
    world = await make_world()
    socket = await world.joined()
    caplog.clear()  # the warning of a start without authentication
    socket.send(frame)
    await socket.closed()
    assert len(world.audience) == 0
    assert world.server.eio.sockets == {}
    assert world.server.environ == {}
    assert not world.server.manager.rooms
    await world.hub.stop()
    assert asyncio.all_tasks() == before
    gc.collect()
    assert caplog.text == ""


async def test_a_message_that_is_too_large_ends_the_connection(world: Any) -> None:
    socket = await world.joined()
    socket.send(EVENT + '1["Unsubscribe",null]' + " " * (64 * 1024))
    assert await socket.closed() == []
    assert len(world.audience) == 0


@pytest.mark.parametrize(
    ("origin", "scheme", "host", "accepted"),
    [
        (None, "ws", "localhost", True),
        ("http://localhost", "ws", "localhost", True),
        ("https://localhost", "wss", "localhost", True),
        ("https://localhost:443", "wss", "localhost", True),
        ("http://localhost", "wss", "localhost", False),
        ("https://evil.example", "ws", "localhost", False),
        ("http://localhost.evil.example", "ws", "localhost", False),
        ("http://localhost:8000", "ws", "localhost", False),
        ("http://localhost@evil.example", "ws", "localhost", False),
        ("null", "ws", "localhost", False),
        ("http://localhost,http://evil.example", "ws", "localhost", False),
        ("https://app.example.org", "ws", "localhost", True),
        ("https://app.example.org:8443", "ws", "localhost", False),
    ],
)
async def test_browsers_may_connect_from_our_own_origin_and_the_allowed_ones(
    make_world: Any, origin: Any, scheme: Any, host: Any, accepted: Any
) -> None:
    from bgtasks.settings import Settings

    world = await make_world(settings=Settings(allowed_origins=["https://app.example.org"]))
    headers = [] if origin is None else [("origin", origin)]
    socket = world.raw(headers=headers, scheme=scheme, host=host)
    assert await socket.open() is accepted


async def test_an_origin_that_is_no_text_is_refused(world: Any) -> None:
    """The protocol library skips such a header, and takes the client for no browser."""
    socket = world.raw()
    socket.scope["headers"].append((b"origin", b"https://evil\xff.example"))
    assert not await socket.open()


@pytest.mark.parametrize(
    ("origin", "accepted"), [("http://localhost", True), ("https://evil.example", False)]
)
async def test_the_library_itself_checks_the_origin_too(
    world: Any, origin: Any, accepted: Any
) -> None:
    upgrade = [("connection", "upgrade"), ("upgrade", "websocket")]
    socket = world.raw(headers=[("origin", origin), *upgrade])
    socket.app = world.server.handle_request
    assert await socket.open() is accepted


async def test_the_address_of_a_client_is_the_real_one(world: Any) -> None:
    outsider = await world.socket(client=("203.0.113.9", 5000))
    assert (await outsider.join()).startswith("44")


@pytest.mark.parametrize("query", ["EIO=3&transport=websocket", "EIO=4&transport=polling", ""])
async def test_other_transports_and_versions_are_refused(world: Any, query: Any) -> None:
    assert not await world.raw(query=query).open()
    assert world.server.eio.sockets == {}


async def test_polling_is_a_problem_that_names_the_way_out(world: Any) -> None:
    async with world.http() as http:
        for method in ("GET", "POST", "OPTIONS"):
            answer = await http.request(method, "/socket.io/?EIO=4&transport=polling")
            assert answer.status_code == 400
            assert answer.headers["content-type"] == "application/problem+json"
            assert 'transports: ["websocket"]' in answer.json()["detail"]


async def test_a_proxy_that_drops_the_upgrade_is_told_to_the_operator_once(
    world: Any, caplog: pytest.LogCaptureFixture
) -> None:
    handshake = "/socket.io/?EIO=4&transport=websocket"
    async with world.http() as http:
        await http.get("/socket.io/?EIO=4&transport=polling")
        await http.get(handshake, headers={"Connection": "Upgrade", "Upgrade": "websocket"})
        assert "Upgrade" not in caplog.text
        for _ in range(2):
            assert (await http.get(handshake)).status_code == 400
    assert caplog.text.count("the proxy in front has to pass on Upgrade") == 1


async def test_a_client_that_vanishes_is_forgotten(world: Any, manager: Any) -> None:
    sockets = [await world.joined() for _ in range(5)]
    for socket in sockets:
        await socket.close()
    assert len(world.audience) == 0
    assert world.server.eio.sockets == {}
    assert not world.server.manager.rooms


async def test_what_the_library_forgets_to_tell_is_cleaned_up_when_the_socket_ends(
    world: Any,
) -> None:
    """As after a ping timeout while the client is being let in: no disconnect is told."""
    socket = await world.joined()
    namespace = world.server.namespace_handlers["/background-tasks"]
    told = namespace.trigger_event

    async def without_disconnect(event: Any, *args: Any) -> Any:
        return None if event == "disconnect" else await told(event, *args)

    namespace.trigger_event = without_disconnect
    await socket.close()
    assert len(world.audience) == 0


async def test_a_client_about_which_the_policy_fails_is_sent_away_to_come_back(
    make_world: Any, manager: Any, caplog: Any
) -> None:
    class Failing(BackgroundTaskPolicy):
        async def can_view(self, requester: Any, task: Any) -> bool:
            raise RuntimeError("no database")

    world = await make_world(policy=Failing())
    socket = await world.joined()
    manager.publish(manager.add())
    assert await socket.closed() == []
    assert "no database" in caplog.text


async def test_who_says_goodbye_and_connects_again_is_not_half_connected(
    world: Any, caplog: Any
) -> None:
    """The protocol library reads on after a close, without knowing the connection any more."""
    socket = await world.joined()
    socket.send("1")
    socket.send("40/background-tasks,")
    assert await socket.closed() == []
    assert len(world.audience) == 0
    assert not world.server.manager.rooms
    assert not world.server.manager.pending_connect.get("/background-tasks")
    assert caplog.text == ""


async def test_who_did_not_answer_pings_in_time_is_not_half_connected_again(
    world: Any, caplog: Any
) -> None:
    socket = await world.joined()
    (engine,) = world.server.eio.sockets.values()
    engine.last_ping = 1.0
    assert await engine.check_ping_timeout() is False
    socket.send("40/background-tasks,")
    await socket.closed()
    assert len(world.audience) == 0
    assert not world.server.manager.rooms
    assert not world.server.manager.pending_connect.get("/background-tasks")
    assert caplog.text == ""


async def test_no_ping_waits_for_a_connection_that_has_ended(world: Any) -> None:
    """The library lets each sleep on, for 25 seconds: a flood of connections would add up."""
    for _ in range(5):
        socket = await world.joined()
        await socket.close()
    await world.settled()
    assert not any("_send_ping" in repr(task) for task in asyncio.all_tasks())
