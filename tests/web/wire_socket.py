"""A websocket on a server's own protocol class, over a transport that is no network."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from tests.web.raw_socket import RawSocket

TEXT, CLOSE = 1, 8


class _Reads(asyncio.Event):
    """Set while the client reads; what was written meanwhile is read as soon as it is."""

    def __init__(self, catch_up: Callable[[], None]) -> None:
        super().__init__()
        self._catch_up = catch_up

    def set(self) -> None:
        super().set()
        self._catch_up()


class Transport(asyncio.Transport):
    """Has the client read at once, or keeps what it does not read and says so."""

    def __init__(self, socket: "WireSocket") -> None:
        super().__init__()
        self._socket = socket
        self._unread = b""
        self._is_closing = False
        self._is_paused = False
        self._arrived: deque[bytes] = deque()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        scope = self._socket.scope
        known = {"peername": scope["client"], "sockname": scope["server"]}
        return known.get(name, default)

    def write(self, data: Any) -> None:
        self._unread += bytes(data)
        if self._socket.reads.is_set():
            self.catch_up()
        else:
            self._socket.protocol.pause_writing()

    def catch_up(self) -> None:
        data, self._unread = self._unread, b""
        if data:
            self._socket.take(data)
            self._socket.protocol.resume_writing()

    def get_write_buffer_size(self) -> int:
        return len(self._unread)

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            asyncio.get_running_loop().call_soon(self._socket.protocol.connection_lost, None)
            self._socket.hang_up()

    def pause_reading(self) -> None:
        self._is_paused = True

    def resume_reading(self) -> None:
        self._is_paused = False
        while self._arrived and not self._is_paused:
            self._socket.protocol.data_received(self._arrived.popleft())

    def arrive(self, data: bytes) -> None:
        self._arrived.append(data)
        if not self._is_paused:
            self.resume_reading()


class WireSocket(RawSocket):
    """Speaks with a protocol class of uvicorn; asks for compression, which is off as a rule."""

    server_compresses = False

    def __init__(self, implementation: Any, app: Any, *arguments: Any) -> None:
        super().__init__(app, *arguments)
        self._state = ServerState()
        config = uvicorn.Config(
            app,
            ws=implementation,
            ws_per_message_deflate=self.server_compresses,
            lifespan="off",
            log_config=None,
        )
        config.load()
        protocol_class: Any = config.ws_protocol_class
        self.protocol = protocol_class(config=config, server_state=self._state, app_state={})
        self._transport = Transport(self)
        self._taken = b""
        self._is_open = False
        self.reads = _Reads(self._transport.catch_up)
        self.reads.set()

    def begin(self) -> None:
        """Send the handshake."""
        self.protocol.connection_made(self._transport)
        self._transport.arrive(self._handshake())
        (self.task,) = self._state.tasks

    async def open(self) -> Any:
        self.begin()
        return await self.opened()

    def _handshake(self) -> bytes:
        scope = self.scope
        target = f"{scope['path']}?{scope['query_string'].decode()}"
        headers = {
            b"connection": b"Upgrade",
            b"upgrade": b"websocket",
            b"sec-websocket-version": b"13",
            b"sec-websocket-key": b"AAAAAAAAAAAAAAAAAAAAAA==",
            b"sec-websocket-extensions": b"permessage-deflate",
        }
        lines = [b"%s: %s\r\n" % header for header in (*scope["headers"], *headers.items())]
        return b"GET %s HTTP/1.1\r\n%s\r\n" % (target.encode(), b"".join(lines))

    def send(self, frame: Any) -> None:
        text = frame.encode()
        size = len(text)
        head = bytes([0x80 + size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
        self._transport.arrive(b"\x81" + head + bytes(4) + text)  # masked with zeros

    def take(self, data: bytes) -> None:
        """Read what the server has written."""
        self._taken += data
        if not self._is_open and b"\r\n\r\n" in self._taken:
            head, _, self._taken = self._taken.partition(b"\r\n\r\n")
            self._is_open = head.startswith(b"HTTP/1.1 101 ")
            self.from_app.put_nowait(
                {"type": f"websocket.{'accept' if self._is_open else 'close'}"}
            )
        while self._is_open and (frame := self._next_frame()) is not None:
            kind, text = frame
            if kind == TEXT:
                self.from_app.put_nowait({"type": "websocket.send", "text": text.decode()})
            elif kind == CLOSE:
                self.hang_up()

    def _next_frame(self) -> tuple[int, bytes] | None:
        data = self._taken
        if len(data) < 2:
            return None
        assert data[0] & 0x70 == 0, "compressed"
        length = {126: 2, 127: 8}.get(data[1], 0)
        size = int.from_bytes(data[2 : 2 + length], "big") if length else data[1]
        end = 2 + length + size
        if len(data) < max(end, 2 + length):
            return None
        self._taken = data[end:]
        return data[0] & 0x0F, data[2 + length : end]

    def hang_up(self) -> None:
        """The connection ends."""
        if self._is_open:
            self._is_open = False
            self.from_app.put_nowait({"type": "websocket.close"})

    async def close(self) -> None:
        if self.task is not None:
            self.reads.set()
            self._transport.close()
            async with asyncio.timeout(self.patience):
                await asyncio.wait([self.task])
