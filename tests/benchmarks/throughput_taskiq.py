"""run→result with taskiq's InMemoryBroker: what it costs to run a task and keep nothing."""

import asyncio

from measuring import CALLERS, answer, rate_of, scaled
from taskiq import InMemoryBroker

# Its limit of kept results has to be lifted: with 100 callers the default of 100 loses results.
broker = InMemoryBroker(max_stored_results=-1, max_async_tasks=CALLERS)


@broker.task
async def noop() -> None:
    """The worker."""


async def run_one() -> None:
    task = await noop.kiq()
    # Results are polled for; of 0, 1, 5, 10 and 20 ms this was the fastest.
    await task.wait_result(check_interval=0.001)


async def main() -> None:
    await broker.startup()
    await rate_of(run_one, scaled(2_000))
    answer(tasks_per_second=await rate_of(run_one, scaled(20_000)))
    await broker.shutdown()


asyncio.run(main())
