"""How one snapshot gets to many Socket.IO clients, and what if the library changes inside."""

import asyncio
import json
import logging
from contextvars import ContextVar
from typing import Any

import pytest
from engineio.async_socket import AsyncSocket
from socketio.packet import Packet as SocketIOPacket

from bgtasks.core.codec import TaskCodec
from bgtasks.web.encoded_task import EncodedTask
from bgtasks.web.hub.socketio.fan_out import PlainEmit, SharedUpdates, make_fan_out
from bgtasks.web.protocol import NAMESPACE
from tests.web.ways import AS_FRAMES, WAYS, changed_send


def fan_out_of(world: Any) -> Any:
    return world.run.sockets.fan_out


async def _waiting_send(self: Any, packet: Any) -> None:
    await asyncio.sleep(0)
    await self.queue.put(packet)


async def _dropping_send(self: Any, packet: Any) -> None:
    pass


class _OtherPacket(SocketIOPacket):  # type: ignore[misc] # the library has no types
    def encode(self) -> Any:
        return super().encode() + " "


@pytest.fixture(params=["send", "waits", "drops", "queue", "sockets", "packet"])
def changed_library(request: Any, monkeypatch: Any) -> Any:
    """python-socketio and python-engineio, made differently inside; plain emit still works."""
    sends = {"send": changed_send, "waits": _waiting_send, "drops": _dropping_send}

    def change(server: Any) -> Any:
        if request.param in sends:
            server.eio.sockets = dict(server.eio.sockets)
            monkeypatch.setattr(AsyncSocket, "send", sends[request.param])
        elif request.param == "queue":
            monkeypatch.delattr("engineio.async_socket.AsyncSocket")
        elif request.param == "sockets":
            server.eio.sockets = []
        else:
            server.packet_class = _OtherPacket
        return server

    return change


on_each_way = pytest.mark.parametrize("way", WAYS, indirect=True)
on_each_fast_way = pytest.mark.parametrize("way", ["at_once", *AS_FRAMES], indirect=True)


@on_each_fast_way
async def test_clients_that_read_have_an_update_at_once_without_an_asyncio_task(
    world: Any, manager: Any
) -> None:
    sockets = [await world.joined() for _ in range(5)]
    before = asyncio.all_tasks()
    encoded = EncodedTask(manager.add(payload={"path": "ü"}), world.codec)
    others = await fan_out_of(world).broadcast(encoded, world.audience)
    assert (others, asyncio.all_tasks()) == ([], before)
    for socket in sockets:
        text = socket.from_app.get_nowait()["text"]
        assert text == f'42{NAMESPACE},["TaskUpdated",{encoded.text}]'


@pytest.mark.parametrize("way", AS_FRAMES, indirect=True)
async def test_a_finished_frame_costs_no_send_of_the_server(
    world: Any, manager: Any, monkeypatch: Any
) -> None:
    sockets = [await world.joined() for _ in range(3)]
    with monkeypatch.context() as patched:
        patched.setattr(type(sockets[0].protocol), "send", None)  # whoever calls it fails
        info = manager.publish(manager.add())
        for socket in sockets:
            assert await socket.update() == world.codec.wire(info)


@on_each_way
@pytest.mark.parametrize("steps", range(8))
async def test_what_the_library_sends_comes_before_an_update_that_follows_it(
    world: Any, manager: Any, steps: int
) -> None:
    """However far its writer has got with it, in steps of the event loop."""
    socket = await world.joined()
    (client,) = world.audience
    for number in range(3):
        await world.server.emit("Other", number, to=client.sid, namespace=NAMESPACE)
        for _ in range(steps):
            await asyncio.sleep(0)
        encoded = EncodedTask(manager.add(type=f"Copy{number}"), world.codec)
        await fan_out_of(world).send(encoded, client)
        for _ in range(steps):
            await asyncio.sleep(0)
    for number in range(3):
        assert await socket.frame() == f'42{NAMESPACE},["Other",{number}]'
        assert f'"type":"Copy{number}"' in await socket.frame()


