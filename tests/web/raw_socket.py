"""A Socket.IO client that sends whatever frames a test wants, on a websocket without a server."""

import asyncio
import json
from typing import Any

NAMESPACE = "/background-tasks"
PATIENCE = 2.0


class RawSocket:
    """One websocket, driven in this event loop without a server or network."""

    def __init__(
        self, app: Any, path: Any, query: Any, headers: Any, client: Any, scheme: Any, extra: Any
    ) -> None:
        self.scope = {
            "type": "websocket",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": scheme,
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(k.encode(), v.encode()) for k, v in headers],
            "client": client,
            "server": ("localhost", 80),
            "subprotocols": [],
            "extensions": {},
            **extra,
        }
        self.app = app
        self.to_app: asyncio.Queue[Any] = asyncio.Queue()
        self.from_app: asyncio.Queue[Any] = asyncio.Queue()
        self.reads = asyncio.Event()
        self.reads.set()
        self.failure: Exception | None = None
        self.patience = PATIENCE
        self.task: asyncio.Task[None] | None = None
        self.sid: str | None = None
        self.types: list[Any] = []
        self.logs: list[Any] = []
        self.updates: list[dict[str, Any]] = []
        self._acks = 0

    async def open(self) -> Any:
        """Open it; whether the handshake was accepted."""
        self.to_app.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.create_task(self.app(self.scope, self.to_app.get, self.take_message))
        return await self.opened()

    async def opened(self) -> Any:
        """Wait for the answer to the handshake; whether it was accepted."""
        message = await self.message()
        if message["type"] == "websocket.close":
            return False
        assert message["type"] == "websocket.accept"
        opening = await self.frame()
        assert opening.startswith("0{")
        return True

    async def take_message(self, message: Any) -> None:
        """The ``send`` of ASGI."""
        await self.reads.wait()
        if self.failure is not None:
            raise self.failure
        self.from_app.put_nowait(message)

    async def message(self) -> Any:
        async with asyncio.timeout(self.patience):
            return await self.from_app.get()

    async def frame(self) -> Any:
        """The next text frame; ``None`` when the server closed."""
        message = await self.message()
        return message["text"] if message["type"] == "websocket.send" else None

    def send(self, frame: Any) -> None:
        kind = "bytes" if isinstance(frame, bytes) else "text"
        self.to_app.put_nowait({"type": "websocket.receive", kind: frame})

    async def join(self, auth: Any = None) -> Any:
        """Connect to the namespace; the frame that answered."""
        self.send(f"40{NAMESPACE}," + ("" if auth is None else json.dumps(auth)))
        answer = await self.frame()
        if answer.startswith(f"40{NAMESPACE},"):
            self.sid = json.loads(answer.partition(",")[2])["sid"]
        return answer

    def emit(self, *data: Any) -> Any:
        """Send an event with an ack id, which is given back."""
        self._acks += 1
        self.send(f"42{NAMESPACE},{self._acks}{json.dumps(data)}")
        return self._acks

    async def ack(self, number: Any) -> Any:
        """The ack with this number; updates that come before it are kept."""
        prefix = f"43{NAMESPACE},{number}"
        while not (frame := await self.frame() or "closed").startswith(prefix):
            self._keep(frame)
        (answer,) = json.loads(frame.removeprefix(prefix))
        return answer

    async def call(self, *data: Any) -> Any:
        return await self.ack(self.emit(*data))

    async def update(self) -> Any:
        """The next TaskUpdated."""
        if not self.updates:
            self._keep(await self.frame() or "closed")
        return self.updates.pop(0)

    async def updates_until(self, info: Any) -> Any:
        """All updates up to the first of ``info``."""
        found = [await self.update()]
        while found[-1]["id"] != str(info.id):
            found.append(await self.update())
        return found

    async def logs_that_came(self) -> list[Any]:
        """What TaskLog has brought since the last call, as far as it is here."""
        while not self.from_app.empty():
            self._keep(await self.frame() or "closed")
        came, self.logs = self.logs, []
        return came

    def _keep(self, frame: Any) -> None:
        prefix = f"42{NAMESPACE},"
        assert frame.startswith(prefix), f"unexpected frame {frame}"
        event, task = json.loads(frame.removeprefix(prefix))
        if event == "TypeUpdated":
            self.types.append(task)
            return
        if event == "TaskLog":
            self.logs.append(task)
            return
        assert event == "TaskUpdated"
        self.updates.append(task)

    async def closed(self) -> Any:
        """Wait for the server to end the connection; what it sent before."""
        frames = []
        while (frame := await self.frame()) is not None:
            frames.append(frame)
        assert self.task is not None
        async with asyncio.timeout(self.patience):
            await self.task
        return frames

    async def close(self) -> None:
        if self.task is not None:
            self.reads.set()
            self.to_app.put_nowait({"type": "websocket.disconnect", "code": 1001})
            async with asyncio.timeout(self.patience):
                await self.task
