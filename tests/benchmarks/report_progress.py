"""One coalesced ``report_progress`` beside one ``AsyncServer.emit`` of a snapshot to one client.

Both are timed by turns inside a worker of a running manager. The reports come in a loop that
doesn't let go of the event loop, so all but the first of each turn are coalesced. The client is
a process of its own on a real websocket and reads all it gets; for `emit` only the call itself
is timed, not what the server does after it to send the message.
"""

import asyncio
import socket
import statistics
import subprocess
import sys
import time
from typing import Any

import socketio
import uvicorn
from attrs import frozen
from dependency_injector import providers
from host import NoopTask, NoopWorker, application
from measuring import answer, new_database, scaled

from bgtasks import BackgroundWorkerContext

NAMESPACE = "/background-tasks"
TURNS = 7

# 400 bytes, the shape that clients of bgtasks get.
SNAPSHOT = {
    "id": "01936d5e-0f3a-7c4e-9b1a-5f0c2d3e4f50",
    "type": "CopyOperationTask",
    "name": "Copy movie.mkv",
    "status": "Running",
    "progress": 42.0,
    "statusMessage": "movie.mkv",
    "errorMessage": None,
    "payload": {"copiedBytes": 42, "totalBytes": 100, "currentPath": "movie.mkv"},
    "createdAt": "2026-01-02T03:04:05.678901Z",
    "startedAt": "2026-01-02T03:04:05.678901Z",
    "completedAt": None,
    "revision": 7,
    "attempt": 1,
    "cancelRequested": False,
    "scheduledAt": None,
    "owner": None,
}


@frozen
class CopyProgress:
    """The payload."""

    copied_bytes: int
    total_bytes: int
    current_path: str


class MeasuringWorker(NoopWorker):
    """Takes the times; they are microseconds for each call."""

    def __init__(self, sio: socketio.AsyncServer, sid: str) -> None:
        self.sio = sio
        self.sid = sid
        self.taken: dict[str, list[float]] = {
            "emit_us": [],
            "report_us": [],
            "report_message_us": [],
            "report_payload_us": [],
        }

    async def execute(self, context: BackgroundWorkerContext[NoopTask, Any]) -> None:
        for _ in range(TURNS):
            self.taken["emit_us"].append(await self._emit(scaled(1_000)))
            self.taken["report_us"].append(_report(context, scaled(200_000) // TURNS))
            self.taken["report_message_us"].append(_message(context, scaled(200_000) // TURNS))
            self.taken["report_payload_us"].append(_payload(context, scaled(20_000) // TURNS))

    async def _emit(self, count: int) -> float:
        taken = []
        for _ in range(count):
            started = time.perf_counter()
            await self.sio.emit("TaskUpdated", SNAPSHOT, to=self.sid, namespace=NAMESPACE)
            taken.append(time.perf_counter() - started)
            # Lets the server send it, outside what is timed. A longer pause would make the
            # next call dearer, with cold caches, and the ratio look better.
            await asyncio.sleep(0)
        return statistics.median(taken) * 1e6


def _report(context: BackgroundWorkerContext[NoopTask, Any], count: int) -> float:
    report = context.report_progress
    started = time.perf_counter()
    for _ in range(count):
        report(42.0)
    return (time.perf_counter() - started) / count * 1e6


def _message(context: BackgroundWorkerContext[NoopTask, Any], count: int) -> float:
    report = context.report_progress
    started = time.perf_counter()
    for _ in range(count):
        report(42.0, "movie.mkv")
    return (time.perf_counter() - started) / count * 1e6


def _payload(context: BackgroundWorkerContext[NoopTask, Any], count: int) -> float:
    report = context.report_progress
    started = time.perf_counter()
    for copied in range(count):
        report(42.0, "movie.mkv", payload=CopyProgress(copied, count, "movie.mkv"))
    return (time.perf_counter() - started) / count * 1e6


async def serve(sio: socketio.AsyncServer) -> int:
    """Start a server for ``sio`` on this loop; gives back its port."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(socketio.ASGIApp(sio), log_level="error"))
    serving.append(asyncio.create_task(server.serve(sockets=[listening])))
    port: int = listening.getsockname()[1]
    return port


serving: list[asyncio.Task[None]] = []  # the loop itself keeps only weak references


def start_client(port: int) -> "subprocess.Popen[bytes]":
    """A process that reads whatever is sent."""
    return subprocess.Popen([sys.executable, __file__, str(port)])


async def drain(port: int) -> None:
    """What the client's process does, until it is ended."""
    client = socketio.AsyncClient()
    await client.connect(
        f"http://127.0.0.1:{port}", namespaces=[NAMESPACE], transports=["websocket"]
    )
    await client.wait()


async def main() -> None:
    sio = socketio.AsyncServer(async_mode="asgi", namespaces=[NAMESPACE])
    connected: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    sio.on("connect", lambda sid, environ: connected.set_result(sid), namespace=NAMESPACE)
    port = await serve(sio)
    client = start_client(port)
    try:
        worker = MeasuringWorker(sio, await connected)
        container = application(new_database())
        container.worker.override(providers.Object(worker))
        async with container.background_tasks.manager() as manager:
            await manager.wait_for(await manager.run_task(NoopTask()))
    finally:
        client.kill()
    answer(**{name: statistics.median(values) for name, values in worker.taken.items()})


if sys.argv[-1].isdigit():
    asyncio.run(drain(int(sys.argv[-1])))
else:
    asyncio.run(main())
