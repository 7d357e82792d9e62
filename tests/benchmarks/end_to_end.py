"""Server CPU time per delivered message, on real websockets: ``end_to_end.py CLIENTS WAY``.

The same snapshot is sent again and again, to clients in a process of their own that read all they
get: by turns through the hub, from the manager's event on, and by a python-socketio server that
does nothing but ``emit``. Both are served by uvicorn in this process, with the same settings.

The ways: ``at_once``, with compression, as browsers and uvicorn have it by themselves; ``frames``,
without; ``in_turn``, with compression and behind a middleware that needs an asyncio task for each
message, so that the protocol library's writer sends it.
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
JOINING_AT_ONCE = 32  # a server lets no more than 64 of one address wait at its door
MESSAGES = 7_500  # to all clients together, in each turn
TURNS = 1 if QUICK else 3
PAUSE = 0.02


async def serve(app: Any, *, compresses: bool) -> int:
    """Start a server on this loop; gives back its port."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=1_000)
    config = uvicorn.Config(
        app, log_level="error", lifespan="off", ws_per_message_deflate=compresses
    )
    serving.append(asyncio.create_task(uvicorn.Server(config).serve(sockets=[listening])))
    port: int = listening.getsockname()[1]
    return port


serving: list[asyncio.Task[None]] = []  # the loop itself keeps only weak references


def in_a_task(app: Any) -> Any:
    """A middleware that gives each message some time."""

    async def around(scope: Any, receive: Any, send: Any) -> None:
        async def in_time(message: Any) -> None:
            async with asyncio.timeout(10):
                await send(message)

        await app(scope, receive, in_time)

    return around


async def cpu_per_message(send: Callable[[int], Any], clients: int) -> float:
    """Microseconds of this process for each message to each client, sending included. What it
    needs for its pauses alone is taken off."""
    rounds = max(MESSAGES // clients // (10 if QUICK else 1), 1)
    used = await _cpu_of(send, rounds) - await _cpu_of(lambda _: None, rounds)
    return used / (rounds * clients) * 1e6


async def _cpu_of(send: Callable[[int], Any], rounds: int) -> float:
    started = time.process_time()
    for number in range(rounds):
        sent = send(number)
        if sent is not None:
            await sent
        await asyncio.sleep(PAUSE)
    return time.process_time() - started


async def read_all(port: int, clients: int) -> None:
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
                    if joined == clients:
                        print("joined", flush=True)

    await asyncio.gather(*(read() for _ in range(clients)))


def start_clients(port: int, clients: int) -> "subprocess.Popen[str]":
    """A process whose clients have joined and read whatever is sent."""
    command = [sys.executable, __file__, "clients", str(port), str(clients)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "joined\n"
    return process


async def main(clients: int, way: str) -> None:
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

    apps = [socketio.ASGIApp(sio), container.asgi_app()]
    if way == "in_turn":
        apps = [in_a_task(app) for app in apps]
    async with container.lifespan()(None):
        ports = [await serve(app, compresses=way != "frames") for app in apps]
        readers = [await asyncio.to_thread(start_clients, port, clients) for port in ports]
        try:
            await cpu_per_message(publish, clients)
            await cpu_per_message(emit, clients)
            taken: dict[str, list[float]] = {"bgtasks_us": [], "emit_us": []}
            for _ in range(TURNS):
                taken["bgtasks_us"].append(await cpu_per_message(publish, clients))
                taken["emit_us"].append(await cpu_per_message(emit, clients))
        finally:
            for reader in readers:
                reader.kill()
    answer(**{name: statistics.median(values) for name, values in taken.items()})


if sys.argv[1] == "clients":
    asyncio.run(read_all(int(sys.argv[2]), int(sys.argv[3])))
else:
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
