"""What is dropped in time: final tasks, and the engine's log."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from bgtasks.backends.postgres.backend import PostgresBackend
from bgtasks.backends.postgres.engine.schema import ENGINE
from bgtasks.core.events import Failed
from bgtasks.core.record import TaskQuery
from bgtasks.core.retention import PruneRule
from bgtasks.testing.conformance import BackendBench

from .many_tasks import filling


async def test_two_processes_prune_at_once_and_drop_each_task_once(
    web: BackendBench, worker: BackendBench, sql: Any
) -> None:
    await sql.execute(filling(1_000))
    for bench in (web, worker):
        bench.clock.advance(86_400)
    waiting = await web.submit(delay=60)
    dropped = 0
    while last := sum(
        await asyncio.gather(
            *(
                bench.backend.prune(PruneRule(timedelta(0)), 90)
                for bench in (web, worker, web, worker)
            )
        )
    ):
        dropped += last
    assert dropped == 1_000
    assert [item.id for item in (await web.backend.list(TaskQuery())).records] == [waiting]


async def test_what_somebody_else_is_dropping_holds_nobody_up(web: BackendBench, sql: Any) -> None:
    await sql.execute(filling(10))
    web.clock.advance(86_400)
    async with sql.transaction():
        await sql.execute("SELECT 1 FROM bgtasks_tasks ORDER BY completed_at LIMIT 4 FOR UPDATE")
        assert await web.backend.prune(PruneRule(timedelta(0)), 100) == 6
    assert await web.backend.prune(PruneRule(timedelta(0)), 100) == 4


async def test_the_history_of_attempts_is_dropped_with_the_task(
    worker: BackendBench, sql: Any
) -> None:
    task_id = await worker.finished(Failed("no"))
    await worker.advance(1)
    assert await worker.backend.prune(PruneRule(timedelta(0)), 10) == 1
    assert await worker.backend.get(task_id) is None
    assert await sql.fetchval("SELECT count(*) FROM bgtasks_attempts") == 0


@pytest.mark.parametrize("table", [ENGINE.queue_table_log, ENGINE.statistics_table])
async def test_what_the_engine_writes_down_is_dropped_though_nobody_prunes(
    worker: BackendBench, sql: Any, table: str
) -> None:
    """FAULTS 52."""
    if table == ENGINE.queue_table_log:
        await sql.execute(
            f"INSERT INTO {table} (job_id, status, priority, entrypoint) "
            "VALUES (1, 'queued', 0, 'Quick')"
        )
    else:
        await sql.execute(
            f"INSERT INTO {table} (count, entrypoint, priority, status) "
            "VALUES (1, 'Quick', 0, 'successful')"
        )
    count = f"SELECT count(*) FROM {table}"
    assert await sql.fetchval(count) > 0
    await tidied(worker)
    assert await sql.fetchval(count) > 0  # new
    await sql.execute(f"UPDATE {table} SET created = created - interval '8 days'")
    await tidied(worker)
    assert await sql.fetchval(count) == 0


async def test_the_engine_sums_nothing_up(worker: BackendBench, sql: Any) -> None:
    """FAULTS 52: nobody reads it, and it would grow by gigabytes a week."""
    for _ in range(3):
        await worker.finished()
    await tidied(worker)
    assert await sql.fetchval(f"SELECT count(*) FROM {ENGINE.statistics_table}") == 0


async def test_processes_that_were_killed_are_forgotten_after_a_day(
    worker: BackendBench, web: BackendBench, sql: Any
) -> None:
    """FAULTS 52."""
    await sql.execute(
        "INSERT INTO bgtasks_processes (id, host, pid, runs_tasks, types, running, "
        "max_concurrency, seen_at) SELECT gen_random_uuid(), 'killed', 1, true, '{}', 0, 1, "
        "now() - age FROM unnest(ARRAY[interval '23 hours', interval '25 hours']) AS age"
    )
    await tidied(web)
    assert len(await worker.backend.processes()) == 3  # two that live, and one that died today
    assert await sql.fetchval("SELECT count(*) FROM bgtasks_processes") == 3


async def tidied(bench: BackendBench) -> None:
    """Wait for the next time that this process drops old rows, which is once a minute."""
    assert isinstance(bench.backend, PostgresBackend)
    await bench.backend.store.pulse.tidy()
