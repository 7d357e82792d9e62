"""One life of an application under load, to be killed: ``kill_host.py DATABASE LOG MODE SEED``.

It appends to LOG what a client was told: ``accepted <id>`` after ``run_task`` had returned, and
``refused <id>`` after it had raised, and
``told <id> <revision> <status> <attempt>`` for each final snapshot. MODE is ``load`` (hand in tasks
until killed), ``drain`` (run what there is until nothing is left) or ``poison`` (like ``drain``,
where the poison task kills the process).
"""

import asyncio
import contextlib
import os
import random
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

from bgtasks import (
    BackendError,
    BackgroundTaskBase,
    BackgroundTaskInfo,
    BackgroundTaskManager,
)
from tests.hosts.load_app import (
    Application,
    DeclaringTask,
    FailingTask,
    QuickTask,
    StepTask,
    SyncTask,
)


class Log:
    """What a client was told; each line goes to the file in one write."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(self, line: str) -> None:
        os.write(self._file, f"{line}\n".encode())

    def told(self, info: BackgroundTaskInfo[Any]) -> None:
        if info.status.is_final:
            self.write(f"told {info.id} {info.revision} {info.status} {info.attempt}")


def some_task(chance: random.Random) -> BackgroundTaskBase:
    kinds: list[BackgroundTaskBase] = [
        QuickTask(),
        StepTask(steps=20, pause=0.01),
        FailingTask(times=99 if chance.random() < 0.3 else 2),
        SyncTask(seconds=0.02),
        DeclaringTask(),
    ]
    return chance.choice(kinds)


async def hand_in(manager: BackgroundTaskManager, log: Log, chance: random.Random) -> None:
    """One client: hands in tasks, and now and then cancels or retries one."""
    mine: list[UUID] = []
    while True:
        delay = chance.choice([None, None, None, 0.05, 0.3])
        task = some_task(chance)
        try:
            await manager.run_task(task, delay=delay, priority=chance.randint(-1, 1))
        except BackendError:
            log.write(f"refused {task.id}")
        else:
            log.write(f"accepted {task.id}")
            mine.append(task.id)
        if mine and chance.random() < 0.2:
            with contextlib.suppress(BackendError):
                await manager.cancel_task(chance.choice(mine))
        await asyncio.sleep(chance.random() * 0.02)


async def live(database: str, log: Log, mode: str, seed: int) -> None:
    container: Any = Application()
    container.config.from_dict({"background_tasks": {"database": database, "stop_grace": 5}})
    manager = container.background_tasks.manager()
    manager.task_updated.subscribe(log.told)
    async with manager:
        print("started", flush=True)
        if mode == "load":
            chances = [random.Random(seed * 100 + client) for client in range(8)]
            await asyncio.gather(*(hand_in(manager, log, chance) for chance in chances))
        for status in ("Pending", "Running") * 2:  # a retry goes back to the one from the other
            while page := (await manager.get_tasks(status=status, limit=1)).items:
                await manager.wait_for(page[0].id)


if __name__ == "__main__":
    _, database, log_path, mode, seed = sys.argv
    assert Path(database).parent.is_dir()
    asyncio.run(live(database, Log(log_path), mode, int(seed)))
