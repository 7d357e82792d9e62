"""A tick a second for many worker processes, some of which are killed meanwhile."""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, Process
from datetime import datetime, timedelta
from typing import Any

import pytest

from bgtasks import BackgroundTaskInfo, BackgroundTaskManager
from tests.hosts.processes import environment
from tests.hosts.ticking_app import Application

SECOND = timedelta(seconds=1)


async def worker(database: str) -> Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bgtasks", "worker", "tests.hosts.ticking_app:application"),
        stdout=DEVNULL,
        stderr=DEVNULL,
        env=environment(HOST_DATABASE=database),
    )


async def ticked(manager: BackgroundTaskManager) -> list[BackgroundTaskInfo[Any]]:
    found: list[BackgroundTaskInfo[Any]] = []
    cursor: str | None = None
    while True:
        page = await manager.get_tasks(limit=1000, cursor=cursor)
        found += page.items
        if (cursor := page.next_cursor) is None:
            return found


async def until_ticks(manager: BackgroundTaskManager, count: int, patience: float) -> None:
    async with asyncio.timeout(patience):
        while len(await ticked(manager)) < count:  # noqa: ASYNC110 - other processes do it
            await asyncio.sleep(0.1)


def tick_of(info: BackgroundTaskInfo[Any]) -> datetime:
    assert info.schedule is not None
    assert info.schedule.tick is not None
    return info.schedule.tick


@pytest.mark.parametrize(
    ("processes", "ticks", "killed"),
    [(4, 8, 1), pytest.param(8, 60, 3, marks=pytest.mark.long)],
)
async def test_each_tick_has_one_task_and_none_is_lost(
    task_database: str, processes: int, ticks: int, killed: int
) -> None:
    application: Any = Application()
    settings = {"database": task_database, "run_tasks": False}
    application.config.from_dict({"background_tasks": settings})
    running = [await worker(task_database) for _ in range(processes)]
    try:
        async with application.background_tasks.manager() as manager:
            await until_ticks(manager, ticks // 4, 60)
            for victim in running[:killed]:
                victim.kill()
            await until_ticks(manager, ticks, 60 + 2 * ticks)
            for process in running[killed:]:
                process.terminate()
            await asyncio.gather(*(process.wait() for process in running))
            infos = await ticked(manager)
    finally:
        for process in running:
            if process.returncode is None:
                process.kill()
                await process.wait()
    found = sorted(map(tick_of, infos))
    assert len(set(found)) == len(found), "a tick has two tasks"
    came = (found[-1] - found[0]) // SECOND + 1
    missed = sum(info.payload or 0 for info in infos if tick_of(info) != found[0])
    assert came == len(found) + missed, "a tick is missing without a reason"
