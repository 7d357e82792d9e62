"""Who is dead: heartbeats decide, and a process that could not speak condemns nobody."""

import asyncio
from typing import Any

import pytest

from bgtasks import BackgroundTaskStatus
from bgtasks.testing.conformance import BackendBench, BenchMaker, until

from .frozen import MAKE_STALE

TABLES = ["bgtasks_processes", "bgtasks_pgqueuer", "bgtasks_tasks"]

LONG = 5.0
"""Seconds that are more than twice the heartbeat timeout of these processes."""


async def nobody_was_condemned(bench: BackendBench, web: BackendBench, task_id: Any) -> None:
    """Wait for as long as it would take, and see that the attempt is still the first one."""
    await asyncio.sleep(LONG)
    stored = await web.get(task_id)
    assert (stored.status, stored.attempt) == (BackgroundTaskStatus.RUNNING, 1)
    assert stored.interruptions == 0
    (record,) = bench.runner.running
    bench.runner.end(record)
    await web.reaches(task_id, BackgroundTaskStatus.COMPLETED)


@pytest.mark.parametrize("tables", [[item] for item in TABLES] + [TABLES], ids=str)
async def test_a_lock_longer_than_the_heartbeat_timeout_makes_nobody_dead(
    worker: BackendBench, web: BackendBench, make_bench: BenchMaker, sql: Any, tables: list[str]
) -> None:
    """FAULTS 49."""
    record = await worker.run()
    other = make_bench()
    await other.open()
    async with sql.transaction():
        await sql.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
        await asyncio.sleep(LONG)
    fresh = make_bench()  # one that has no heartbeat of its own to be late with
    await fresh.open()
    await nobody_was_condemned(worker, web, record.id)
    assert other.runner.started == fresh.runner.started == []


async def test_heartbeats_that_are_refused_for_long_make_nobody_dead(
    worker: BackendBench, web: BackendBench, sql: Any
) -> None:
    """FAULTS 49: as when the disk is full."""
    record = await worker.run()
    await sql.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = '53100'; END$$; "
        "CREATE TRIGGER refuse BEFORE UPDATE ON bgtasks_processes "
        "FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    await until(lambda: "takes no heartbeat" in (web.backend.trouble() or ""), "health says so")
    await asyncio.sleep(LONG)
    await sql.execute("DROP TRIGGER refuse ON bgtasks_processes")
    await nobody_was_condemned(worker, web, record.id)


async def test_statements_that_hang_do_not_keep_a_process_from_saying_that_it_lives(
    worker: BackendBench, web: BackendBench, make_bench: BenchMaker, sql: Any
) -> None:
    """FAULTS 49: the pool is full of them, and the heartbeat has a connection of its own."""
    record = await worker.run()
    await make_bench().open()
    async with sql.transaction():
        await sql.execute("LOCK TABLE bgtasks_tasks IN ACCESS EXCLUSIVE MODE")
        asking = [asyncio.create_task(worker.get(record.id)) for _ in range(30)]
        await asyncio.sleep(LONG)
        alive = [item.alive for item in await web.backend.processes()]
    await asyncio.gather(*asking, return_exceptions=True)
    assert alive == [True, True, True]
    await nobody_was_condemned(worker, web, record.id)


async def test_a_process_condemns_nobody_before_it_has_spoken_for_the_whole_time(
    make_bench: BenchMaker, sql: Any
) -> None:
    """FAULTS 49: what it finds at its start may be what a stall has left."""
    left = make_bench()
    await left.open()
    record = await left.run()
    backend = left.backend
    await backend.store.pulse.stop()  # type: ignore[attr-defined]  # it is gone without a word
    await sql.execute(MAKE_STALE)
    fresh = make_bench()
    started_at = asyncio.get_running_loop().time()
    await fresh.open()
    await fresh.reaches(record.id, lambda item: item.interruptions == 1)
    assert asyncio.get_running_loop().time() - started_at >= 2  # its heartbeat timeout
