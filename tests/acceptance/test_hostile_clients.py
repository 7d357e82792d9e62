"""Clients that mean harm, against a real server as the documentation starts it: its memory stays
within bounds, and everybody else is served meanwhile.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field
from websockets.asyncio.client import ClientConnection, connect

from tests.acceptance.hostile import JOIN, PATH, raw_client, raw_connection

# FAULTS 22 and 27.

ROOT = Path(__file__).parents[2]
EVENT = "42/background-tasks,"
MOST_GROWTH = 50 * 1024 * 1024
SERVED_WITHIN = 5.0
"""Seconds within which others are answered while two cores do all of this."""
PATIENCE = 120.0

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="/proc tells the memory of a process: Linux only"
)


@define
class Host:
    """The running server."""

    port: int
    pid: int
    before: int = 0
    most: int = 0

    def memory(self) -> int:
        """Its resident bytes."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text("ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    async def watch(self) -> None:
        """Keep the most that it ever has."""
        while True:
            self.most = max(self.most, self.memory())
            await asyncio.sleep(0.02)

    @property
    def growth(self) -> int:
        return self.most - self.before


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    options = ["--port", "0", "--ws-max-size", "65536", "--timeout-graceful-shutdown", "2"]
    command = [sys.executable, "-m", "uvicorn", "tests.hosts.hostile_app:app", *options]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "HOSTILE_DATABASE": str(tmp_path / "tasks.db"),
    }
    log = (tmp_path / "log").open("wb")
    with log, subprocess.Popen(command, cwd=ROOT, stderr=log, stdout=log, env=environment) as run:
        try:
            yield Host(port_of(run, tmp_path / "log"), run.pid)
        finally:
            run.kill()


def port_of(run: "subprocess.Popen[bytes]", log: Path) -> int:
    while run.poll() is None:
        if found := re.search(r"running on http://127\.0\.0\.1:(\d+)", log.read_text("utf-8")):
            return int(found[1])
    raise AssertionError(log.read_text("utf-8"))


@define
class Good:
    """Somebody who only wants to follow the tasks."""

    connection: ClientConnection
    ticked: asyncio.Event = field(factory=asyncio.Event)
    acks: "asyncio.Queue[Any]" = field(factory=asyncio.Queue)

    async def follow(self) -> None:
        async for frame in self.connection:
            if frame == "2":
                await self.connection.send("3")
            elif str(frame).startswith(EVENT):
                if json.loads(str(frame)[len(EVENT) :])[1]["type"] == "TickTask":
                    self.ticked.set()
            elif str(frame).startswith("43"):
                self.acks.put_nowait(str(frame))

    async def is_served(self) -> None:
        """Is answered, and gets the next update."""
        async with asyncio.timeout(SERVED_WITHIN):
            await self.connection.send(f'{EVENT}1["CancelTask",{{"id":"none"}}]')
            await self.acks.get()
            self.ticked.clear()
            await self.ticked.wait()


@asynccontextmanager
async def good_client(host: Host, user: str = "ann") -> AsyncIterator[Good]:
    address = f"ws://127.0.0.1:{host.port}{PATH}"
    async with connect(address, additional_headers={"X-User": user}) as connection:
        await connection.recv()
        await connection.send(JOIN)
        good = Good(connection)
        following = asyncio.create_task(good.follow())
        try:
            await good.ticked.wait()
            yield good
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


@asynccontextmanager
async def besieged(host: Host) -> AsyncIterator[Good]:
    """Somebody who is served, and must stay so; the server's memory is watched, from when it has
    done once what it will do."""
    async with asyncio.timeout(PATIENCE), good_client(host) as good:
        async with raw_client(host.port, "warm") as client:
            await client.send(JOIN)
            await client.send(f'{EVENT}1["Subscribe"]')
            await asyncio.wait_for(client.reader.readexactly(400_000), SERVED_WITHIN)
        await good.is_served()
        host.before = host.memory()
        watching = asyncio.create_task(host.watch())
        try:
            yield good
            await good.is_served()
        finally:
            watching.cancel()
    assert host.growth < MOST_GROWTH, f"{host.growth:,} bytes more than {host.before:,}"


@pytest.mark.parametrize("packs", [False, True])
async def test_ten_thousand_subscribes_that_are_not_read(host: Host, packs: bool) -> None:
    asking = [f'{EVENT}{number}["Subscribe"]' for number in range(10_000)]
    async with besieged(host) as good, raw_client(host.port, "eve", packs=packs) as eve:
        await eve.send(JOIN)
        attack = asyncio.create_task(eve.send_as_long_as_it_goes(asking, 5.0))
        while not attack.done():
            await good.is_served()
        for _ in range(5):
            await good.is_served()


async def test_one_that_reads_slowly(host: Host) -> None:
    asking = [f'{EVENT}{number}["Subscribe"]' for number in range(10_000)]
    async with besieged(host) as good, raw_client(host.port, "eve") as eve:
        await eve.send(JOIN)
        attack = asyncio.create_task(eve.send_as_long_as_it_goes(asking, 5.0))
        for number in range(100):
            await eve.read(4_096)
            if number % 10 == 0:
                await good.is_served()
        attack.cancel()


async def test_listings_and_event_streams_that_are_not_read(host: Host) -> None:
    async with besieged(host) as good, AsyncExitStack() as stack:
        for number in range(40):
            client = await stack.enter_async_context(raw_connection(host.port))
            path = "api/tasks?limit=200" if number % 2 else "api/tasks/events"
            head = (
                f"GET /background-tasks/{path} HTTP/1.1\r\nHost: x\r\nX-User: eve{number}\r\n\r\n"
            )
            client.writer.write(head.encode())
            await client.reader.readline()
        for _ in range(20):
            await good.is_served()


async def test_thirty_deflate_bombs_of_strangers(host: Host) -> None:
    async with besieged(host) as good:
        for _ in range(30):
            async with raw_client(host.port, packs=True) as stranger:
                await stranger.send_bomb()
                assert await stranger.was_closed(SERVED_WITHIN)
            await good.is_served()


async def test_thirty_deflate_bombs_at_once(host: Host) -> None:
    async with besieged(host) as good, AsyncExitStack() as stack:
        opening = [raw_client(host.port, packs=True) for _ in range(30)]
        strangers = [await stack.enter_async_context(client) for client in opening]
        await asyncio.gather(*(stranger.send_bomb() for stranger in strangers))
        await good.is_served()


async def test_sockets_of_strangers(host: Host) -> None:
    async with besieged(host) as good, AsyncExitStack() as stack:
        for number in range(600):
            with suppress(asyncio.IncompleteReadError):  # refused
                await stack.enter_async_context(raw_client(host.port))
            if number % 100 == 0:
                await good.is_served()
        async with asyncio.timeout(SERVED_WITHIN), good_client(host, "bob") as bob:
            await bob.is_served()
