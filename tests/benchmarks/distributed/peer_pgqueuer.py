"""PgQueuer by itself: no-op jobs, jobs that sleep, and the wait of a job at an idle worker.

Its fast settings: the pool driver on asyncpg, the batch size that bgtasks uses, jobs handed in by
one bulk insert. It deletes a finished job and writes a line to its log table, by batches. asyncio's
own event loop, as for everyone.
"""

import asyncio
import logging
import sys

import asyncpg
from distributed.driving import (
    CONCURRENCY,
    POSTGRES,
    SLEEP,
    SLEEPING_TASKS,
    idle_start_ms,
    median,
    run_all,
    this_script,
)
from distributed.stamps import STAMPS
from measuring import BULK, answer, bulk_rate, rate_of, scaled
from pgqueuer import AsyncpgPoolDriver, Job, PgQueuer, Queries

from bgtasks.backends.loops.serving import BATCH


async def work() -> None:
    logging.getLogger("pgqueuer").setLevel(logging.ERROR)
    async with asyncpg.create_pool(POSTGRES, min_size=4, max_size=10) as pool:
        pgq = PgQueuer(AsyncpgPoolDriver(pool))

        @pgq.entrypoint("noop")
        async def noop(job: Job) -> None:
            STAMPS.started()
            STAMPS.ended()

        @pgq.entrypoint("sleep")
        async def sleep(job: Job) -> None:
            STAMPS.started()
            await asyncio.sleep(SLEEP)
            STAMPS.ended()

        await pgq.run(batch_size=BATCH, max_concurrent_tasks=CONCURRENCY)


async def throughput(queries: Queries, entrypoint: str, tasks: int, processes: int = 1) -> float:
    for begun in range(0, tasks, BULK):
        await _enqueue(queries, entrypoint, min(BULK, tasks - begun))
    seen = await run_all(this_script("worker"), tasks, processes=processes)
    return seen.tasks_per_second


async def _enqueue(queries: Queries, entrypoint: str, size: int) -> None:
    await queries.enqueue([entrypoint] * size, [None] * size, [0] * size)


async def main(measured: str) -> None:
    async with asyncpg.create_pool(POSTGRES, min_size=1, max_size=10) as pool:
        queries = Queries(AsyncpgPoolDriver(pool))
        await queries.install()
        match measured:
            case "noop":
                answer(tasks_per_second=await throughput(queries, "noop", scaled(20_000)))
            case "noop_two":
                answer(tasks_per_second=await throughput(queries, "noop", scaled(20_000), 2))
            case "sleep":
                answer(tasks_per_second=await throughput(queries, "sleep", SLEEPING_TASKS))
            case "submit_one_by_one":
                tasks = scaled(10_000)
                rate = await rate_of(lambda: queries.enqueue("noop", None), tasks)
                answer(tasks_per_second=rate)
            case "submit_bulk":
                rate = await bulk_rate(lambda size: _enqueue(queries, "noop", size), scaled(50_000))
                answer(tasks_per_second=rate)
            case "idle":
                waits = await idle_start_ms(
                    this_script("worker"), lambda: queries.enqueue("noop", None)
                )
                answer(p50_ms=median(waits))


if sys.argv[1] == "worker":
    asyncio.run(work())
else:
    asyncio.run(main(sys.argv[1]))
