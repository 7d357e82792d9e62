"""``connection=`` on SQLite: refused, or taken by a setting that says what it means."""

import subprocess
import sys
from pathlib import Path

import pytest

from bgtasks import BackendError, BackgroundTaskStatus
from tests.hosts.scripted import Work, container_for, done

ROOT = Path(__file__).parents[2]

TWICE = """
import asyncio, logging
from tests.hosts.scripted import Work, container_for, done

logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")

async def main():
    for _ in range(2):
        container = container_for(done)
        container.config.tasks_outside_transactions.from_value(True)
        async with container.manager() as manager:
            for _ in range(2):
                await manager.run_task(Work(), connection=object())

asyncio.run(main())
"""


async def test_a_connection_is_refused_by_the_name_of_the_setting_that_takes_it() -> None:
    async with container_for(done).manager() as manager:
        with pytest.raises(BackendError, match="'tasks_outside_transactions: true'"):
            await manager.run_task(Work(), connection=object())
        assert (await manager.get_tasks()).items == ()


async def test_by_the_setting_a_task_is_stored_at_once_whatever_the_connection() -> None:
    container = container_for(done)
    container.config.tasks_outside_transactions.from_value(True)
    async with container.manager() as manager:
        task_id = await manager.run_task(Work(), connection=object())
        assert await manager.try_get_task(task_id) is not None
        assert (await manager.wait_for(task_id)).status is BackgroundTaskStatus.COMPLETED
        both = await manager.run_tasks([Work(), Work()], connection="no connection at all")
        assert len(await manager.find_tasks(both)) == 2


def test_a_warning_says_so_once_in_a_process() -> None:
    done_twice = subprocess.run(
        [sys.executable, "-W", "error", "-c", TWICE],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    lines = done_twice.stderr.splitlines()
    assert [line for line in lines if line.startswith("WARNING connection= was given")] == lines
    assert len(lines) == 1
    assert "'tasks_outside_transactions'" in lines[0]
