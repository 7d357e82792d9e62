"""How one snapshot gets to many Socket.IO clients, and what if the library changes inside."""

import asyncio
import json
import logging
from typing import Any

import pytest
from engineio.async_socket import AsyncSocket
from engineio.packet import Packet
from socketio.packet import Packet as SocketIOPacket

from bgtasks.core.codec import TaskCodec
from bgtasks.web.encoded_task import EncodedTask
from bgtasks.web.hub.socketio.fan_out import PlainEmit, SharedPackets, make_fan_out


def fan_out_of(world: Any) -> Any:
    return world.run.sockets.fan_out


def only_packet(queue: Any) -> Any:
    """The one packet that waits there; it stays."""
    packet = queue.get_nowait()
    assert queue.empty()
    queue.put_nowait(packet)
    queue.task_done()
    return packet


def queues_of(world: Any) -> Any:
    return [client.queue for client in world.audience]


async def _other_send(self: Any, packet: Any) -> None:
    await self.queue.put(Packet(packet.packet_type, packet.data))


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
    sends = {"send": _other_send, "waits": _waiting_send, "drops": _dropping_send}

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


async def test_all_clients_are_put_the_same_packet_without_an_asyncio_task_each(
    world: Any, manager: Any
) -> None:
    sockets = [await world.joined() for _ in range(5)]
    info = manager.publish(manager.add(payload={"path": "ü"}))
    await world.settled()
    encoded_tasks: list[Any] = []
    original = fan_out_of(world).broadcast

    async def watched(encoded: Any, clients: Any) -> Any:
        before = asyncio.all_tasks()
        others = await original(encoded, clients)
        assert asyncio.all_tasks() == before
        assert [only_packet(queue) for queue in queues_of(world)] == [encoded.packet] * 5
        encoded_tasks.append(encoded)
        return others

    fan_out_of(world).broadcast = watched
    world.clock.advance(1)
    info = manager.publish(info, progress=1.0)
    await world.settled()
    assert len(encoded_tasks) == 1
    for socket in sockets:
        updates = [await socket.update(), await socket.update()]
        assert updates[-1] == world.codec.wire(info)


async def test_the_frame_is_the_one_that_emit_would_send(world: Any, manager: Any) -> None:
    assert isinstance(fan_out_of(world), SharedPackets)
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
    assert isinstance(make_fan_out(world.server), SharedPackets)
    assert caplog.text == ""
    assert isinstance(make_fan_out(changed_library(world.server)), PlainEmit)
    assert len(caplog.records) == 1
    assert caplog.records[0].levelno == logging.WARNING
    assert "plain emit" in caplog.text


@pytest.fixture
async def plain_world(make_world: Any, monkeypatch: Any, caplog: Any) -> Any:
    monkeypatch.setattr(AsyncSocket, "send", _other_send)
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

        def payload_text(self, info: Any) -> str:
            calls.append(info)
            return super().payload_text(info)

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
