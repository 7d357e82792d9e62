"""bgtasks on PostgreSQL: handing in, one by one by 100 callers, and 1,000 in a call.

Every setting at its default; nobody runs what is handed in. A call returns when its tasks are
committed.
"""

import asyncio
import sys

from distributed.app import NoopTask, enqueuer
from distributed.driving import POSTGRES
from measuring import answer, bulk_rate, rate_of, scaled

TASKS = {"one_by_one": 20_000, "bulk": 50_000}


async def main(measured: str) -> None:
    async with enqueuer(POSTGRES) as manager:
        tasks = scaled(TASKS[measured])
        if measured == "one_by_one":
            await rate_of(lambda: manager.run_task(NoopTask()), scaled(1_000))
            answer(tasks_per_second=await rate_of(lambda: manager.run_task(NoopTask()), tasks))
        else:
            rate = await bulk_rate(
                lambda size: manager.run_tasks([NoopTask() for _ in range(size)]), tasks
            )
            answer(tasks_per_second=rate)


asyncio.run(main(sys.argv[1]))
