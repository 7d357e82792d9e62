"""A browser at a node: the node's hub behind a server on loopback, and a client of it."""

import asyncio
import socket
from collections.abc import Mapping
from typing import Any

import uvicorn
from attrs import frozen
from starlette.applications import Starlette
from starlette.routing import Mount

from tests.acceptance.distributed.node import until
from tests.acceptance.distributed.viewer import Viewer
from tests.servers.ports import LOOPBACK

__all__ = ["Page"]


@frozen
class Address:
    """As much of a web node as a viewer looks at."""

    name: str
    url: str


class Page:
    """Serves the hub of an application whose manager runs, and watches it."""

    def __init__(self, name: str, background_tasks: Any) -> None:
        self._socket = socket.create_server((LOOPBACK, 0))
        app = Starlette(routes=[Mount("/background-tasks", app=background_tasks.asgi_app())])
        self._server = uvicorn.Server(
            uvicorn.Config(app, log_level="error", ws="websockets-sansio", lifespan="off")
        )
        self._serving: asyncio.Task[None] | None = None
        port = self._socket.getsockname()[1]
        self.viewer = Viewer(Address(name, f"http://{LOOPBACK}:{port}"))

    async def open(self) -> None:
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        await until(lambda: self._server.started, lambda: "the page's server has started")
        await self.viewer.connect()

    async def sees_every_end(self, stored: Mapping[str, Any], seconds: float) -> None:
        """Of all that is stored, as it is stored, and no end twice."""
        ends = {task_id: task["revision"] for task_id, task in stored.items()}
        await self.viewer.sees_the_end_of(ends, seconds)
        self.viewer.check()
        for task_id, revision in ends.items():
            newest = self.viewer.newest(task_id)
            assert newest is not None
            assert newest.task["revision"] == revision, (newest, dict(stored[task_id]))

    async def close(self) -> None:
        await self.viewer.disconnect()
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving
        self._socket.close()
