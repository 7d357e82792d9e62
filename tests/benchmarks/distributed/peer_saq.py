"""SAQ on Valkey and on PostgreSQL: async no-op jobs.

Its fast settings: hiredis, nothing kept of a finished job (``ttl=-1``), no time limit on a job
(``timeout=0``), which saves it a timer.
"""

import asyncio
import logging
import sys
from typing import Any

from distributed.driving import CONCURRENCY, POSTGRES, VALKEY, run_all, this_script
from distributed.stamps import STAMPS
from measuring import CALLERS, answer, scaled
from saq import Queue, Worker

TASKS = {"redis": 6_000, "postgres": 3_000}


async def noop(_context: Any) -> None:
    STAMPS.started()
    STAMPS.ended()


def queue(server: str) -> Queue:
    return Queue.from_url(VALKEY if server == "redis" else POSTGRES)


async def work(server: str) -> None:
    logging.getLogger("saq").setLevel(logging.ERROR)
    taking = queue(server)
    await taking.connect()
    await Worker(taking, [noop], concurrency=CONCURRENCY).start()


async def main(server: str) -> None:
    tasks = scaled(TASKS[server])
    handing_in = queue(server)
    await handing_in.connect()
    # Holds off its search for lost jobs, which at the start takes those just claimed for lost.
    await handing_in.sweep(lock=600)
    for _ in range(0, tasks, CALLERS):
        await asyncio.gather(
            *(handing_in.enqueue("noop", ttl=-1, timeout=0) for _ in range(CALLERS))
        )
    await handing_in.disconnect()
    seen = await run_all(this_script("worker", server), tasks)
    answer(tasks_per_second=seen.tasks_per_second)


if sys.argv[1] == "worker":
    asyncio.run(work(sys.argv[2]))
else:
    asyncio.run(main(sys.argv[1]))
