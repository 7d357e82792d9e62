"""A real server whose tasks report without a pause: ``many_clients_host DATABASE``.

``POST /begin?tasks=1000&seconds=10`` hands tasks in and answers ``{"ids": [...]}``;
``GET /reports`` tells how often workers have reported; ``GET /memory`` frees what can be freed and
tells the bytes that are left resident. Prints ``serving PORT``.
"""

import asyncio
import ctypes
import gc
import os
import sys
from pathlib import Path

from attrs import frozen
from dependency_injector import containers, providers
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTasksContainer,
    BackgroundWorker,
    BackgroundWorkerContext,
    background_task,
)
from tests.hosts.processes import serve


@frozen(kw_only=True)
class ChatterTask(BackgroundTaskBase):
    """Reports for so many seconds, as fast as it can."""

    seconds: float


@frozen
class Said:
    """What a task reports."""

    reports: int


class Count:
    """How many reports there were, of all tasks."""

    def __init__(self) -> None:
        self.reports = 0


class ChatterWorker(BackgroundWorker[ChatterTask, Said]):
    def __init__(self, count: Count) -> None:
        self._count = count

    async def execute(self, context: BackgroundWorkerContext[ChatterTask, Said]) -> None:
        loop = asyncio.get_running_loop()
        begun, seconds = loop.time(), context.task.seconds
        said = 0
        while (passed := loop.time() - begun) < seconds:
            said += 1
            context.report_progress(100 * passed / seconds, f"report {said}", payload=Said(said))
            await asyncio.sleep(0)
        self._count.reports += said


class Application(containers.DeclarativeContainer):
    """The host."""

    config = providers.Configuration()
    count = providers.Singleton(Count)
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=config.background_tasks,
        tasks=providers.List(background_task(ChatterTask, providers.Factory(ChatterWorker, count))),
    )


def resident_bytes() -> int:
    """What this process keeps in memory now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def free_what_can_be_freed() -> None:
    """Have no garbage counted as memory in use.

    glibc keeps what was freed for the next time, and gives back by itself only what lies at the
    end of its heap: one living byte above hundreds of free megabytes would hold them all.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # musl has none, and needs none
        trim(0)


def create_app(database: str) -> Starlette:
    container = Application()
    settings = {"database": database, "max_concurrency": 1000, "stop_grace": 0}
    container.config.from_dict({"background_tasks": settings})
    manager = container.background_tasks.manager()

    async def begin(request: Request) -> JSONResponse:
        count = int(request.query_params["tasks"])
        seconds = float(request.query_params["seconds"])
        ids = await manager.run_tasks([ChatterTask(seconds=seconds) for _ in range(count)])
        return JSONResponse({"ids": [str(task_id) for task_id in ids]}, status_code=202)

    async def reports(request: Request) -> JSONResponse:
        return JSONResponse({"reports": container.count().reports})

    async def memory(request: Request) -> JSONResponse:
        free_what_can_be_freed()
        return JSONResponse({"bytes": resident_bytes()})

    return Starlette(
        routes=[
            Route("/begin", begin, methods=["POST"]),
            Route("/reports", reports),
            Route("/memory", memory),
            Mount("/background-tasks", app=container.background_tasks.asgi_app()),
        ],
        lifespan=container.background_tasks.lifespan(),
    )


def main() -> None:
    serve(create_app(sys.argv[1]))


if __name__ == "__main__":
    main()
