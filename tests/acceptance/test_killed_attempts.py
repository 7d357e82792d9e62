"""The attempts of a task whose worker process is killed, as they are told by the next process."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from bgtasks import BackgroundTaskManager
from tests.hosts.load_app import Application, GateTask
from tests.hosts.processes import environment

PATIENCE = 30.0
HEARTBEAT = 1


def manager_on(database: str, *, run_tasks: bool) -> BackgroundTaskManager:
    container: Any = Application()
    settings = {"database": database, "run_tasks": run_tasks, "heartbeat_timeout": HEARTBEAT}
    container.config.from_dict({"background_tasks": settings})
    manager: BackgroundTaskManager = container.background_tasks.manager()
    return manager


async def attempts(manager: BackgroundTaskManager, task_id: UUID) -> Sequence[tuple[Any, ...]]:
    """The number of each, its outcome, and the process that began it."""
    return [
        (item.attempt, item.outcome, item.process and item.process.pid)
        for item in await manager.get_attempts(task_id)
    ]


RUN = """
import asyncio, sys
from tests.hosts.load_app import Application

async def main():
    application = Application()
    application.config.from_dict({"background_tasks": {"database": sys.argv[1]}})
    async with application.background_tasks.manager():
        await asyncio.Event().wait()

asyncio.run(main())
"""


def start_worker(database: str) -> "subprocess.Popen[str]":
    """A process that runs what there is."""
    command = [sys.executable, "-c", RUN, database]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())


def begun(worker: "subprocess.Popen[str]") -> None:
    """Wait until the worker says so."""
    assert worker.stdout is not None
    assert worker.stdout.readline() == "begun\n"


async def test_an_attempt_has_its_process_from_its_start_and_ends_as_interrupted_after_a_kill(
    database: str, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    async with manager_on(database, run_tasks=False) as manager:
        task_id = await manager.run_task(GateTask(gate=str(gate)))
        assert await attempts(manager, task_id) == []
    worker = start_worker(database)
    try:
        begun(worker)
        if database.startswith("postgresql:"):  # a file is open in one process at a time
            async with manager_on(database, run_tasks=False) as manager:
                assert await attempts(manager, task_id) == [(1, None, worker.pid)]
    finally:
        worker.kill()
        worker.communicate()
    gate.touch()
    async with manager_on(database, run_tasks=True) as manager:
        info = await manager.wait_for(task_id, PATIENCE)
        assert (info.status, info.attempt) == ("Completed", 2)
        assert await attempts(manager, task_id) == [
            (1, "interrupted", worker.pid),
            (2, "completed", os.getpid()),
        ]
        counts = await manager.count_tasks()
        assert [str(status) for status, count in counts.items() if count] == ["Completed"]
