"""An application for a real server: ``uvicorn stopped_app:app``; ``STOPPED_FOLDER`` is its own.

At its first start it hands in one task, which runs until it is told to end, and writes its id into
``task``. Each attempt says on standard output that it has begun.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from attrs import frozen
from dependency_injector import containers, providers
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Mount, Route

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTasksContainer,
    BackgroundWorker,
    BackgroundWorkerContext,
    background_task,
)

FOLDER = Path(os.environ["STOPPED_FOLDER"])


@frozen(kw_only=True)
class ReportTask(BackgroundTaskBase):
    """Never ends by itself."""


class ReportWorker(BackgroundWorker[ReportTask, None]):
    async def execute(self, context: BackgroundWorkerContext[ReportTask, None]) -> None:
        print("begun", flush=True)
        await asyncio.Event().wait()


class Application(containers.DeclarativeContainer):
    config = providers.Configuration()
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=config,
        tasks=providers.List(background_task(ReportTask, providers.Factory(ReportWorker))),
    )


def settings() -> dict[str, Any]:
    """In their own function, as code is that a developer changes and saves."""
    grace = os.environ.get("STOPPED_GRACE", "60")
    return {"database": str(FOLDER / "tasks.db"), "stop_grace": grace}


container = Application(config=settings())


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    async with container.background_tasks.lifespan()(app):
        note = FOLDER / "task"
        if not note.exists():
            task_id = await container.background_tasks.manager().run_task(ReportTask())
            note.write_text(str(task_id))
        yield


async def endless(_request: Request) -> Response:
    """A response that keeps the server from telling the application that it stops."""

    async def parts() -> AsyncIterator[bytes]:
        while True:
            yield b"."
            await asyncio.sleep(0.05)

    return StreamingResponse(parts())


app = Starlette(
    routes=[
        Route("/endless", endless),
        Mount("/background-tasks", app=container.background_tasks.asgi_app()),
    ],
    lifespan=lifespan,
)
