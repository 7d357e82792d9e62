"""The server of a database; prints ``serving PORT``. See ``dashboard_at_size.py``.

``GET /held`` answers how long its event loop was held at most since the last time it was asked, and
``POST /begin?tasks=100&seconds=10`` has tasks report five times a second. The garbage collector
works as docs/how-to/deploy.md recommends, or with ``--collector-as-it-is`` as Python has it.
"""

import asyncio
import gc
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from attrs import frozen
from dependency_injector import providers
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from at_size.ended_tasks import TYPES
from bgtasks import (
    BackgroundTaskBase,
    BackgroundTasksContainer,
    BackgroundWorker,
    BackgroundWorkerContext,
    background_task,
)
from bgtasks.cli.worker_process import collect_garbage_less_often
from tests.hosts.processes import serve

MOUNT = "/background-tasks"
LOOK_EVERY = 0.002
REPORT_EVERY = 0.2


class LoopProbe:
    """Looks again and again whether the event loop comes round."""

    def __init__(self) -> None:
        self._wall = 0.0
        self._used = 0.0
        self._collected = 0.0
        self._collects_since = 0.0
        gc.callbacks.append(self._collects)

    async def run(self) -> None:
        while True:
            began, used = time.perf_counter(), time.process_time()
            await asyncio.sleep(LOOK_EVERY)
            late = time.perf_counter() - began - LOOK_EVERY
            if late > self._wall:
                self._wall = late
            self._used = max(self._used, min(late, time.process_time() - used))

    def taken(self) -> dict[str, float]:
        """By how many milliseconds it was late at most, and for how many of these this process
        used the processor: the rest is that of others. Also what the longest collection took."""
        found = {
            "late_ms": self._wall * 1000,
            "held_ms": self._used * 1000,
            "collected_ms": self._collected * 1000,
        }
        self._wall = self._used = self._collected = 0.0
        return found

    def _collects(self, phase: str, _info: object) -> None:
        if phase == "start":
            self._collects_since = time.perf_counter()
        else:
            self._collected = max(self._collected, time.perf_counter() - self._collects_since)


@frozen(kw_only=True)
class EndedTask(BackgroundTaskBase):
    """Stands for the tasks that are there."""

    source: str = ""
    share: str = ""


@frozen(kw_only=True)
class ReportingTask(BackgroundTaskBase):
    """Reports for so many seconds."""

    seconds: float


class EndedWorker(BackgroundWorker[EndedTask, Any]):
    async def execute(self, context: BackgroundWorkerContext[EndedTask, Any]) -> None:
        pass


class ReportingWorker(BackgroundWorker[ReportingTask, Any]):
    async def execute(self, context: BackgroundWorkerContext[ReportingTask, Any]) -> None:
        reports = int(context.task.seconds / REPORT_EVERY)
        for number in range(reports):
            context.report_progress(100 * number / reports, f"movie {number}.mkv")
            await asyncio.sleep(REPORT_EVERY)


def create_app(database: str, tunes_collector: bool) -> Starlette:
    worker = providers.Factory(EndedWorker)
    container = BackgroundTasksContainer(
        tasks=providers.List(
            background_task(ReportingTask, providers.Factory(ReportingWorker)),
            *(
                background_task(
                    frozen(type(f"{name}Task", (EndedTask,), {"__module__": __name__})),
                    worker,
                    type_name=name,
                )
                for name in TYPES
            ),
        )
    )
    container.config.from_dict(
        {"database": database, "retention": None, "stop_grace": 0, "max_concurrency": 200}
    )
    manager, probe = container.manager(), LoopProbe()

    async def held(request: Request) -> JSONResponse:
        return JSONResponse(probe.taken())

    async def begin(request: Request) -> JSONResponse:
        tasks, seconds = (float(request.query_params[name]) for name in ("tasks", "seconds"))
        await manager.run_tasks([ReportingTask(seconds=seconds) for _ in range(int(tasks))])
        return JSONResponse({}, status_code=202)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with container.lifespan()(app):
            if tunes_collector:
                collect_garbage_less_often()
            watching = asyncio.create_task(probe.run())
            yield
            watching.cancel()

    return Starlette(
        routes=[
            Route("/held", held),
            Route("/begin", begin, methods=["POST"]),
            Mount(MOUNT, app=container.asgi_app()),
        ],
        lifespan=lifespan,
    )


if __name__ == "__main__":
    serve(create_app(sys.argv[1], "--collector-as-it-is" not in sys.argv))
