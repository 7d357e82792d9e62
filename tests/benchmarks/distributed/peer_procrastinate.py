"""Procrastinate: async no-op jobs.

Its fast settings: psycopg's C speed (``psycopg[binary]``), jobs handed in by ``batch_defer``,
finished jobs deleted, as PgQueuer does, LISTEN on, which is its default.
"""

import asyncio
import logging
import sys

import procrastinate
from distributed.driving import CONCURRENCY, POSTGRES, run_all, this_script
from distributed.stamps import STAMPS
from measuring import answer, bulk_rate, rate_of, scaled

TASKS = 4_000

app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=POSTGRES, max_size=10))


@app.task(name="noop")
async def noop() -> None:
    STAMPS.started()
    STAMPS.ended()


async def work() -> None:
    logging.getLogger("procrastinate").setLevel(logging.ERROR)
    async with app.open_async():
        await app.run_worker_async(concurrency=CONCURRENCY, delete_jobs="always")


async def _defer(size: int) -> None:
    await noop.batch_defer_async(*({} for _ in range(size)))


async def main(measured: str) -> None:
    tasks = scaled(TASKS)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        if measured == "submit_one_by_one":
            answer(tasks_per_second=await rate_of(noop.defer_async, tasks))
            return
        if measured == "submit_bulk":
            answer(tasks_per_second=await bulk_rate(_defer, scaled(20_000)))
            return
        await _defer(tasks)
    seen = await run_all(this_script("worker"), tasks)
    answer(tasks_per_second=seen.tasks_per_second)


asyncio.run(work() if sys.argv[1] == "worker" else main(sys.argv[1]))
