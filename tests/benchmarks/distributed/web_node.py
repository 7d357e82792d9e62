"""A web process that runs no tasks; says its port, and serves until it is ended.

For each line it reads it says how much CPU time it has used.
"""

import asyncio
import json
import resource
import socket
import sys
import time

import uvicorn
from distributed.app import application
from distributed.driving import POSTGRES


async def answer_each_line() -> None:
    while await asyncio.to_thread(sys.stdin.readline):
        usage = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        memory = usage if sys.platform == "darwin" else usage * 1024
        used = {"cpu": time.process_time(), "memory_mb": memory / 1e6}
        print(json.dumps(used), flush=True)


async def main() -> None:
    container = application(POSTGRES, run_tasks=False).background_tasks
    listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
    config = uvicorn.Config(container.asgi_app(), log_level="error", lifespan="off")
    async with container.lifespan()(None):
        print(listening.getsockname()[1], flush=True)
        await asyncio.gather(uvicorn.Server(config).serve(sockets=[listening]), answer_each_line())


asyncio.run(main())
