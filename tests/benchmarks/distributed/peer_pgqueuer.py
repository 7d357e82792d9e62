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
from measuring import answer, scaled
from pgqueuer import AsyncpgPoolDriver, Job, PgQueuer, Queries

try:
    from bgtasks.backends.postgres.serving import BATCH
except ImportError:
    BATCH = 50


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
    for _ in range(0, tasks, 1_000):
        size = min(tasks, 1_000)
        await queries.enqueue([entrypoint] * size, [None] * size, [0] * size)
    seen = await run_all(this_script("worker"), tasks, processes=processes)
    return seen.tasks_per_second


async def main(measured: str) -> None:
    async with asyncpg.create_pool(POSTGRES, min_size=1, max_size=4) as pool:
        queries = Queries(AsyncpgPoolDriver(pool))
        await queries.install()
        match measured:
            case "noop":
                answer(tasks_per_second=await throughput(queries, "noop", scaled(20_000)))
            case "noop_two":
                answer(tasks_per_second=await throughput(queries, "noop", scaled(20_000), 2))
            case "sleep":
                answer(tasks_per_second=await throughput(queries, "sleep", SLEEPING_TASKS))
            case "idle":
                waits = await idle_start_ms(
                    this_script("worker"), lambda: queries.enqueue("noop", None)
                )
                answer(p50_ms=median(waits))


if sys.argv[1] == "worker":
    asyncio.run(work())
else:
    asyncio.run(main(sys.argv[1]))
