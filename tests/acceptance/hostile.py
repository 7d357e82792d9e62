"""A websocket client that does what no library would: not read, read slowly, send bombs."""

import asyncio
import base64
import os
import socket
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import cache

from attrs import frozen

PATH = "/background-tasks/socket.io/?EIO=4&transport=websocket"
JOIN = "40/background-tasks,"


@frozen
class RawClient:
    """One TCP connection to the server; nothing is read but by ``read``."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, text: str) -> None:
        """Send one text message; waits until there is room for it on the way."""
        self.writer.write(frame(text.encode()))
        await self.writer.drain()

    async def send_as_long_as_it_goes(self, texts: list[str], seconds: float) -> int:
        """Send messages until one has found no room for so long; how many were sent."""
        for number, text in enumerate(texts):
            try:
                async with asyncio.timeout(seconds):
                    await self.send(text)
            except (TimeoutError, OSError):
                return number
        return len(texts)

    async def send_bomb(self) -> None:
        """Send a message of 16 kB that inflates to 16 MB."""
        self.writer.write(frame(bomb(), is_packed=True))
        await self.writer.drain()

    async def read(self, most: int = 65_536) -> bytes:
        """Whatever has come; nothing at the end."""
        return await self.reader.read(most)

    async def was_closed(self, seconds: float) -> bool:
        """Whether the server ends the connection within so many seconds."""
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(seconds):
                while await self.read():
                    pass
            return True
        return False


@asynccontextmanager
async def raw_client(
    port: int, user: str | None = None, *, packs: bool = False
) -> AsyncIterator[RawClient]:
    """A websocket that has been opened, and has not joined; with ``packs``, one that deflates."""
    key = base64.b64encode(os.urandom(16)).decode()
    headers = [
        f"GET {PATH} HTTP/1.1",
        f"Host: localhost:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        *(["Sec-WebSocket-Extensions: permessage-deflate"] if packs else []),
        *([f"X-User: {user}"] if user else []),
    ]
    async with raw_connection(port) as client:
        client.writer.write("\r\n".join([*headers, "", ""]).encode())
        await client.reader.readuntil(b"\r\n\r\n")
        yield client


@asynccontextmanager
async def raw_connection(port: int) -> AsyncIterator[RawClient]:
    """A connection that takes as little as it can of what it does not read."""
    end = socket.socket()
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    end.setblocking(False)
    await asyncio.get_running_loop().sock_connect(end, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=end, limit=4096)
    try:
        yield RawClient(reader, writer)
    finally:
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()


@cache
def bomb() -> bytes:
    """Sixteen million bytes, packed as a websocket does."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -12)
    packed = packer.compress(b"4" * 16_000_000) + packer.flush(zlib.Z_SYNC_FLUSH)
    return packed.removesuffix(b"\x00\x00\xff\xff")


def frame(data: bytes, *, is_packed: bool = False) -> bytes:
    """A text message as one frame, masked with zeros as the protocol allows."""
    first = 0x81 | (0x40 if is_packed else 0)
    if len(data) < 126:
        head = bytes([first, 0x80 | len(data)])
    elif len(data) < 65_536:
        head = bytes([first, 0x80 | 126]) + len(data).to_bytes(2, "big")
    else:
        head = bytes([first, 0x80 | 127]) + len(data).to_bytes(8, "big")
    return head + bytes(4) + data
