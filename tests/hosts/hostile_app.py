"""What hostile clients are let loose on: ``uvicorn tests.hosts.hostile_app:app``.

Users log in with the header ``X-User``. One task reports without end; 200 more wait, each with a
payload and a message, so that an answer to ``Subscribe`` is a large one.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from attrs import frozen
from dependency_injector import containers, providers
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection
from starlette.routing import Mount

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTasksContainer,
    BackgroundWorker,
    BackgroundWorkerContext,
    background_task,
)


@frozen(kw_only=True)
class TickTask(BackgroundTaskBase):
    """Reports twenty times a second."""


@frozen(kw_only=True)
class LargeTask(BackgroundTaskBase):
    """Reports once, at length, and runs on."""


@frozen
class Text:
    text: str


class TickWorker(BackgroundWorker[TickTask, None]):
    async def execute(self, context: BackgroundWorkerContext[TickTask, None]) -> None:
        number = 0
        while True:
            await asyncio.sleep(0.05)
            context.report_progress(number % 100, f"tick {(number := number + 1)}")


class LargeWorker(BackgroundWorker[LargeTask, Text]):
    async def execute(self, context: BackgroundWorkerContext[LargeTask, Text]) -> None:
        context.set_payload(Text("x" * 3_500))
        await context.cancellation_token.wait_async()


class ByHeader(AuthenticationBackend):
    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, SimpleUser] | None:
        name = conn.headers.get("x-user")
        return (AuthCredentials(), SimpleUser(name)) if name else None


class Application(containers.DeclarativeContainer):
    config = providers.Configuration()
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=config.background_tasks,
        tasks=providers.List(
            background_task(TickTask, providers.Factory(TickWorker)),
            background_task(LargeTask, providers.Factory(LargeWorker)),
        ),
    )


container = Application()
container.config.from_dict(
    {
        "background_tasks": {
            "database": os.environ["HOSTILE_DATABASE"],
            "max_concurrency": 1_000,
            "stop_grace": 0,
        }
    }
)


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    manager = container.background_tasks.manager()
    async with container.background_tasks.lifespan()(app):
        await manager.run_tasks([LargeTask() for _ in range(200)])
        await manager.run_task(TickTask())
        yield


app = Starlette(
    routes=[Mount("/background-tasks", app=container.background_tasks.asgi_app())],
    middleware=[Middleware(AuthenticationMiddleware, backend=ByHeader())],
    lifespan=lifespan,
)
