"""The deployment that the docs describe, without containers: two web nodes and a worker on
PostgreSQL behind nginx with the configuration of examples/deployment."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import socketio
from attrs import frozen

sys.path.append(str(Path(__file__).parents[2]))

from examples.deployment.containers import Application
from examples.deployment.reports import ReportTask
from examples.deployment.settings import settings_from
from tests.servers.ports import free_port

ROOT = Path(__file__).parents[2]
DEPLOYMENT = ROOT / "examples" / "deployment"
PATIENCE = 30.0
NAMESPACE = "/background-tasks"
FINAL = {"Completed", "Failed", "Cancelled"}

pytestmark = [pytest.mark.postgres, pytest.mark.nginx]


def nginx_program() -> str:
    # Debian keeps it where only root looks.
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("nginx is not installed (apt-get install nginx-light)")
    return program


def nginx_config(folder: Path, port: int, web_ports: list[int]) -> str:
    """The one in the docs, with other addresses, and nothing outside of a folder."""
    text = (DEPLOYMENT / "nginx.conf").read_text("utf-8")
    for name, web_port in zip(("web1", "web2"), web_ports, strict=True):
        text = replaced(text, f"server {name}:8000", f"server 127.0.0.1:{web_port}")
    text = replaced(text, "listen 80;", f"listen 127.0.0.1:{port};")
    temporary = "".join(
        f"    {kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = replaced(text, "http {\n", f"http {{\n    access_log off;\n{temporary}")
    return f"daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log stderr;\n{text}"


def replaced(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


@contextmanager
def running(*arguments: str, **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(arguments, cwd=ROOT, env={**os.environ, **environment})
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@frozen
class Deployment:
    """Everything that runs."""

    url: str
    web_ports: list[int]
    web: list["subprocess.Popen[bytes]"]
    application: Application
    """The same application here: only to hand in tasks of other lengths."""


@pytest.fixture
def deployment(task_database: str, tmp_path: Path) -> Iterator[Deployment]:
    nginx = nginx_program()
    environment = {
        "BGTASKS_DATABASE": task_database,
        "APP_PASSWORD": "correct horse",
        "SESSION_SECRET": "a secret that all web nodes share",
    }
    port, web_ports = free_port(), [free_port(), free_port()]
    config = tmp_path / "nginx.conf"
    config.write_text(nginx_config(tmp_path, port, web_ports))
    with ExitStack() as stack:
        web = [
            stack.enter_context(running(*web_command(web_port), **environment))
            for web_port in web_ports
        ]
        worker = [sys.executable, "-m", "bgtasks", "worker"]
        worker += ["examples.deployment.containers:container", "--log-level", "warning"]
        stack.enter_context(running(*worker, **environment))
        stack.enter_context(running(nginx, "-p", str(tmp_path), "-c", str(config)))
        for one in [*web_ports, port]:
            until_healthy(one)
        application = Application()
        application.config.from_dict(settings_from(environment))
        yield Deployment(f"http://127.0.0.1:{port}", web_ports, web, application)


def web_command(port: int) -> list[str]:
    """The one in the unit, on this port."""
    unit = (DEPLOYMENT / "reports-web@.service").read_text("utf-8")
    found = re.search(r"^ExecStart=\S+/uvicorn (.*)$", unit, re.MULTILINE)
    assert found
    options = found[1].replace("%i", str(port)).split()
    return [sys.executable, "-m", "uvicorn", *options, "--log-level", "warning"]


def until_healthy(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            answer = httpx.get(f"http://127.0.0.1:{port}/background-tasks/api/health")
            if answer.status_code == 200:
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline, f"nothing healthy on port {port}"
        time.sleep(0.05)


@pytest.fixture
async def visitor(deployment: Deployment) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who has logged in, through nginx."""
    async with httpx.AsyncClient(base_url=deployment.url, timeout=PATIENCE) as client:
        form = {"name": "alice", "password": "correct horse"}
        assert (await client.post("/login", data=form)).status_code == 303
        yield client


