"""What is dropped in time: final tasks, and the engine's log."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from bgtasks.backends.postgres.backend import PostgresBackend
from bgtasks.backends.postgres.engine_schema import ENGINE
from bgtasks.lifecycle import Failed
from bgtasks.record import TaskQuery
from bgtasks.testing.conformance import BackendBench

from .many_tasks import filling

LATER = datetime(2026, 6, 1, tzinfo=UTC)


async def test_two_processes_prune_at_once_and_drop_each_task_once(
    web: BackendBench, worker: BackendBench, sql: Any
) -> None:
    await sql.execute(filling(1_000))
    waiting = await web.submit(delay=60)
    dropped = 0
    while last := sum(
        await asyncio.gather(
            *(bench.backend.prune(LATER, 90) for bench in (web, worker, web, worker))
        )
    ):
        dropped += last
    assert dropped == 1_000
    assert [item.id for item in (await web.backend.list(TaskQuery())).records] == [waiting]


async def test_what_somebody_else_is_dropping_holds_nobody_up(web: BackendBench, sql: Any) -> None:
    await sql.execute(filling(10))
    async with sql.transaction():
        await sql.execute("SELECT 1 FROM bgtasks_tasks ORDER BY completed_at LIMIT 4 FOR UPDATE")
        assert await web.backend.prune(LATER, 100) == 6
    assert await web.backend.prune(LATER, 100) == 4


async def test_the_history_of_attempts_is_dropped_with_the_task(
    worker: BackendBench, sql: Any
) -> None:
    task_id = await worker.finished(Failed("no"))
    assert await worker.backend.prune(datetime(2100, 1, 1, tzinfo=UTC), 10) == 1
    assert await worker.backend.get(task_id) is None
    assert await sql.fetchval("SELECT count(*) FROM bgtasks_failures") == 0


async def test_the_engines_log_is_summed_up_and_dropped(worker: BackendBench, sql: Any) -> None:
    for _ in range(3):
        await worker.finished()
    count = f"SELECT count(*) FROM {ENGINE.queue_table_log}"
    logged = await sql.fetchval(count)
    assert logged > 0
    await worker.backend.prune(LATER, 10)
    assert await sql.fetchval(count) == logged  # not summed up yet, and new
    assert isinstance(worker.backend, PostgresBackend)
    await worker.backend._tidy()
    await worker.backend.prune(LATER, 10)
    assert await sql.fetchval(count) == logged  # new
    old = f"UPDATE {ENGINE.queue_table_log} SET created = created - interval '2 hours'"
    await sql.execute(old)
    await sql.execute(f"UPDATE {ENGINE.statistics_table} SET created = created - interval '8 days'")
    await worker.backend.prune(LATER, 10)
    assert await sql.fetchval(count) == 0
    assert await sql.fetchval(f"SELECT count(*) FROM {ENGINE.statistics_table}") == 0
