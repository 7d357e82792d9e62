"""taskiq on Redis streams: async no-op tasks.

Its fast settings: one worker process, hiredis, no result backend, arguments not validated
(``--no-parse``), logs quiet. A task is acknowledged when it has ended, which is its default.
"""

import asyncio
import sys

from distributed.driving import CONCURRENCY, VALKEY, run_all
from distributed.stamps import STAMPS
from measuring import CALLERS, answer, scaled
from taskiq_redis import RedisStreamBroker

TASKS = 10_000

broker = RedisStreamBroker(VALKEY)


@broker.task(task_name="noop")
async def noop() -> None:
    STAMPS.started()
    STAMPS.ended()


async def main() -> None:
    tasks = scaled(TASKS)
    await broker.startup()
    for _ in range(0, tasks, CALLERS):
        await asyncio.gather(*(noop.kiq() for _ in range(CALLERS)))
    await broker.shutdown()
    command = [sys.executable, "-m", "taskiq", "worker", "distributed.peer_taskiq:broker"]
    command += ["--workers", "1", "--max-async-tasks", str(CONCURRENCY)]
    command += ["--no-parse", "--log-level", "ERROR"]
    seen = await run_all(command, tasks)
    answer(tasks_per_second=seen.tasks_per_second)


if __name__ == "__main__":
    asyncio.run(main())
