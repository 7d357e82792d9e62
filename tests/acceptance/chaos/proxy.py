"""A network in which PostgreSQL's connections suffer at chosen statements."""

import asyncio
from urllib.parse import urlsplit

from tests.acceptance.chaos.faults import Cut, Fault, Harm, Refuse, Side, Stall, Trap
from tests.acceptance.chaos.messages import READY, Message, error, messages, opening, query, ready
from tests.acceptance.chaos.statements import CONNECTING, Conversation, Statement
from tests.servers.ports import LOOPBACK

__all__ = ["FaultyProxy"]


class FaultyProxy:
    """Passes everything on to the server, until a fault that was set meets its statement."""

    def __init__(self, target: str, user: str | None = None) -> None:
        """Nothing is opened yet. ``user`` takes the place of the one in ``target``."""
        self._target = urlsplit(target)
        self._user = user or self._target.username
        self._server: asyncio.Server | None = None
        self._links: set[Link] = set()
        self._traps: list[Trap] = []
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._shut_until = 0.0
        self._port = 0

    @property
    def url(self) -> str:
        """The database as it is found through the proxy."""
        return (
            f"postgresql://{self._user}@{LOOPBACK}:{self._port}{self._target.path}?sslmode=disable"
        )

    async def start(self) -> None:
        """Take connections."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, 0)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Take none any more, and end those there are."""
        if self._server is not None:
            self._server.close()
        for link in list(self._links):
            link.end()
        await asyncio.gather(*(link.ended.wait() for link in list(self._links)))

    # Faults

    def set(self, fault: Fault) -> Trap:
        """Have it happen at its statement, whenever that comes."""
        trap = Trap(fault)
        self._traps.append(trap)
        return trap

    def remove(self, trap: Trap) -> None:
        """Have it happen no more."""
        if trap in self._traps:
            self._traps.remove(trap)

    def cut(self, seconds: float = 0.0) -> None:
        """End every connection; let nobody connect for ``seconds``."""
        self._shut_until = asyncio.get_running_loop().time() + seconds
        for link in list(self._links):
            link.end()

    def freeze(self) -> None:
        """Move nothing on any connection, also on new ones, and say nothing of it."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Move on, beginning with what was held back."""
        self._flowing.set()

    def heal(self) -> None:
        """End everything that is wrong."""
        self._traps.clear()
        self._shut_until = 0.0
        self.thaw()

    # For links

    def meets(self, statement: Statement) -> Trap | None:
        """The fault whose turn it is."""
        return next((trap for trap in self._traps if trap.strikes(statement)), None)

    async def flowing(self) -> None:
        """Wait while everything stands still."""
        await self._flowing.wait()

    async def stall(self, harm: Stall) -> None:
        """Let time pass: on this connection, or on all."""
        if not harm.everywhere:
            await asyncio.sleep(harm.seconds)
            return
        self.freeze()
        try:
            await asyncio.sleep(harm.seconds)
        finally:
            self.thaw()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(self, reader, writer)
        self._links.add(link)
        try:
            if asyncio.get_running_loop().time() >= self._shut_until:
                await link.run(self._target.hostname or LOOPBACK, self._target.port or 5432)
        finally:
            writer.transport.abort()
            self._links.discard(link)
            link.ended.set()


class Link:
    """One connection to the server."""

    def __init__(
        self, proxy: FaultyProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.ended = asyncio.Event()
        self._proxy = proxy
        self._reader = reader
        self._client = writer
        self._server: asyncio.StreamWriter | None = None
        self._conversation = Conversation()
        self._has_failed = False
        self._at_answer: Harm | None = None
        self._ways: list[asyncio.Task[None]] = []
        self._is_over = False

    def end(self) -> None:
        """Both sides learn that the other one is gone."""
        self._is_over = True
        self._client.transport.abort()
        if self._server is not None:
            self._server.transport.abort()
        for way in self._ways:
            way.cancel()

    async def run(self, host: str, port: int) -> None:
        """Until one side ends it."""
        try:
            first = await opening(self._reader)
            await self._proxy.flowing()
            reader, self._server = await asyncio.open_connection(host, port)
        except (asyncio.IncompleteReadError, OSError):
            return
        if not self._is_over:
            self._ways = [
                asyncio.create_task(self._up(first)),
                asyncio.create_task(self._down(reader)),
            ]
            await asyncio.wait(self._ways, return_when=asyncio.FIRST_COMPLETED)
        self.end()
        await asyncio.gather(*self._ways, return_exceptions=True)

    # What the client sends

    async def _up(self, first: Message) -> None:
        if not first.cancels:
            await self._request([first], Statement(CONNECTING))
        else:
            self._to_server(first.raw)
        request: list[Message] = []
        async for message in messages(self._reader):
            request.append(message)
            if message.ends_a_request or message.kind in (b"X", b"p"):
                await self._request(request, self._conversation.statement(request))
                request = []

    async def _request(self, request: list[Message], statement: Statement | None) -> None:
        await self._proxy.flowing()
        trap = self._proxy.meets(statement) if statement is not None else None
        if trap is not None and trap.fault.side is Side.BEFORE:
            if await self._suffers(trap.fault.harm, statement):
                return
        elif trap is not None:
            self._at_answer = trap.fault.harm
        raw = b"".join(message.raw for message in request)
        if self._has_failed and statement is not None:
            # The server knows nothing of an error that was made up. A transaction that it has
            # failed in can only be rolled back, whatever the client asks for.
            self._has_failed = False
            raw = query("ROLLBACK") if statement.commits else raw
        self._to_server(raw)

    async def _suffers(self, harm: Harm, statement: Statement | None) -> bool:
        """Whether the request goes no further."""
        if isinstance(harm, Stall):
            await self._proxy.stall(harm)
            return False
        if isinstance(harm, Cut):
            self._cut(harm)
        elif harm.fatal or (statement is not None and statement.connects):
            self._to_client(error(harm.sqlstate, fatal=True))
            await self._client.drain()
            self.end()
        elif statement is not None and statement.commits:
            self._at_answer = harm
            self._to_server(query("ROLLBACK"))
        else:
            in_transaction = self._conversation.state != b"I"
            self._has_failed = in_transaction
            self._to_client(error(harm.sqlstate, fatal=False))
            self._to_client(ready(b"E" if in_transaction else b"I"))
        return True

    # What the server answers

    async def _down(self, server: asyncio.StreamReader) -> None:
        held = b""
        async for message in messages(server):
            is_end = message.kind == READY
            if self._at_answer is not None and not is_end:
                held += message.raw
                continue
            harm, self._at_answer = self._at_answer, None
            if is_end:
                self._conversation.answered(message.body)
            if harm is not None:
                held = await self._answer_suffers(harm, held)
            await self._proxy.flowing()
            self._to_client(held + message.raw)
            held = b""
            await self._client.drain()

    async def _answer_suffers(self, harm: Harm, held: bytes) -> bytes:
        """What becomes of the answer."""
        if isinstance(harm, Stall):
            await self._proxy.stall(harm)
            return held
        if isinstance(harm, Refuse):
            if harm.fatal:
                self._to_client(error(harm.sqlstate, fatal=True))
                await self._client.drain()
                self.end()
            return error(harm.sqlstate, fatal=False)
        self._cut(harm)
        return b""

    def _cut(self, harm: Cut) -> None:
        if harm.everywhere:
            self._proxy.cut(harm.seconds)
        self.end()

    def _to_server(self, raw: bytes) -> None:
        if self._server is not None and not self._is_over:
            self._server.write(raw)

    def _to_client(self, raw: bytes) -> None:
        if not self._is_over:
            self._client.write(raw)
