"""Dramatiq: async no-op actors.

Its fast settings: one process, hiredis, no middleware but the one for async actors (no retries, no
time limits, no results). Of an async actor as many run at once as there are worker threads.
"""

import asyncio
import sys

import dramatiq
from distributed.driving import CONCURRENCY, VALKEY, run_all
from distributed.stamps import STAMPS
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware.asyncio import AsyncIO
from measuring import answer, scaled

TASKS = 6_000

broker = RedisBroker(url=VALKEY, middleware=[AsyncIO()])
dramatiq.set_broker(broker)


@dramatiq.actor
async def noop() -> None:
    STAMPS.started()
    STAMPS.ended()


async def main() -> None:
    tasks = scaled(TASKS)
    for _ in range(tasks):
        noop.send()
    command = [sys.executable, "-m", "dramatiq", "distributed.peer_dramatiq"]
    command += ["--processes", "1", "--threads", str(CONCURRENCY)]
    seen = await run_all(command, tasks)
    answer(tasks_per_second=seen.tasks_per_second)


if __name__ == "__main__":
    asyncio.run(main())
