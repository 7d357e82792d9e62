"""A web node: ``python -m tests.acceptance.distributed.web_node ADDRESS PORT``.

``POST /tasks`` with ``[{"type": "StepTask", "steps": 3}, ...]`` hands tasks in and answers with
their ids, or with 503 where the database does not take them.
"""

import logging
import socket
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from bgtasks import BackendError
from tests.hosts import load_app as host

background_tasks = host.application.background_tasks


async def accept(request: Request) -> JSONResponse:
    wanted = [{**item} for item in await request.json()]
    tasks = [getattr(host, item.pop("type"))(**item) for item in wanted]
    try:
        ids = await background_tasks.manager().run_tasks(tasks)
    except BackendError as error:
        return JSONResponse({"error": str(error)}, status_code=503)
    return JSONResponse([str(task_id) for task_id in ids], status_code=202)


app = Starlette(
    routes=[
        Route("/tasks", accept, methods=["POST"]),
        Mount("/background-tasks", app=background_tasks.asgi_app()),
    ],
    lifespan=background_tasks.lifespan(),
)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    listening = socket.create_server((sys.argv[1], int(sys.argv[2])), backlog=128)
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
