"""A network between a client and PostgreSQL that can be cut, and can go dead on one connection."""

import asyncio
import contextlib
from typing import Any
from urllib.parse import urlsplit

from attrs import define, field

from tests.servers.ports import LOOPBACK

__all__ = ["Loss", "Proxy"]

LISTENER = b"bgtasks listener"
"""The name that a listening connection gives itself when it begins."""


class Proxy:
    """Forwards what comes to ``url`` to the server, as long as nothing is wrong."""

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target)
        self._server: asyncio.Server | None = None
        self._links: set[_Link] = set()
        self._is_cut = self._is_frozen = False
        self.takes_listeners = True
        self._port = 0
        self._losses: list[Loss] = []

    @property
    def url(self) -> str:
        """The database as it is found through the proxy."""
        user = self._target.username
        return f"postgresql://{user}@{LOOPBACK}:{self._port}{self._target.path}?sslmode=disable"

    async def start(self) -> None:
        """Take connections."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, 0)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Take none any more, and end those there are."""
        self.cut()
        if self._server is not None:
            self._server.close()
        await asyncio.gather(*(link.ended.wait() for link in self._links))

    def cut(self) -> None:
        """End every connection, and let nobody connect."""
        self._is_cut = True
        for link in self._links:
            link.end()

    def cut_listeners(self) -> None:
        """End the connections that listen, and let nobody listen."""
        self.takes_listeners = False
        for link in self._links:
            if link.listens:
                link.end()

    def lose(self, marker: bytes, **options: Any) -> "Loss":
        """Lose the answer to the next message with ``marker`` in it; see :class:`Loss`."""
        self._losses.append(Loss(marker, **options))
        return self._losses[-1]

    def loss_of(self, message: bytes) -> "Loss | None":
        """What is to happen to the answer to a message."""
        for loss in self._losses:
            if loss.marker in message and loss.times > 0:
                loss.times -= 1
                return loss
        return None

    def heal(self) -> None:
        """Let everybody connect again."""
        self._is_cut = self._is_frozen = False
        self.takes_listeners = True

    def deafen(self) -> int:
        """Bring nothing more to those that listen, without saying so; how many they are."""
        deaf = [link for link in self._links if link.listens]
        for link in deaf:
            link.is_dead = True
        return len(deaf)

    def freeze(self, *, for_all: bool = False) -> None:
        """Bring nothing more to anybody who is connected now, without saying so; ``for_all``: nor
        to those who connect later."""
        self._is_frozen = for_all
        for link in self._links:
            link.is_dead = True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        link = _Link(writer, self)
        link.is_dead = self._is_frozen
        self._links.add(link)
        try:
            await link.run(reader, self._target.hostname or LOOPBACK, self._target.port or 5432)
        finally:
            self._links.remove(link)
            link.ended.set()


@define(eq=False)
class Loss:
    """What happens to a message: the server gets it if ``arrives``, its answer ends the connection
    instead of coming back. With ``cuts`` nobody can connect from then on; with ``holds`` the
    answer is kept until ``release`` is set, and comes then."""

    marker: bytes
    times: int = 1
    arrives: bool = True
    cuts: bool = False
    holds: bool = False
    happened: asyncio.Event = field(factory=asyncio.Event)
    release: asyncio.Event = field(factory=asyncio.Event)


class _Link:
    """One connection to the server."""

    def __init__(self, client: asyncio.StreamWriter, proxy: Proxy) -> None:
        self.listens = False
        self.is_dead = False
        self.ended = asyncio.Event()
        self._client = client
        self._proxy = proxy
        self._server: asyncio.StreamWriter | None = None
        self._loss: Loss | None = None

    async def run(self, client: asyncio.StreamReader, host: str, port: int) -> None:
        server, self._server = await asyncio.open_connection(host, port)
        up = asyncio.create_task(self._up(client, self._server))
        down = asyncio.create_task(self._down(server))
        await asyncio.wait([up, down], return_when=asyncio.FIRST_COMPLETED)
        self.end()
        await asyncio.gather(up, down)

    def end(self) -> None:
        self._client.transport.abort()
        if self._server is not None:
            self._server.transport.abort()

    async def _up(self, client: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await client.read(65536):
                self.listens = self.listens or LISTENER in data
                if self.listens and not self._proxy.takes_listeners:
                    return
                self._loss = self._proxy.loss_of(data)
                if self._loss is not None and not self._loss.arrives:
                    self._lose(self._loss)
                    return
                server.write(data)
                await server.drain()

    async def _down(self, server: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while data := await server.read(65536):
                if (loss := self._loss) is not None:
                    if not loss.holds:
                        self._lose(loss)
                        return
                    loss.happened.set()
                    await loss.release.wait()
                    self._loss = None
                if not self.is_dead:
                    self._client.write(data)
                    await self._client.drain()

    def _lose(self, loss: Loss) -> None:
        loss.happened.set()
        if loss.cuts:
            self._proxy.cut()
        self.end()
