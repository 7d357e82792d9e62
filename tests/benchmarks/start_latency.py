"""From the call of ``run_task`` to the first line of the worker, in a process that idles."""

import asyncio
import time
from typing import Any

from dependency_injector import providers
from host import NoopTask, NoopWorker, application
from measuring import answer, new_database, percentile, scaled

from bgtasks import BackgroundWorkerContext

started_at: list[float] = []


class StampWorker(NoopWorker):
    """Notes when it started."""

    async def execute(self, context: BackgroundWorkerContext[NoopTask, Any]) -> None:
        started_at.append(time.perf_counter())


async def main() -> None:
    container = application(new_database())
    container.worker.override(providers.Factory(StampWorker))
    called_at: list[float] = []
    async with container.background_tasks.manager() as manager:
        for _ in range(20 + scaled(500)):
            # Idle: the task before has ended, and whatever it left to do has been done.
            await asyncio.sleep(0.005)
            called_at.append(time.perf_counter())
            await manager.wait_for(await manager.run_task(NoopTask()))
    waits = [(start - call) * 1000 for call, start in zip(called_at, started_at, strict=True)][20:]
    answer(p50_ms=percentile(waits, 50), p99_ms=percentile(waits, 99))


asyncio.run(main())