class Browser:
    """Follows tasks over a websocket through nginx, and connects again by itself."""

    def __init__(self, visitor: httpx.AsyncClient) -> None:
        self.revisions: dict[str, list[tuple[int, str]]] = {}
        self.connections = 0
        self._visitor = visitor
        self._client = socketio.AsyncClient(reconnection_delay=0.1, reconnection_delay_max=0.5)
        self._client.on("connect", self._connected, namespace=NAMESPACE)
        self._client.on("TaskUpdated", self._updated, namespace=NAMESPACE)

    async def connect(self) -> None:
        cookies = "; ".join(f"{name}={value}" for name, value in self._visitor.cookies.items())
        url = str(self._visitor.base_url).rstrip("/")
        await self._client.connect(
            url,
            # The origin as a browser sends it: the node compares it with the address that nginx was
            # asked. Made anew for each connection: the client takes the cookies out of it.
            headers=lambda: {"Cookie": cookies, "Origin": url},
            namespaces=[NAMESPACE],
            socketio_path=f"{NAMESPACE}/socket.io",
            transports=["websocket"],
            wait_timeout=PATIENCE,
        )

    async def close(self) -> None:
        await self._client.shutdown()

    def has_ended(self, task_id: str) -> bool:
        return bool(self.revisions.get(task_id)) and self.revisions[task_id][-1][1] in FINAL

    async def _connected(self) -> None:
        self.connections += 1

    async def _updated(self, task: dict[str, Any]) -> None:
        seen = self.revisions.setdefault(task["id"], [])
        # As every page does: what is not newer is left out.
        if not seen or task["revision"] > seen[-1][0]:
            seen.append((task["revision"], task["status"]))


async def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.02)


@pytest.fixture
async def browsers(visitor: httpx.AsyncClient) -> AsyncIterator[list[Browser]]:
    """Four of them, so that nginx gives some to each node."""
    opened = [Browser(visitor) for _ in range(4)]
    for browser in opened:
        await browser.connect()
    yield opened
    for browser in opened:
        await browser.close()


async def test_every_client_sees_every_task_whichever_node_it_came_to(
    deployment: Deployment, visitor: httpx.AsyncClient, browsers: list[Browser]
) -> None:
    manager = deployment.application.background_tasks.manager()
    async with manager:
        ids = [
            str(await manager.run_task(ReportTask(title=str(i), steps=3), owner="alice"))
            for i in range(3)
        ]
    for browser in browsers:
        for task_id in ids:
            await until(
                lambda browser=browser, task_id=task_id: browser.has_ended(task_id),  # type: ignore[misc]
                f"the end of {task_id} was not seen: {browser.revisions}",
            )
            assert browser.revisions[task_id][-1][1] == "Completed"
    # The cookie of one node is good for the other: every request may go to either.
    for _ in range(4):
        listing = await visitor.get("/background-tasks/api/tasks")
        assert {task["id"] for task in listing.json()["items"]} == set(ids)


async def test_clients_of_a_node_that_stops_go_on_at_the_other(
    deployment: Deployment, visitor: httpx.AsyncClient, browsers: list[Browser]
) -> None:
    accepted = await visitor.post("/reports")
    assert accepted.status_code == 202
    task_id = accepted.json()["id"]
    for browser in browsers:
        await until(lambda browser=browser: task_id in browser.revisions, "not seen")  # type: ignore[misc]
    deployment.web[0].send_signal(signal.SIGTERM)
    await until(
        lambda: sum(browser.connections for browser in browsers) > len(browsers),
        "nobody was connected to the node that stopped",
    )
    # nginx asks the node that is left, without an error for anybody.
    assert (await visitor.get("/background-tasks/api/health")).status_code == 200
    assert (await visitor.delete(f"/background-tasks/api/tasks/{task_id}")).status_code == 202
    for browser in browsers:
        await until(lambda browser=browser: browser.has_ended(task_id), "no end seen")  # type: ignore[misc]
        assert browser.revisions[task_id][-1][1] == "Cancelled"
    assert await asyncio.to_thread(deployment.web[0].wait, PATIENCE) == -signal.SIGTERM


async def test_server_sent_events_are_not_held_back(visitor: httpx.AsyncClient) -> None:
    task_id = (await visitor.post("/reports")).json()["id"]
    lines: list[str] = []
    async with (
        asyncio.timeout(PATIENCE),
        visitor.stream("GET", "/background-tasks/api/tasks/events") as stream,
    ):
        async for line in stream.aiter_lines():
            lines.append(line)
            if any("page 2 of 20" in line for line in lines):
                break
    assert any(line.startswith(f"id: {task_id}:") for line in lines)


async def test_a_stranger_and_a_foreign_page_are_refused(
    deployment: Deployment, visitor: httpx.AsyncClient
) -> None:
    async with httpx.AsyncClient(base_url=deployment.url) as stranger:
        assert (await stranger.get("/background-tasks/api/tasks")).status_code in (401, 403)
        forged = {"X-Forwarded-For": "127.0.0.1"}
        answer = await stranger.get("/background-tasks/api/tasks", headers=forged)
        assert answer.status_code in (401, 403)
    foreign = {"Origin": "https://evil.example"}
    address = f"/background-tasks/api/tasks/{'0' * 32}"
    assert (await visitor.delete(address, headers=foreign)).status_code == 403


def test_nginx_takes_the_configuration(tmp_path: Path) -> None:
    config = tmp_path / "nginx.conf"
    config.write_text(nginx_config(tmp_path, 8080, [8001, 8002]))
    command = [nginx_program(), "-t", "-p", str(tmp_path), "-c", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
