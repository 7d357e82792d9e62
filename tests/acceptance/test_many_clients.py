"""Many clients, many tasks, all at once: nobody misses how a task ended, and memory comes back."""

import asyncio
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import field, frozen, mutable
from websockets.asyncio.client import ClientConnection, connect

HERE = Path(__file__).parent
NAMESPACE = "/background-tasks"
CONNECT = f"40{NAMESPACE},"
EVENT = f"42{NAMESPACE},"
PING, PONG = "2", "3"
FINAL = {"Completed", "Failed", "Cancelled"}

CLIENTS = 200
TASKS = 1000
SECONDS = 10.0
WARM_UP_TASKS = 250
WARM_UP_SECONDS = 1.0
MOST_GROWTH = 1.2
PATIENCE = 240.0
"""Seconds for everything; it takes a sixth of it on two cores."""

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="/proc tells the memory of a process: Linux only"
)


@frozen
class Host:
    """The running server."""

    port: int

    async def ask(self, path: str, method: str = "GET") -> Any:
        def ask() -> Any:
            request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method)
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return json.load(answer)

        return await asyncio.to_thread(ask)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    command = [sys.executable, str(HERE / "many_clients_host.py"), str(tmp_path / "tasks.db")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            assert server.stdout is not None
            what, _, port = server.stdout.readline().strip().partition(" ")
            assert what == "serving"
            yield Host(int(port))
        finally:
            server.terminate()


@mutable
class Viewer:
    """What one browser does with what it is sent; it speaks just enough Socket.IO for it."""

    connection: ClientConnection
    seen: dict[str, tuple[int, str]] = field(factory=dict)
    """The newest revision of each task, and its status."""
    updates: int = 0
    ended: int = 0

    async def enter(self) -> None:
        opening = await self.connection.recv()
        assert isinstance(opening, str)
        assert opening.startswith("0{")
        await self.connection.send(CONNECT)
        welcome = await self.connection.recv()
        assert isinstance(welcome, str)
        assert welcome.startswith(CONNECT)

    async def follow(self) -> None:
        """Until the connection is closed."""
        async for frame in self.connection:
            assert isinstance(frame, str)
            if frame == PING:
                await self.connection.send(PONG)
                continue
            assert frame.startswith(EVENT), frame[:200]
            name, task = json.loads(frame[len(EVENT) :])
            assert name == "TaskUpdated"
            self.updates += 1
            self._see(task)

    def _see(self, task: dict[str, Any]) -> None:
        known = self.seen.get(task["id"])
        if known is not None and task["revision"] <= known[0]:
            return
        was_final, is_final = known is not None and known[1] in FINAL, task["status"] in FINAL
        assert not was_final or is_final, f"it ended and went on: {task}"
        self.ended += is_final and not was_final
        self.seen[task["id"]] = (task["revision"], task["status"])


@asynccontextmanager
async def many_viewers(host: Host) -> AsyncIterator[list[Viewer]]:
    """All of them, connected and following."""
    address = f"ws://127.0.0.1:{host.port}{NAMESPACE}/socket.io/?EIO=4&transport=websocket"
    async with AsyncExitStack() as stack:

        async def come() -> Viewer:
            # Compressing for 200 clients would measure zlib, and in this process too.
            connection = await stack.enter_async_context(
                connect(address, compression=None, open_timeout=PATIENCE, ping_interval=None)
            )
            viewer = Viewer(connection)
            await viewer.enter()
            return viewer

        viewers = [await come() for _ in range(CLIENTS)]
        group = await stack.enter_async_context(asyncio.TaskGroup())
        for viewer in viewers:
            group.create_task(viewer.follow())
        yield viewers
        for viewer in viewers:
            await viewer.connection.close()


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for it; the test has a deadline as a whole."""
    while not is_so():  # noqa: ASYNC110
        await asyncio.sleep(0.05)


async def play(host: Host, tasks: int, seconds: float) -> list[Viewer]:
    """Hand in tasks while everybody looks on; gives back what they have seen in the end."""
    async with many_viewers(host) as viewers:
        before = [viewer.ended for viewer in viewers]
        answer = await host.ask(f"/begin?tasks={tasks}&seconds={seconds}", "POST")
        ids = set(answer["ids"])
        assert len(ids) == tasks

        def all_ended() -> bool:
            return all(
                viewer.ended - had >= tasks for viewer, had in zip(viewers, before, strict=True)
            )

        await until(all_ended)
        for viewer in viewers:
            assert {viewer.seen[task_id][1] for task_id in ids} == {"Completed"}
    return viewers


async def resident_bytes_at_most(limit: int, host: Host) -> int:
    """The server may still be busy with those who have just left: give it time."""
    give_up = asyncio.get_running_loop().time() + 20
    while True:
        found = await resident_bytes(host)
        if found <= limit or asyncio.get_running_loop().time() > give_up:
            return found
        await asyncio.sleep(0.25)


async def resident_bytes(host: Host) -> int:
    found: int = (await host.ask("/memory"))["bytes"]
    return found


async def test_every_client_learns_how_every_task_ended_and_memory_comes_back(host: Host) -> None:
    async with asyncio.timeout(PATIENCE):
        # What is imported, compiled and kept for good is there after a first, smaller round.
        await play(host, WARM_UP_TASKS, WARM_UP_SECONDS)
        before = (await host.ask("/reports"))["reports"]
        began = await resident_bytes(host)

        viewers = await play(host, TASKS, SECONDS)
        reports = (await host.ask("/reports"))["reports"] - before
        updates = [viewer.updates for viewer in viewers]
        # More was said than anybody can be sent, and still everybody saw it go on.
        assert reports > max(updates)
        assert min(updates) > TASKS

        ended = await resident_bytes_at_most(int(began * MOST_GROWTH), host)
    print(f"{reports:,} reports, {sum(updates):,} updates, {began:,} bytes before, {ended:,} after")
    assert ended <= began * MOST_GROWTH
