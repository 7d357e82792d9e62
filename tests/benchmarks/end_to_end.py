"""Server CPU time per delivered message, with 100 clients on real websockets.

The same snapshot is sent once every 20 ms, to clients in a process of their own that read all
they get: by turns through the hub, from the manager's event on, and by a python-socketio server
that does nothing but ``emit``. Both are served by uvicorn in this process.
"""

import asyncio
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import socketio
import uvicorn
import websockets
from example_snapshot import snapshot
from host import application
from measuring import QUICK, answer, new_database

NAMESPACE = "/background-tasks"
CLIENTS = 100
MESSAGES = 20 if QUICK else 75
JOINING_AT_ONCE = 32  # a server lets no more than 64 of one address wait at its door
TURNS = 1 if QUICK else 5
PAUSE = 0.02


async def serve(app: Any) -> int:
    """Start a server on this loop; gives back its port."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    serving.append(asyncio.create_task(server.serve(sockets=[listening])))
    port: int = listening.getsockname()[1]
    return port


serving: list[asyncio.Task[None]] = []  # the loop itself keeps only weak references


async def cpu_per_message(send: Callable[[int], Any]) -> float:
    """Microseconds of this process for each message to each client, sending included."""
    started = time.process_time()
    for number in range(MESSAGES):
        sent = send(number)
        if sent is not None:
            await sent
        await asyncio.sleep(PAUSE)
    return (time.process_time() - started) / (MESSAGES * CLIENTS) * 1e6


async def read_all(port: int) -> None:
    """What the process of the clients does, until it is ended: prints a line when all have
    joined."""
    joined = 0
    url = f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket"

    door = asyncio.Semaphore(JOINING_AT_ONCE)

    async def read() -> None:
        nonlocal joined
        await door.acquire()
        async with websockets.connect(url) as connection:
            await connection.send(f"40{NAMESPACE},")
            async for frame in connection:
                if frame == "2":
                    await connection.send("3")
                elif str(frame).startswith("40"):
                    door.release()
                    joined += 1
                    if joined == CLIENTS:
                        print("joined", flush=True)

    await asyncio.gather(*(read() for _ in range(CLIENTS)))


def start_clients(port: int) -> "subprocess.Popen[str]":
    """A process whose clients have joined and read whatever is sent."""
    command = [sys.executable, __file__, str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "joined\n"
    return process


async def main() -> None:
    sio = socketio.AsyncServer(async_mode="asgi", namespaces=[NAMESPACE])
    sio.on("connect", lambda sid, environ: None, namespace=NAMESPACE)
    container = application(new_database(), publish_interval=0).background_tasks
    wire = container.codec().wire(snapshot(1))
    revision = 0

    def publish(_: int) -> None:
        nonlocal revision
        revision += 1
        container.manager().task_updated.publish(snapshot(revision))

    def emit(_: int) -> Any:
        return sio.emit("TaskUpdated", wire, namespace=NAMESPACE)

    async with container.lifespan()(None):
        ports = [await serve(socketio.ASGIApp(sio)), await serve(container.asgi_app())]
        readers = [await asyncio.to_thread(start_clients, port) for port in ports]
        try:
            await cpu_per_message(publish)
            await cpu_per_message(emit)
            taken: dict[str, list[float]] = {"bgtasks_us": [], "emit_us": []}
            for _ in range(TURNS):
                taken["bgtasks_us"].append(await cpu_per_message(publish))
                taken["emit_us"].append(await cpu_per_message(emit))
        finally:
            for reader in readers:
                reader.kill()
    answer(**{name: statistics.median(values) for name, values in taken.items()})


if sys.argv[-1].isdigit():
    asyncio.run(read_all(int(sys.argv[-1])))
else:
    asyncio.run(main())
