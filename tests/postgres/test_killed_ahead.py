"""A real process is killed while tasks that it has claimed wait for a slot."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from tests.hosts.ahead_host import SLOTS, TABLE, ShortTask, container_at

PATIENCE = 120.0
SOON = 1.0
TASKS = 200

CLAIMED_AHEAD = """
SELECT count(*) FROM bgtasks_tasks AS task
 WHERE status = 'Running'
   AND NOT EXISTS (SELECT FROM begun WHERE begun.task = task.id AND begun.attempt = task.attempt)
"""


@asynccontextmanager
async def worker_at(url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    command = (sys.executable, "-m", "tests.hosts.ahead_host", url)
    process = await asyncio.create_subprocess_exec(*command)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def claims_ahead(sql: Any) -> None:
    """Wait until a process holds more than it runs. On a slow machine it may not: then for what a
    kill finds anyway."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SOON):
            while await sql.fetchval(CLAIMED_AHEAD) <= SLOTS:  # noqa: ASYNC110
                await asyncio.sleep(0.001)


async def test_no_task_is_lost_or_has_failed_though_its_process_was_killed_before_it_began(
    task_database: str, sql: Any
) -> None:
    await sql.execute(TABLE)
    pool = asyncpg.create_pool(task_database, min_size=0, max_size=1)
    async with pool, container_at(task_database, pool, run_tasks=False).manager() as manager:
        tasks = await manager.run_tasks(ShortTask() for _ in range(TASKS))
        async with worker_at(task_database) as worker, asyncio.timeout(PATIENCE):
            while not await sql.fetchval("SELECT count(*) FROM begun"):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            await claims_ahead(sql)
            worker.kill()
        async with worker_at(task_database), asyncio.timeout(PATIENCE):
            for task in tasks:
                assert (await manager.wait_for(task)).status == "Completed"
    assert await sql.fetchval("SELECT max(interruptions) FROM bgtasks_tasks") <= 2
    assert await sql.fetchval("SELECT count(DISTINCT task) FROM begun") == TASKS
