"""``python -m bgtasks worker`` on PostgreSQL, while the server is away."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from dependency_injector import providers

from bgtasks import BackgroundTasksContainer, background_task
from bgtasks.testing.conformance import PATIENCE
from tests.hosts.gate_worker_app import GateTask, GateWorker

from .proxy import Proxy
from .test_stops import BOUND, go_away

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def process(proxy: Proxy, tmp_path: Path) -> AsyncIterator[Process]:
    """A worker that reaches the server through the proxy."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bgtasks",
        "worker",
        "tests.hosts.gate_worker_app:application",
        stdout=PIPE,
        stderr=PIPE,
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "WORKER_DATABASE": proxy.url,
            "WORKER_GATE": str(tmp_path / "gate"),
        },
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
    container = BackgroundTasksContainer(
        tasks=providers.List(background_task(GateTask, providers.Factory(GateWorker)))
    )
    container.config.from_dict({"database": task_database, "run_tasks": False})
    async with container.manager() as manager:
        await manager.run_task(GateTask())
    await said(process, "begun")
    go_away(proxy, how)
    (tmp_path / "gate").touch()
    await said(process, "ended")
    process.terminate()
    async with asyncio.timeout(BOUND):
        _, log = await process.communicate()
    assert process.returncode == 0
    assert b"waiting up to 5 s for" in log
    assert b"ended is lost, it will run again" in log