@on_each_way
async def test_updates_keep_their_order_for_a_client_that_reads_now_and_then(
    world: Any, manager: Any
) -> None:
    task = manager.add()
    socket = await world.joined()
    await socket.update()
    progress = 0.0
    for pause in (0, 1, 5, 0, 30, 2, 8):
        socket.reads.clear()
        for _ in range(4):
            progress += 1
            manager.publish(task, progress=progress)
            for _ in range(pause):
                await asyncio.sleep(0)
        number = socket.emit("CancelTask", {"id": "x"})
        socket.reads.set()
        assert (await socket.ack(number))["ok"] is False
    seen = [update["progress"] for update in socket.updates]
    socket.updates.clear()
    while seen[-1] < progress:
        seen.append((await socket.update())["progress"])
    assert seen == sorted(set(seen))


@on_each_way
async def test_who_reads_nothing_holds_a_bounded_memory_and_has_the_final_states_later(
    world: Any, manager: Any
) -> None:
    tasks = [manager.add() for _ in range(5)]
    socket = await world.joined()
    (client,) = world.audience
    socket.reads.clear()
    for progress in range(1, 101):
        for task in tasks:
            manager.publish(task, progress=float(progress))
        await world.settled()
        assert client.queue.qsize() <= 16
        assert len(client.backlog) <= 5
    for task in tasks:
        manager.finish(task)
    await world.settled()
    socket.reads.set()
    statuses: dict[str, str] = {}
    while set(statuses.values()) != {"Completed"} or len(statuses) < 5:
        update = await socket.update()
        statuses[update["id"]] = update["status"]


@pytest.mark.parametrize("way", ["in_turn"], indirect=True)
async def test_a_middleware_that_gives_up_a_message_ends_nothing_of_the_hub(
    world: Any, manager: Any, caplog: Any
) -> None:
    """It cancels the task that runs, which must not be the one that sends to everybody."""
    slow, good = await world.joined(), await world.joined()
    slow.seconds = 0.01
    slow.reads.clear()
    manager.publish(manager.add())
    async with asyncio.timeout(slow.patience):
        while not slow.gave_up:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    info = manager.publish(manager.add())
    assert (await good.updates_until(info))[-1] == world.codec.wire(info)
    assert "ERROR" not in {record.levelname for record in caplog.records}


class TokenMiddleware:
    """Sets a context variable while a message is sent, as tracing does."""

    current: ContextVar[str] = ContextVar("current", default="")

    def __init__(self, app: Any) -> None:
        self._app = app
        self.errors: list[ValueError] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def traced(message: Any) -> None:
            token = self.current.set("sending")
            await send(message)
            try:
                self.current.reset(token)
            except ValueError as error:
                self.errors.append(error)

        await self._app(scope, receive, traced)


@on_each_way
async def test_a_middleware_may_set_context_variables_while_a_message_is_sent(
    make_world: Any, manager: Any
) -> None:
    world = await make_world(wrap=TokenMiddleware)
    socket = await world.joined()
    for _ in range(3):
        socket.reads.clear()
        info = manager.publish(manager.add())
        await world.settled()
        socket.reads.set()
        assert await socket.update() == world.codec.wire(info)
        await world.settled()
    assert world.host.errors == []


async def test_a_server_that_fails_for_one_client_fails_nobody_else(
    world: Any, manager: Any, caplog: Any
) -> None:
    first, *others = [await world.joined() for _ in range(3)]
    first.failure = OSError("the connection is gone")
    info = manager.publish(manager.add())
    for socket in others:
        assert await socket.update() == world.codec.wire(info)
    await first.close()
    assert len(world.audience) == 2
    assert "ERROR" not in {record.levelname for record in caplog.records}


async def test_the_frame_is_the_one_that_emit_would_send(world: Any, manager: Any) -> None:
    assert isinstance(fan_out_of(world), SharedUpdates)
    socket = await world.joined()
    info = manager.publish(manager.add(payload={"path": "ü\u2028\ud800"}))
    shared = await socket.frame()
    (client,) = world.audience
    await PlainEmit(world.server).send(EncodedTask(info, world.codec), client)
    assert shared == await socket.frame()


async def test_a_library_that_is_made_differently_is_noticed(
    world: Any, changed_library: Any, caplog: Any
) -> None:
    """As it was when the hub started, and as it might become with a later release."""
    assert isinstance(make_fan_out(world.server), SharedUpdates)
    assert caplog.text == ""
    assert isinstance(make_fan_out(changed_library(world.server)), PlainEmit)
    assert len(caplog.records) == 1
    assert caplog.records[0].levelno == logging.WARNING
    assert "plain emit" in caplog.text


