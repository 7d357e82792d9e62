"""Socket.IO clients without a network: what is measured beside them is the server alone."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

NAMESPACE = "/background-tasks"

Message = MutableMapping[str, Any]
App = Callable[
    [dict[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]


class AsgiClient:
    """A websocket straight into an ASGI application, which reads everything it is sent."""

    def __init__(self, app: App, path: str) -> None:
        self.frames: list[str] = []
        self.keep = True
        self.received = 0
        self.reads = asyncio.Event()
        self.reads.set()
        self._app = app
        self._path = path
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._arrived = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Open the websocket and join the namespace; returns when the server has let it in."""
        scope = {
            "type": "websocket",
            "scheme": "ws",
            "path": self._path,
            "root_path": "",
            "query_string": b"EIO=4&transport=websocket",
            "headers": [
                (b"host", b"localhost"),
                (b"connection", b"upgrade"),
                (b"upgrade", b"websocket"),
            ],
            "client": ("127.0.0.1", 5000),
            "server": ("127.0.0.1", 80),
            "subprotocols": [],
        }
        self._to_app.put_nowait({"type": "websocket.connect"})
        self._serving = asyncio.create_task(self._serve(scope))
        await self._until("0{")
        self._to_app.put_nowait({"type": "websocket.receive", "text": f"40{NAMESPACE},"})
        await self._until(f"40{NAMESPACE},")
        self.frames.clear()
        self.keep = False

    async def close(self) -> None:
        """End it, as a browser does that is closed."""
        self.reads.set()
        self._to_app.put_nowait({"type": "websocket.disconnect", "code": 1001})
        if self._serving is not None:
            await self._serving

    async def _serve(self, scope: dict[str, Any]) -> None:
        await self._app(scope, self._to_app.get, self._send)

    async def _send(self, message: Message) -> None:
        if not self.reads.is_set():
            await self.reads.wait()
        if message["type"] == "websocket.send":
            self.received += 1
            if self.keep:
                self.frames.append(message["text"])
                self._arrived.set()

    async def _until(self, start: str) -> None:
        while not any(frame.startswith(start) for frame in self.frames):
            self._arrived.clear()
            await self._arrived.wait()
