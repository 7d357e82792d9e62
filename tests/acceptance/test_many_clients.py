"""Many clients, many tasks, all at once: nobody misses how a task ended, and memory comes back."""

import asyncio
import json
import sys
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from attrs import field, frozen, mutable
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedOK

from tests.hosts.processes import serving

NAMESPACE = "/background-tasks"
CONNECT = f"40{NAMESPACE},"
EVENT = f"42{NAMESPACE},"
PING, PONG = "2", "3"
FINAL = {"Completed", "Failed", "Cancelled"}

CLIENTS = 200
TASKS = 600
SECONDS = 6.0
WARM_UP_SECONDS = 2.0
MOST_GROWTH = 1.2
PATIENCE = 240.0
"""Seconds for everything; it takes a fifth of them on two cores."""

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
    with serving("many_clients_host", tmp_path / "tasks.db") as served:
        yield Host(served.port)


@mutable
class Viewer:
    """What one browser does with what it is sent; it speaks just enough Socket.IO for it."""

    connection: ClientConnection
    seen: dict[str, tuple[int, str]] = field(factory=dict)
    """The newest revision of each task, and its status."""
    updates: int = 0
    under_way: int = 0
    """How many of the updates were not the end of a task."""
    ended: set[str] = field(factory=set)

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
                with suppress(ConnectionClosedOK):  # closed while pings were still to be read
                    await self.connection.send(PONG)
                continue
            assert frame.startswith(EVENT), frame[:200]
            name, task = json.loads(frame[len(EVENT) :])
            assert name == "TaskUpdated"
            self.updates += 1
            self.under_way += task["status"] not in FINAL
            self._see(task)

    def _see(self, task: dict[str, Any]) -> None:
        known = self.seen.get(task["id"])
        if known is not None and task["revision"] <= known[0]:
            return
        self.seen[task["id"]] = (task["revision"], task["status"])
        if task["status"] in FINAL:
            self.ended.add(task["id"])


@asynccontextmanager
async def many_viewers(host: Host) -> AsyncIterator[list[Viewer]]:
    """All of them, connected and following."""
    address = f"ws://127.0.0.1:{host.port}{NAMESPACE}/socket.io/?EIO=4&transport=websocket"
    viewers: list[Viewer] = []
    async with asyncio.TaskGroup() as group:
        try:
            for _ in range(CLIENTS):
                # Compressing for 200 clients would measure zlib, and in this process too.
                connection = await connect(
                    address, compression=None, open_timeout=PATIENCE, ping_interval=None
                )
                viewers.append(Viewer(connection))
                await viewers[-1].enter()
                group.create_task(viewers[-1].follow())
            yield viewers
        finally:
            # While they still read, so that nobody waits for a farewell that nobody takes.
            await asyncio.gather(*(viewer.connection.close() for viewer in viewers))


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for it; the test has a deadline as a whole."""
    while not is_so():  # noqa: ASYNC110
        await asyncio.sleep(0.05)


async def play(host: Host, tasks: int, seconds: float) -> list[Viewer]:
    """Hand in tasks while everybody looks on; gives back what they have seen in the end."""
    async with many_viewers(host) as viewers:
        answer = await host.ask(f"/begin?tasks={tasks}&seconds={seconds}", "POST")
        ids = set(answer["ids"])
        assert len(ids) == tasks

        # Who comes in later rounds is sent ended tasks of earlier ones too.
        await until(lambda: all(ids <= viewer.ended for viewer in viewers))
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
        # What is imported, compiled and kept for good is there after a first, shorter round, and
        # so is what the allocator keeps of the most that was ever needed.
        await play(host, TASKS, WARM_UP_SECONDS)
        before = (await host.ask("/reports"))["reports"]
        began = await resident_bytes(host)

        viewers = await play(host, TASKS, SECONDS)
        reports = (await host.ask("/reports"))["reports"] - before
        # Far more was said than anybody can be sent, and still everybody saw it go on.
        assert reports > max(viewer.updates for viewer in viewers)
        assert min(viewer.under_way for viewer in viewers) > 0

        ended = await resident_bytes_at_most(int(began * MOST_GROWTH), host)
    updates = sum(viewer.updates for viewer in viewers)
    under_way = sum(viewer.under_way for viewer in viewers)
    print(f"{reports:,} reports; {updates:,} updates, {under_way:,} of them before the end")
    print(f"{began:,} bytes resident before, {ended:,} after")
    assert ended <= began * MOST_GROWTH