@pytest.fixture
async def plain_world(make_world: Any, monkeypatch: Any, caplog: Any) -> Any:
    monkeypatch.setattr(AsyncSocket, "send", changed_send)
    world = await make_world()
    assert caplog.text.count("plain emit") == 1
    assert isinstance(fan_out_of(world), PlainEmit)
    return world


async def test_with_plain_emit_clients_get_replay_updates_and_answers(
    plain_world: Any, manager: Any
) -> None:
    world = plain_world
    info = manager.add()
    sockets = [await world.joined() for _ in range(3)]
    other = await world.joined({"types": ["Other"]})
    for socket in sockets:
        assert await socket.update() == world.codec.wire(info)
    newer = manager.publish(info, progress=5.0)
    for socket in sockets:
        assert await socket.update() == world.codec.wire(newer)
    await world.settled()
    assert other.from_app.empty()


async def test_with_plain_emit_nothing_goes_to_everybody_when_nobody_may_see_it(
    plain_world: Any, manager: Any
) -> None:
    socket = await plain_world.joined({"types": ["Mine"]})
    manager.publish(manager.add(type="Theirs"))
    last = manager.publish(manager.add(type="Mine"))
    assert [u["id"] for u in await socket.updates_until(last)] == [str(last.id)]


async def test_with_plain_emit_a_slow_client_is_still_bounded(
    plain_world: Any, manager: Any, clock: Any
) -> None:
    world = plain_world
    tasks = [manager.add() for _ in range(5)]
    slow = await world.joined()
    slow.reads.clear()
    for progress in range(1, 101):
        for task in tasks:
            manager.publish(task, progress=float(progress))
        await world.settled()
        clock.advance(0.2)
    (client,) = world.audience
    assert client.queue.qsize() + len(client.backlog) <= 16 + 5
    slow.reads.set()
    newest: dict[str, float] = {}
    while sum(newest.values()) < 100.0 * len(tasks):
        update = await slow.update()
        newest[update["id"]] = update["progress"]


async def test_with_plain_emit_what_a_slow_client_waits_for_goes_to_nobody_else(
    plain_world: Any, manager: Any
) -> None:
    """To emit to nobody means to everybody, for the library."""
    slow = await plain_world.joined({"types": ["Copy"]})
    other = await plain_world.joined({"types": ["Nothing"]})
    slow.reads.clear()
    for _ in range(40):
        manager.publish(manager.add())
        await plain_world.settled()
    assert len(plain_world.audience.get(slow.sid).backlog) > 10
    assert other.from_app.empty()


def test_where_the_library_does_not_tell_nobody_counts_as_slow() -> None:
    class Server:
        eio = None

    for server in (Server(), None):
        assert PlainEmit(server).queue_of("x").qsize() == 0


async def test_what_is_sent_to_a_connection_that_has_just_ended_goes_nowhere(world: Any) -> None:
    queue = fan_out_of(world).queue_of("gone")
    queue.put_nowait(object())
    assert world.server.eio.sockets == {}


def test_a_snapshot_is_encoded_once_for_all_kinds_of_clients(manager: Any) -> None:
    calls = []

    class Counting(TaskCodec):
        def head_text(self, info: Any) -> str:
            calls.append(info)
            return super().head_text(info)

        def json_text(self, info: Any, name: Any) -> str:
            if name == "payload":
                calls.append(info)
            return super().json_text(info, name)

    encoded = EncodedTask(manager.add(payload={"text": "a\r\n\nb"}), Counting())
    wire = json.loads(encoded.text)
    assert wire == TaskCodec().wire(encoded.info)
    event = encoded.event.decode()
    assert event.endswith("\n\n")
    name, number, data = event.removesuffix("\n\n").split("\n")
    assert name == "event: TaskUpdated"
    assert number == f"id: {encoded.info.id}:{encoded.info.revision}"
    assert json.loads(data.removeprefix("data: ")) == wire
    assert calls == [encoded.info] * 2  # its head and its payload


@pytest.mark.parametrize("payload", [object(), {"speed": float("nan")}])
def test_a_payload_that_is_no_json_is_left_out(manager: Any, payload: Any) -> None:
    info = manager.add(payload=payload, status_message="half way")
    wire = json.loads(EncodedTask(info, TaskCodec()).text)
    assert (wire["payload"], wire["statusMessage"]) == (None, "half way")
