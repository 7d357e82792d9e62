"""Clients that do not read, strangers that only take up places, users with too many connections."""

import asyncio
import json
import logging
import signal
from types import SimpleNamespace
from typing import Any

import pytest

from bgtasks import BackgroundTaskPolicy
from bgtasks.settings import Settings
from tests.web.ways import THROUGH_ASGI

# FAULTS 22 and 27.


def waiting(world: Any, socket: Any) -> int:
    """How many packets the protocol library keeps for a client."""
    return int(world.audience.get(socket.sid).queue.qsize())


on_each_way = pytest.mark.parametrize("way", THROUGH_ASGI, indirect=True)

EVENTS = [["Subscribe"], ["Subscribe", {}], ["Unsubscribe"], ["CancelTask", {"id": "x"}], ["No"]]


@pytest.mark.parametrize("event", EVENTS, ids=json.dumps)
@on_each_way
async def test_who_does_not_read_is_answered_once_and_not_read_further(
    make_world: Any, manager: Any, event: Any
) -> None:
    world = await make_world()
    for _ in range(20):
        manager.add()
    stuck, good = await world.joined({"types": ["Nothing"]}), await world.joined()
    stuck.reads.clear()
    for _ in range(500):
        stuck.emit(*event)
    await world.settled()
    asked = len(manager.asked)
    await world.settled()
    assert len(manager.asked) == asked
    assert waiting(world, stuck) <= 2
    assert stuck.to_app.qsize() > 490
    info = manager.publish(manager.add())
    assert (await good.updates_until(info))[-1]["id"] == str(info.id)
    assert (await good.call("Unsubscribe"))["ok"] is True


@on_each_way
async def test_who_reads_again_gets_every_answer(world: Any, manager: Any) -> None:
    socket = await world.joined({"types": ["Nothing"]})
    socket.reads.clear()
    numbers = [socket.emit("Unsubscribe") for _ in range(100)]
    await world.settled()
    socket.reads.set()
    for number in numbers:
        assert await socket.ack(number) == {"ok": True}


@on_each_way
async def test_an_event_that_wants_no_answer_is_not_waited_for(world: Any, manager: Any) -> None:
    socket = await world.joined()
    socket.send('42/background-tasks,["Unsubscribe"]')
    assert (await socket.call("Subscribe"))["ok"] is True


@on_each_way
async def test_joins_that_are_not_read_are_answered_one_at_a_time(world: Any) -> None:
    socket = await world.socket()
    socket.reads.clear()
    for _ in range(1000):
        socket.send("40/other,")
    await world.settled()
    assert socket.to_app.qsize() > 990
    (engine,) = world.server.eio.sockets.values()
    assert engine.queue.qsize() <= 1


@on_each_way
async def test_a_client_that_reads_slowly_can_still_cancel(world: Any, manager: Any) -> None:
    """It is updates that it is behind with, and no answers."""
    tasks = [manager.add() for _ in range(40)]
    slow = await world.joined({"types": ["Nothing"]})
    await slow.call("Subscribe")
    slow.reads.clear()
    for task in tasks:
        manager.publish(task, progress=1.0)
    await world.settled()
    slow.emit("CancelTask", {"id": str(tasks[0].id)})
    await world.settled()
    assert manager.tasks[tasks[0].id].cancel_requested is True
    slow.reads.set()


@on_each_way
async def test_who_reads_nothing_for_long_is_dropped_and_nothing_stays(
    world: Any, manager: Any, clock: Any, caplog: Any
) -> None:
    caplog.set_level(logging.INFO)
    stuck = await world.joined({"types": ["Nothing"]})
    stuck.reads.clear()
    stuck.emit("Subscribe")
    for _ in range(100):
        clock.advance(1)
        await world.settled()
    async with asyncio.timeout(2):
        await stuck.task
    assert len(world.audience) == 0
    assert world.server.eio.sockets == {}
    assert world.server.environ == {}
    assert not world.server.manager.rooms
    assert "a client that does not read is disconnected" in caplog.text


