"""bgtasks on PostgreSQL: no-op tasks, tasks that sleep, and the wait of a task at an idle worker.

Every setting at its default; asyncio's own event loop, as for everyone. Tasks are handed in by
``run_tasks``, 1,000 at a time, by a process that runs none.
"""

import asyncio
import sys

from distributed.app import NoopTask, SleepTask, enqueuer, work
from distributed.driving import (
    POSTGRES,
    SLEEPING_TASKS,
    idle_start_ms,
    median,
    run_all,
    this_script,
)
from measuring import answer, scaled

from bgtasks import BackgroundTaskBase, BackgroundTaskManager, BackgroundTaskStatus

BULK = 1_000
TASKS = 20_000


async def throughput(
    manager: BackgroundTaskManager,
    task_type: type[BackgroundTaskBase],
    tasks: int,
    processes: int = 1,
) -> float:
    for handed_in in range(0, tasks, BULK):
        await manager.run_tasks([task_type() for _ in range(min(BULK, tasks - handed_in))])
    seen = await run_all(this_script("worker"), tasks, processes=processes)
    failed = await manager.get_tasks(status=BackgroundTaskStatus.FAILED, limit=1)
    if failed.items:
        raise RuntimeError(failed.items[0].error_message)
    return seen.tasks_per_second


async def main(measured: str) -> None:
    async with enqueuer(POSTGRES) as manager:
        match measured:
            case "noop":
                rate = await throughput(manager, NoopTask, scaled(TASKS))
                answer(tasks_per_second=rate)
            case "noop_two":
                rate = await throughput(manager, NoopTask, scaled(TASKS), 2)
                answer(tasks_per_second=rate)
            case "sleep":
                rate = await throughput(manager, SleepTask, SLEEPING_TASKS)
                answer(tasks_per_second=rate)
            case "idle":
                waits = await idle_start_ms(
                    this_script("worker"), lambda: manager.run_task(NoopTask())
                )
                answer(p50_ms=median(waits))


if sys.argv[1] == "worker":
    sys.exit(work(POSTGRES))
else:
    asyncio.run(main(sys.argv[1]))
