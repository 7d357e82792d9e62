"""run→Completed with bgtasks: durable, a no-op async worker, every setting at its default.

``--tuned``: with the garbage collector as ``bgtasks worker`` sets it.
"""

import asyncio
import sys
import time

from host import NoopTask, application
from measuring import answer, new_database, rate_of, scaled

from bgtasks import BackgroundTaskStatus
from bgtasks.cli.worker_process import collect_garbage_less_often


async def main() -> None:
    if "--tuned" in sys.argv:
        collect_garbage_less_often()
    async with application(new_database()).background_tasks.manager() as manager:

        async def run_one() -> None:
            info = await manager.wait_for(await manager.run_task(NoopTask()))
            assert info.status is BackgroundTaskStatus.COMPLETED

        await rate_of(run_one, scaled(2_000))
        cpu = time.process_time()
        rate = await rate_of(run_one, scaled(20_000))
        cpu_us = (time.process_time() - cpu) / scaled(20_000) * 1e6
        answer(tasks_per_second=rate, cpu_us=cpu_us)


asyncio.run(main())
