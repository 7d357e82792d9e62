"""Finished frames: what they are made of, and when they may be written."""

from typing import Any

import pytest
from websockets.frames import Frame, Opcode

from bgtasks.web.hub.socketio.finished_frames import frame_writer, text_frame
from tests.web.wire_socket import WireSocket

IMPLEMENTATIONS = pytest.mark.parametrize("way", ["websockets-sansio", "wsproto"], indirect=True)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 200_000])
def test_a_frame_is_the_one_that_a_websocket_library_makes(size: int) -> None:
    text = b"x" * size
    assert text_frame(text) == Frame(Opcode.TEXT, text).serialize(mask=False)


class CompressingSocket(WireSocket):
    """Its server has agreed to compression."""

    server_compresses = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.raw: list[bytes] = []

    def take(self, data: bytes) -> None:
        self.raw.append(data)


@IMPLEMENTATIONS
async def test_a_connection_with_compression_gets_frames_of_its_own(
    world: Any, manager: Any, way: Any
) -> None:
    """Each is compressed with what went before it on this connection."""
    plain = world.raw()
    scope = plain.scope
    socket = CompressingSocket(
        way, world.host, scope["path"], "EIO=4&transport=websocket", [("host", "localhost")],
        scope["client"], "ws", {},
    )  # fmt: skip
    socket.begin()
    await world.settled()
    socket.send("40/background-tasks,")
    await world.settled()
    assert len(world.audience) == 1
    for _ in range(3):
        manager.publish(manager.add(name="a name that is repeated " * 20))
        await world.settled()
        assert socket.raw[-1][0] == 0b1100_0001  # the last frame, a text, compressed
    sizes = [len(data) for data in socket.raw[-3:]]
    assert sizes[0] > sizes[1] > 0
    await socket.close()


class Forwarding:
    """A middleware that has each message pass through its hands."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.sent: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def forward(message: Any) -> None:
            self.sent.append(message.get("text") or message["type"])
            await send(message)

        await self._app(scope, receive, forward)


@IMPLEMENTATIONS
async def test_a_middleware_of_the_host_sees_each_message(make_world: Any, manager: Any) -> None:
    world = await make_world(wrap=Forwarding)
    socket = await world.joined()
    info = manager.publish(manager.add())
    assert await socket.update() == world.codec.wire(info)
    assert "TaskUpdated" in world.host.sent[-1]


async def unknown(message: Any) -> None:
    pass


class Unknown:
    """Some server."""

    async def send(self, message: Any) -> None:
        pass


@pytest.mark.parametrize("send", [unknown, Unknown().send, None, print])
def test_other_servers_are_sent_messages(send: Any) -> None:
    assert frame_writer(send) is None


@IMPLEMENTATIONS
@pytest.mark.parametrize("missing", ["conn", "transport", "close_sent"])
async def test_a_server_that_is_made_differently_is_sent_messages(
    world: Any, manager: Any, missing: str
) -> None:
    """As it might become with a later release."""
    socket = await world.socket()
    assert frame_writer(socket.protocol.send) is not None
    kept = socket.protocol.__dict__.pop(missing)
    assert frame_writer(socket.protocol.send) is None
    setattr(socket.protocol, missing, kept)


@IMPLEMENTATIONS
async def test_nothing_is_written_to_a_connection_that_is_closed_or_not_read(world: Any) -> None:
    socket = await world.socket()
    writer = frame_writer(socket.protocol.send)
    assert writer is not None
    assert writer.write(text_frame(b"1"))
    socket.reads.clear()
    assert writer.write(text_frame(b"2"))
    assert not writer.write(text_frame(b"3"))
    socket.reads.set()
    assert [await socket.frame(), await socket.frame()] == ["1", "2"]
    await socket.close()
    assert not writer.write(text_frame(b"4"))
