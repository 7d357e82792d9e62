"""arq: async no-op jobs.

Its fast settings: hiredis, results not kept, and a look at the queue every 5 ms: by default it
waits 0.5 s between two looks, which take at most 500 jobs each.
"""

import asyncio
import logging
import sys
from typing import Any

from arq import create_pool
from arq.connections import RedisSettings
from arq.worker import Worker, func
from distributed.driving import CONCURRENCY, VALKEY, run_all, this_script
from distributed.stamps import STAMPS
from measuring import CALLERS, answer, scaled

TASKS = 4_000


async def noop(_context: dict[Any, Any]) -> None:
    STAMPS.started()
    STAMPS.ended()


async def work() -> None:
    logging.getLogger("arq").setLevel(logging.ERROR)
    worker = Worker(
        functions=[func(noop, name="noop", keep_result=0)],
        redis_settings=RedisSettings.from_dsn(VALKEY),
        max_jobs=CONCURRENCY,
        keep_result=0,
        poll_delay=0.005,
        handle_signals=False,
    )
    await worker.async_run()


async def main() -> None:
    tasks = scaled(TASKS)
    pool = await create_pool(RedisSettings.from_dsn(VALKEY))
    for _ in range(0, tasks, CALLERS):
        await asyncio.gather(*(pool.enqueue_job("noop") for _ in range(CALLERS)))
    await pool.aclose()
    seen = await run_all(this_script("worker"), tasks)
    answer(tasks_per_second=seen.tasks_per_second)


asyncio.run(work() if sys.argv[1:] == ["worker"] else main())