@on_each_way
async def test_what_waits_for_a_slow_client_is_bounded_in_size(
    world: Any, manager: Any, caplog: Any
) -> None:
    slow, good = await world.joined(), await world.joined()
    tasks = [manager.add() for _ in range(100)]
    await slow.call("Subscribe", {"ids": [str(task.id) for task in tasks]})
    slow.reads.clear()
    for task in tasks:
        manager.publish(task, payload={"text": "x" * 200_000})
        await good.update()
    slow.reads.set()
    await slow.closed()
    assert "reads too slowly" in caplog.text


async def test_a_response_that_is_not_read_is_given_up(
    world: Any, manager: Any, clock: Any, caplog: Any
) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(40):
        manager.add(payload={"text": "x" * 3_000})
    pieces: list[int] = []
    stuck = asyncio.Event()

    async def send(message: Any) -> None:
        pieces.append(len(message.get("body", b"")))
        if len(pieces) > 2:
            await stuck.wait()

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = world.raw(path="/background-tasks/api/tasks", query="include=payload").scope
    scope |= {"type": "http", "method": "GET", "scheme": "http"}
    answering = asyncio.create_task(world.host(scope, receive, send))
    await world.settled()
    assert not answering.done()
    clock.advance(45)
    await asyncio.wait_for(answering, 2)
    assert max(pieces) <= 64 * 1024
    assert "did not read in time" in caplog.text


def unread_request(world: Any, user: str, reads: asyncio.Event) -> "asyncio.Task[Any]":
    """A user asks for a page, and takes nothing of the answer until ``reads``."""

    async def send(_: Any) -> None:
        await reads.wait()

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    raw = world.raw(path="/background-tasks/api/tasks", query="", headers=[("x-user", user)])
    scope = raw.scope | {"type": "http", "method": "GET", "scheme": "http"}
    return asyncio.create_task(world.host(scope, receive, send))


async def test_one_user_has_only_so_many_answers_that_are_not_read(
    make_world: Any, manager: Any, user_header: Any
) -> None:
    world, reads = await make_world(wrap=user_header), asyncio.Event()
    unread = [unread_request(world, "eve", reads) for _ in range(50)]
    await world.settled()
    assert len(manager.asked) == 16
    async with world.http(headers={"x-user": "ann"}) as http:
        assert (await http.get("/api/tasks")).status_code == 200
    reads.set()
    await asyncio.wait_for(asyncio.gather(*unread), 5)
    assert len(manager.asked) == 51


async def test_who_goes_while_its_request_waits_leaves_its_turn_to_the_next(
    make_world: Any, manager: Any, user_header: Any
) -> None:
    world, reads = await make_world(wrap=user_header), asyncio.Event()
    unread = [unread_request(world, "eve", reads) for _ in range(40)]
    await world.settled()
    for request in unread[:39]:
        request.cancel()
    await world.settled()
    assert len(manager.asked) == 17
    reads.set()
    await asyncio.wait_for(unread[39], 5)


async def test_strangers_do_not_take_the_places_of_users(make_world: Any, user_header: Any) -> None:
    world = await make_world(max_clients=2, wrap=user_header)
    for number in range(600):
        await world.raw(client=(f"203.0.113.{number % 250}", number)).open()
    for name in ("ann", "bob"):
        await world.joined(headers=[("x-user", name)])
    late = await world.socket(headers=[("x-user", "eve")])
    assert "too many clients" in await late.join()


async def test_one_address_can_open_only_some_websockets_without_joining(
    world: Any, clock: Any, caplog: Any
) -> None:
    stranger = ("203.0.113.9", 1)
    opened = [await world.raw(client=stranger).open() for _ in range(100)]
    assert opened.count(True) == 64
    assert "'address 203.0.113.9' has 64 of them" in caplog.text
    other = await world.socket(client=("203.0.113.10", 1))
    assert (await other.join()).startswith("44")


