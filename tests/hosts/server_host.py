"""A real server with tasks that a test drives: ``server_host DATABASE LOG SECONDS``.

It hands in one ``WorkTask`` when the file is new, which takes SECONDS; ``POST /gated`` hands in a
task that waits for ``POST /go/{id}`` before each of its steps. Prints ``serving PORT``, and
``working`` when the WorkTask has begun. A connection with ``?refuse=1`` is refused.
"""

import asyncio
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from attrs import frozen
from dependency_injector import containers, providers
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTaskInfo,
    BackgroundTaskPolicy,
    BackgroundTasksContainer,
    BackgroundWorker,
    BackgroundWorkerContext,
    Requester,
    background_task,
)
from tests.hosts.processes import serve

STEPS = 4


class Log:
    """Keeps what a client was told, as the log of ``kill_host.py`` does."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def told(self, info: BackgroundTaskInfo[Any]) -> None:
        if info.status.is_final:
            with self._path.open("a") as file:
                file.write(f"told {info.id} {info.revision} {info.status} {info.attempt}\n")


@frozen(kw_only=True)
class WorkTask(BackgroundTaskBase):
    """Takes its time."""


@frozen(kw_only=True)
class GatedTask(BackgroundTaskBase):
    """Does a step each time it is told to."""


@frozen
class Step:
    """What a gated task reports."""

    step_number: int


class Gates:
    """Where gated tasks wait."""

    def __init__(self) -> None:
        self._by_task: dict[UUID, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(0))

    def of(self, task_id: UUID) -> asyncio.Semaphore:
        return self._by_task[task_id]


class WorkWorker(BackgroundWorker[WorkTask, None]):
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def execute(self, context: BackgroundWorkerContext[WorkTask, None]) -> None:
        print("working", flush=True)
        await asyncio.sleep(self._seconds)


class GatedWorker(BackgroundWorker[GatedTask, Step]):
    def __init__(self, gates: Gates) -> None:
        self._gates = gates

    async def execute(self, context: BackgroundWorkerContext[GatedTask, Step]) -> None:
        for number in range(1, STEPS + 1):
            await self._gates.of(context.task.id).acquire()
            context.report_progress(100 * number / STEPS, f"step {number}", payload=Step(number))


class Policy(BackgroundTaskPolicy):
    async def can_connect(self, requester: Requester) -> bool:
        refused = "refuse" in requester.connection.query_params
        return not refused and await super().can_connect(requester)


class Application(containers.DeclarativeContainer):
    """The host."""

    config = providers.Configuration()
    gates = providers.Singleton(Gates)
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=config.background_tasks,
        policy=providers.Singleton(Policy),
        tasks=providers.List(
            background_task(WorkTask, providers.Factory(WorkWorker, config.seconds)),
            background_task(GatedTask, providers.Factory(GatedWorker, gates)),
        ),
    )


def create_app(database: str, log: Log, seconds: float) -> Starlette:
    container = Application()
    settings = {"database": database, "stop_grace": 0.5, "publish_interval": 0.02}
    container.config.from_dict({"background_tasks": settings, "seconds": seconds})
    manager = container.background_tasks.manager()
    manager.task_updated.subscribe(log.told)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with container.background_tasks.lifespan()(app):
            if not (await manager.get_tasks(limit=1)).items:
                await manager.run_task(WorkTask())
            yield

    async def hand_in(request: Request) -> JSONResponse:
        return JSONResponse({"id": str(await manager.run_task(GatedTask()))}, status_code=202)

    async def go(request: Request) -> JSONResponse:
        for _ in range(int(request.query_params.get("steps", "1"))):
            container.gates().of(request.path_params["id"]).release()
        return JSONResponse({})

    return Starlette(
        routes=[
            Route("/gated", hand_in, methods=["POST"]),
            Route("/go/{id:uuid}", go, methods=["POST"]),
            Mount("/background-tasks", app=container.background_tasks.asgi_app()),
        ],
        lifespan=lifespan,
    )


def main() -> None:
    _, database, log, seconds = sys.argv
    serve(create_app(database, Log(log), float(seconds)))


if __name__ == "__main__":
    main()
