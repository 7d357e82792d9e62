"""10,000 schedules: how long a start takes, the first and a later one, and what they cost while no
tick comes.

Each start is timed in this process, imports and registration aside, until the manager runs; the
same host without schedules is timed beside it.
"""

import asyncio
import time
from pathlib import Path
from typing import Any

from dependency_injector import providers
from host import NoopTask, NoopWorker
from measuring import answer, new_database, scaled

from bgtasks import BackgroundTasksContainer, Cron, background_task, schedule

TURNS = 3
IDLE = 5.0


def host(database: Path, schedules: int) -> Any:
    """A host with so many schedules, in several zones and at all times of New Year's Day."""
    zones = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]
    made = providers.Factory(NoopTask)
    container = BackgroundTasksContainer(
        tasks=providers.List(background_task(NoopTask, providers.Factory(NoopWorker))),
        schedules=providers.List(
            *(
                schedule(
                    f"nightly-{number}",
                    Cron(f"{number % 60} {number % 24} 1 1 *", timezone=zones[number % 4]),
                    made,
                )
                for number in range(schedules)
            )
        ),
    )
    container.config.from_dict({"database": str(database)})
    return container


async def start(database: Path, schedules: int) -> float:
    """Seconds until a manager runs."""
    manager = host(database, schedules).manager()
    started = time.perf_counter()
    await manager.start()
    taken = time.perf_counter() - started
    await manager.stop()
    return taken


async def idle(database: Path, schedules: int) -> float:
    """The CPU that a process takes while no tick comes, in percent of a core."""
    async with host(database, schedules).manager():
        await asyncio.sleep(1.0)
        before = time.process_time()
        await asyncio.sleep(IDLE)
        return 100 * (time.process_time() - before) / IDLE


async def main() -> None:
    count = scaled(10_000)
    first, later, without = [], [], []
    for _ in range(TURNS):
        database, other = new_database(), new_database()
        await start(other, 0)
        first.append(await start(database, count))
        later.append(await start(database, count))
        without.append(await start(other, 0))
    answer(
        first_start_ms=1000 * min(first),
        later_start_ms=1000 * min(later),
        start_without_ms=1000 * min(without),
        idle_cpu_percent=await idle(database, count),
        idle_cpu_percent_without=await idle(other, 0),
    )


asyncio.run(main())
