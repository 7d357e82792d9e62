"""streaQ: async no-op tasks.

Its fast settings: hiredis (a dependency of its client), results not kept (``ttl=0``), its own log
lines off (``silent``), prefetch at its default.
"""

import asyncio
import logging
import sys

from distributed.driving import CONCURRENCY, VALKEY, run_all, this_script
from distributed.stamps import STAMPS
from measuring import answer, scaled
from streaq import Worker

TASKS = 5_000
BULK = 500

worker = Worker(redis_url=VALKEY, concurrency=CONCURRENCY)


@worker.task(ttl=0, silent=True, name="noop")
async def noop() -> None:
    STAMPS.started()
    STAMPS.ended()


async def main() -> None:
    tasks = scaled(TASKS)
    async with worker:
        for _ in range(0, tasks, BULK):
            await worker.enqueue_many([noop.enqueue() for _ in range(min(BULK, tasks))])
    seen = await run_all(this_script("worker"), tasks)
    answer(tasks_per_second=seen.tasks_per_second)


logging.getLogger("streaq").setLevel(logging.ERROR)
if sys.argv[1:] == ["worker"]:
    worker.run_sync()
else:
    asyncio.run(main())
