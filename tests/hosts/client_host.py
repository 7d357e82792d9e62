"""The host application: ``client_host.py PORT DATABASE PAGES``. ``PAGES`` is a folder of pages that
a test has built."""

import asyncio
import logging
import sys
from collections import defaultdict
from typing import Any
from uuid import UUID

import uvicorn
from attrs import frozen
from dependency_injector import containers, providers
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

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

log = logging.getLogger("host")

PAGE = """<!doctype html><title>Tasks</title><ul></ul>
<script type="module">
  import { connect } from "/background-tasks/client/dist/browser.js";
  connect().watchAll({}, (tasks) => {
    const rows = tasks.map((task) => {
      const text = `${task.type} ${task.status} ${task.payload?.steps}`;
      return Object.assign(document.createElement("li"), { textContent: text });
    });
    document.querySelector("ul").replaceChildren(...rows);
  });
</script>
"""


# With the official Socket.IO client and none of ours.
RAW_PAGE = """<!doctype html><title>Tasks</title><ul></ul><button>Cancel</button><output></output>
<script type="module">
  import { io } from "/background-tasks/client/socket.io.esm.min.js";
  const path = "/background-tasks/socket.io";
  const socket = io("/background-tasks", { path, transports: ["websocket"] });
  const rows = new Map();
  socket.on("TaskUpdated", (task) => {
    const row = rows.get(task.id) ?? document.createElement("li");
    rows.set(task.id, row);
    row.textContent = `${task.type} ${task.status} ${task.payload?.steps}`;
    document.querySelector("ul").append(row);
  });
  document.querySelector("button").onclick = async () => {
    const [id] = rows.keys();
    const answer = await socket.timeout(5000).emitWithAck("CancelTask", { id });
    document.querySelector("output").textContent = JSON.stringify(answer.ok);
  };
</script>
"""


@frozen(kw_only=True)
class GateTask(BackgroundTaskBase):
    """Runs until its gate is opened."""


@frozen
class GateProgress:
    steps: int


@frozen(kw_only=True)
class TalkTask(BackgroundTaskBase):
    """Logs what it is told to."""


@frozen
class Lines:
    """Some that whoever watches is to read, and some that operators are to."""

    said: list[str]
    logged: list[str]


class Gates:
    def __init__(self) -> None:
        self.opened: defaultdict[UUID, asyncio.Event] = defaultdict(asyncio.Event)
        self.lines: defaultdict[UUID, asyncio.Queue[Lines]] = defaultdict(asyncio.Queue)


class GateWorker(BackgroundWorker[GateTask, GateProgress]):
    def __init__(self, gates: Gates) -> None:
        self._gates = gates

    async def execute(self, context: BackgroundWorkerContext[GateTask, GateProgress]) -> None:
        context.report_progress(50, "at the gate", payload=GateProgress(1))
        await self._gates.opened[context.task.id].wait()
        context.report_progress(90, "through", payload=GateProgress(2))


class TalkWorker(BackgroundWorker[TalkTask, None]):
    def __init__(self, gates: Gates) -> None:
        self._gates = gates

    async def execute(self, context: BackgroundWorkerContext[TalkTask, None]) -> None:
        while True:
            lines = await self._gates.lines[context.task.id].get()
            for message in lines.said:
                context.log(message)
            for message in lines.logged:
                log.info(message)


class TokenPolicy(BackgroundTaskPolicy):
    """Everybody may come in, until there are tokens; of these ``operator`` is an operator's."""

    def __init__(self) -> None:
        self.tokens: set[str] = set()
        self.asked = 0

    async def can_connect(self, requester: Requester) -> bool:
        if requester.auth is not None:
            self.asked += 1
        return not self.tokens or _token(requester) in self.tokens

    async def can_view_errors(self, requester: Requester, task: BackgroundTaskInfo[Any]) -> bool:
        return not self.tokens or _token(requester) == "operator"


def _token(requester: Requester) -> object:
    return (requester.auth or {}).get("token")


class Application(containers.DeclarativeContainer):
    config = providers.Configuration()
    gates = providers.Singleton(Gates)
    gate_worker = providers.Factory(GateWorker, gates)
    talk_worker = providers.Factory(TalkWorker, gates)
    policy = providers.Singleton(TokenPolicy)
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=config.background_tasks,
        policy=policy,
        tasks=providers.List(
            background_task(GateTask, gate_worker, rerun_interrupted=True),
            background_task(TalkTask, talk_worker),
        ),
    )


def make_app(container: Any, pages: str) -> Starlette:
    manager = container.background_tasks.manager()

    async def hand_in(_: Request) -> Response:
        return JSONResponse({"id": str(await manager.run_task(GateTask()))})

    async def open_gate(request: Request) -> Response:
        task_id = UUID(request.path_params["id"])
        container.gates().opened[task_id].set()
        info = await manager.wait_for(task_id, 20)
        return JSONResponse({"status": info.status})

    async def talk(_: Request) -> Response:
        return JSONResponse({"id": str(await manager.run_task(TalkTask()))})

    async def say(request: Request) -> Response:
        lines = container.gates().lines[UUID(request.path_params["id"])]
        lines.put_nowait(Lines(**await request.json()))
        return JSONResponse({})

    async def set_tokens(request: Request) -> Response:
        policy = container.policy()
        policy.tokens = set((await request.json())["tokens"])
        return JSONResponse({"asked": policy.asked})

    async def ready(_: Request) -> Response:
        return JSONResponse({})

    async def page(_: Request) -> Response:
        return HTMLResponse(PAGE)

    async def raw_page(_: Request) -> Response:
        return HTMLResponse(RAW_PAGE)

    return Starlette(
        routes=[
            Route("/", page),
            Route("/raw", raw_page),
            Route("/ready", ready),
            Mount("/built", app=StaticFiles(directory=pages, html=True, check_dir=False)),
            Route("/gates", hand_in, methods=["POST"]),
            Route("/gates/{id}/open", open_gate, methods=["POST"]),
            Route("/talks", talk, methods=["POST"]),
            Route("/talks/{id}/say", say, methods=["POST"]),
            Route("/tokens", set_tokens, methods=["POST"]),
            Mount("/background-tasks", app=container.background_tasks.asgi_app()),
        ],
        lifespan=container.background_tasks.lifespan(),
    )


def main(port: str, database: str, pages: str) -> None:
    log.setLevel(logging.INFO)
    container = Application()
    container.config.from_dict({"background_tasks": {"database": database, "stop_grace": 0}})
    uvicorn.run(
        make_app(container, pages),
        port=int(port),
        log_level="error",
        ws="websockets-sansio",
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