async def test_behind_one_address_users_are_told_apart_from_strangers(
    make_world: Any, user_header: Any
) -> None:
    world = await make_world(wrap=user_header)
    proxy = ("10.0.0.1", 1)
    for _ in range(100):
        await world.raw(client=proxy).open()
    await world.joined(client=proxy, headers=[("x-user", "ann")])


async def test_in_a_full_house_who_stayed_without_joining_makes_room(
    world: Any, clock: Any
) -> None:
    stranger = ("203.0.113.9", 1)
    first = await world.socket(client=stranger)
    for _ in range(63):
        await world.socket(client=stranger)
    clock.advance(1)
    await world.socket(client=stranger)
    assert await first.closed() == []


async def test_who_leaves_and_stays_on_the_socket_is_a_stranger_again(
    make_world: Any, clock: Any
) -> None:
    world = await make_world()
    socket = await world.joined()
    for _ in range(64):
        await world.socket()
    socket.send("41/background-tasks,")
    await socket.closed()


@pytest.mark.parametrize("kind", ["socket", "stream"])
async def test_one_user_can_have_only_so_many_clients(
    make_world: Any, user_header: Any, caplog: Any, kind: str
) -> None:
    world = await make_world(wrap=user_header, settings=Settings(max_clients_per_user=2))
    ann = [("x-user", "ann")]
    first = await world.joined(headers=ann)
    await world.joined(headers=ann)
    if kind == "socket":
        third = await world.socket(headers=ann)
        assert "you have too many connections" in await third.join()
    else:
        async with world.http(headers=dict(ann)) as http:
            answer = await http.get("/api/tasks/events")
            assert answer.status_code == 503
            assert "you have too many connections" in answer.json()["detail"]
    assert "'user ann' has 2 connections already" in caplog.text
    await world.joined(headers=[("x-user", "bob")])
    await first.close()
    await world.joined(headers=ann)


async def test_one_address_of_people_without_a_login_cannot_take_all_places(
    make_world: Any,
) -> None:
    class Public(BackgroundTaskPolicy):
        async def can_connect(self, requester: Any) -> bool:
            return True

    world = await make_world(
        policy=Public(), max_clients=100, settings=Settings(max_clients_per_user=3)
    )
    for _ in range(10):
        await world.joined(client=("203.0.113.9", 1))
    more = await world.socket(client=("203.0.113.9", 1))
    assert "you have too many connections" in await more.join()
    await world.joined(client=("203.0.113.10", 1))


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"ws_max_size": 16 * 1024 * 1024}, "up to 16,777,216 bytes from anybody"),
        ({"ws_max_size": 65536}, None),
        ({"ws_max_size": 1024 * 1024}, None),
        ({}, None),
    ],
)
async def test_a_server_without_a_limit_for_messages_is_warned_of(
    make_world: Any, caplog: Any, config: Any, told: str | None
) -> None:
    class Server:
        should_exit = False

        def __init__(self) -> None:
            self.config = SimpleNamespace(**config)

        def handle_exit(self, *_: Any) -> None:
            pass

    before = signal.signal(signal.SIGTERM, Server().handle_exit)
    try:
        await make_world()
    finally:
        signal.signal(signal.SIGTERM, before)
    messages = [r.getMessage() for r in caplog.records if "--ws-max-size 65536" in r.getMessage()]
    assert bool(messages) is (told is not None)
    assert all(told and told in message for message in messages)


async def test_a_message_that_no_server_should_let_through_is_warned_of(
    world: Any, caplog: Any
) -> None:
    for _ in range(3):
        socket = await world.socket()
        socket.send("4" + "x" * 70_000)
        await socket.closed()
    assert caplog.text.count("--ws-max-size 65536") == 1
