"""The web node of ``own_whole.py``: serves browsers, each of which says by ``?user=`` who it is,
and submits tasks for them.

Says its port. For each line ``{"rate", "seconds", "browsers"}`` it submits so many tasks a second,
each for the next browser, and says how many it has submitted.
"""

import asyncio
import json
import socket
import sys
import time

import uvicorn
from distributed.app import ShortTask, application
from distributed.driving import POSTGRES
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection
from starlette.routing import Mount

from bgtasks import BackgroundTaskManager


class Named(SimpleUser):
    """A user who is called as they say."""

    @property
    def identity(self) -> str:
        return self.username


class ByQuery(AuthenticationBackend):
    """Believes whatever name it is told."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, Named]:
        return AuthCredentials(), Named(conn.query_params.get("user", "nobody"))


async def submit(manager: BackgroundTaskManager, rate: int, seconds: int, browsers: int) -> int:
    """Submit at a rate; a submission that is slow holds no other one up."""
    began, submits = time.monotonic(), set()
    for number in range(rate * seconds):
        await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        owner = f"u{number % browsers}"
        submits.add(asyncio.ensure_future(manager.run_task(ShortTask(), owner=owner)))
    await asyncio.gather(*submits)
    return len(submits)


async def answer_each_line(manager: BackgroundTaskManager) -> None:
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps({"submitted": await submit(manager, **json.loads(line))}), flush=True)


async def main() -> None:
    container = application(POSTGRES, run_tasks=False).background_tasks
    tasks = container.asgi_app()
    app = Starlette(
        routes=[Mount("/", tasks)],
        middleware=[Middleware(AuthenticationMiddleware, backend=ByQuery())],
    )
    listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
    config = uvicorn.Config(app, log_level="error", lifespan="off")
    async with container.lifespan()(None):
        print(listening.getsockname()[1], flush=True)
        await asyncio.gather(
            uvicorn.Server(config).serve(sockets=[listening]),
            answer_each_line(container.manager()),
        )


asyncio.run(main())
