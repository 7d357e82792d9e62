"""``python -m bgtasks worker`` on PostgreSQL, while the server is away."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bgtasks.testing.conformance import PATIENCE
from tests.hosts.load_app import Application, GateTask
from tests.hosts.processes import environment

from .proxy import Proxy
from .test_stops import BOUND, go_away


@pytest.fixture
async def process(proxy: Proxy) -> AsyncIterator[Process]:
    """A worker that reaches the server through the proxy."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bgtasks", "worker", "tests.hosts.load_app:application"),
        stdout=PIPE,
        stderr=PIPE,
        env=environment(HOST_DATABASE=proxy.url),
    )
    yield process
    if process.returncode is None:
        process.kill()
        await process.communicate()


async def said(process: Process, text: str) -> None:
    """Wait until the worker says this on standard output."""
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        assert (await process.stdout.readline()).decode().strip() == text


@pytest.mark.parametrize("how", ["refuses", "answers nothing"])
async def test_a_worker_process_stops_though_an_attempt_ended_while_the_server_was_away(
    process: Process, proxy: Proxy, task_database: str, tmp_path: Path, how: str
) -> None:
    """FAULTS 47."""
    gate = tmp_path / "gate"
    application: Any = Application()
    settings = {"database": task_database, "run_tasks": False}
    application.config.from_dict({"background_tasks": settings})
    async with application.background_tasks.manager() as manager:
        await manager.run_task(GateTask(gate=str(gate)))
    await said(process, "begun")
    go_away(proxy, how)
    gate.touch()
    await said(process, "ended")
    process.terminate()
    async with asyncio.timeout(BOUND):
        _, log = await process.communicate()
    assert process.returncode == 0
    assert b"waiting up to 5 s for" in log
    assert b"ended is lost, it will run again" in log
