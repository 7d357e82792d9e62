"""Vite in front of the application, as docs/how-to/development-server.md has it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.servers.ports import free_port

from .recipes import files_of, project

pytestmark = pytest.mark.node

PAGE = "development-server.md"
HUB = "/background-tasks/socket.io/?EIO=4&transport=websocket"
PATIENCE = 20.0


@pytest.fixture
async def vite(server: Any, tmp_path: Path) -> AsyncIterator[str]:
    """Where Vite serves a page and passes on the rest."""
    config = files_of(PAGE)["vite.config.js"].replace("http://127.0.0.1:8000", server.url)
    files = {"vite.config.js": config, "index.html": "<!doctype html><title>Page</title>"}
    folder = project(tmp_path / "web", PAGE, **files)
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *("node", "node_modules/vite/bin/vite.js", "--host", "127.0.0.1"),
        *("--port", str(port), "--strictPort", "--logLevel", "error"),
        cwd=folder,
    )
    url = f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession() as http, asyncio.timeout(PATIENCE):
        while True:
            try:
                async with http.get(url):
                    break
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.05)
    yield url
    process.kill()
    await process.wait()


async def test_a_page_of_the_development_server_uses_the_hub_and_the_routes(vite: str) -> None:
    async with aiohttp.ClientSession() as http, asyncio.timeout(PATIENCE):
        async with http.get(f"{vite}/background-tasks/api/tasks") as answer:
            assert await answer.json() == {"items": [], "nextCursor": None}
        async with http.ws_connect(vite + HUB, origin=vite) as websocket:
            assert (await websocket.receive_str()).startswith("0{")
            await websocket.send_str("40/background-tasks,")
            assert (await websocket.receive_str()).startswith('40/background-tasks,{"sid"')
