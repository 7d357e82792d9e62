"""The built client, a server of its own, and a Node process that does what a test says."""

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.hosts import HOSTS

from .node import CLIENT, installed

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PATIENCE = 20.0


@pytest.fixture(scope="session")
def client_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as npm would install it: the built files beside their peer dependency."""
    others = installed()
    modules = tmp_path_factory.mktemp("app") / "node_modules"
    modules.mkdir()
    package = modules / "bgtasks-client"
    shutil.copytree(CLIENT, package, ignore=shutil.ignore_patterns("node_modules", "src"))
    for other in others.iterdir():
        if not other.name.startswith("bgtasks-"):
            (modules / other.name).symlink_to(other, target_is_directory=other.is_dir())
    return package


class Server:
    """The host application in a process of its own, which can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.pages = folder / "pages"
        """What a test puts there is served below ``/built/``."""
        self._process: asyncio.subprocess.Process | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._http = httpx.AsyncClient(base_url=self.url, timeout=PATIENCE)

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "error", str(HOSTS / "client_host.py")),
            *(str(self.port), str(self._folder / "tasks.db"), str(self.pages)),
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        async with asyncio.timeout(PATIENCE):
            while not await self._answers():
                assert self._process.returncode is None, "the server did not start"
                await asyncio.sleep(0.02)

    async def _answers(self) -> bool:
        try:
            return (await self._http.get("/ready")).status_code == 200
        except httpx.TransportError:
            return False

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self.signal(signal.SIGKILL)
            await self._process.wait()

    async def close(self) -> None:
        await self._http.aclose()
        await self.kill()

    async def post(self, path: str, **body: Any) -> Any:
        answer = await self._http.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def gate(self) -> str:
        """Hand in a task that runs until :meth:`open`."""
        return str((await self.post("/gates"))["id"])

    async def talk(self) -> str:
        """Hand in a task that logs what it is told to."""
        return str((await self.post("/talks"))["id"])

    async def say(self, task_id: str, *said: str, logged: Sequence[str] = ()) -> None:
        """Have a task say something to whoever watches, and then log something for operators."""
        await self.post(f"/talks/{task_id}/say", said=said, logged=logged)

    async def open(self, task_id: str) -> None:
        """Let a task end, and wait until it has."""
        await self.post(f"/gates/{task_id}/open")


class Proxy:
    """A line between client and server that can be cut."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._port = 0
        self.connections = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in list(self._writers):
                writer.transport.abort()
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            there = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        self._writers |= {writer, there[1]}
        await asyncio.gather(self._copy(reader, there[1]), self._copy(there[0], writer))
        self._writers -= {writer, there[1]}

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


class Page:
    """A Node process with clients in it, as a browser's page would have them."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._events: list[dict[str, Any]] = []
        self._news = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self._events.append(json.loads(line))
            self._news.set()

    async def do(self, action: str, **arguments: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": action, **arguments}).encode() + b"\n")
        await self._process.stdin.drain()

    async def until(self, event: str, accept: Callable[[Any], bool] = lambda _: True) -> Any:
        """The next event of this name that ``accept`` likes; those before it are forgotten."""
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    for at, found in enumerate(self._events):
                        if found["event"] == event and accept(found):
                            del self._events[: at + 1]
                            return found
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"no {event} among {self._events}") from None

    async def status(self, status: str, watch: str = "w") -> Any:
        """The next snapshot of a watched task with this status."""
        found = await self.until(
            "task", lambda e: e["watch"] == watch and e["task"] and e["task"]["status"] == status
        )
        return found["task"]

    async def connection(self, state: str, client: str = "a") -> Any:
        found = await self.until(
            "connection", lambda e: e["client"] == client and e["state"] == state
        )
        return found["message"]

    def signal(self, number: signal.Signals) -> None:
        """``SIGSTOP`` is a laptop that is closed, ``SIGCONT`` one that is opened again."""
        self._process.send_signal(number)

    def count(self, event: str) -> int:
        """How often that came and was not waited for yet."""
        return sum(found["event"] == event for found in self._events)

    async def close(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        await self._reading


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    server = Server(tmp_path)
    try:
        await server.start()
        yield server
    finally:
        await server.close()


@pytest.fixture
async def proxy(server: Server) -> AsyncIterator[Proxy]:
    proxy = Proxy(server.port)
    await proxy.mend()
    yield proxy
    await proxy.cut()


async def _page(client_package: Path, script_name: str) -> AsyncIterator[Page]:
    script = client_package.parents[1] / script_name
    shutil.copy(HERE / script_name, script)  # so that it finds the package by its name
    process = await asyncio.create_subprocess_exec(
        *("node", str(script)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**20,
    )
    page = Page(process)
    yield page
    await page.close()


@pytest.fixture
async def page(client_package: Path) -> AsyncIterator[Page]:
    async for page in _page(client_package, "page.mjs"):
        yield page


@pytest.fixture
async def react_page(client_package: Path) -> AsyncIterator[Page]:
    async for page in _page(client_package, "react_page.mjs"):
        yield page
