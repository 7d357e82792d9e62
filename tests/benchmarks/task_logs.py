"""What it costs to keep logs: attempts that log 1,000 lines each, through ``logging`` to a file as
an application does, per second; those of a type that keeps them by turns with those of one that
keeps none. Also what one line costs the worker, and how long it takes to read the log of a task
that has logged ten million lines.

The database is an SQLite file, or the PostgreSQL URL that is given (an empty database).
"""

import asyncio
import logging
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from attrs import frozen
from dependency_injector import providers
from measuring import answer, new_database, rate_of, scaled

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTaskManager,
    BackgroundTasksContainer,
    BackgroundWorker,
    background_task,
)

LINES = 1_000
ROUNDS = 5
MANY = scaled(10_000_000)

log = logging.getLogger("benchmark")


@frozen(kw_only=True)
class Kept(BackgroundTaskBase):
    pass


@frozen(kw_only=True)
class NotKept(BackgroundTaskBase):
    pass


@frozen(kw_only=True)
class Talking(BackgroundTaskBase):
    lines: int


class Logging(BackgroundWorker[Any, None]):
    async def execute(self, context: Any) -> None:
        for number in range(LINES):
            log.info("row %d of %s was written to %s", number, "movies.csv", "the table")
            if number % 100 == 0:
                await asyncio.sleep(0)


class Saying(BackgroundWorker[Any, None]):
    async def execute(self, context: Any) -> None:
        began = time.perf_counter()
        for number in range(context.task.lines):
            context.log("one row was written")
            if number % 10_000 == 0:
                await asyncio.sleep(0)
        context.report_status(str((time.perf_counter() - began) / context.task.lines * 1e6))


def application(database: str) -> Any:
    tasks = [
        background_task(Kept, providers.Factory(Logging)),
        background_task(NotKept, providers.Factory(Logging), logs=None),
        background_task(Talking, providers.Factory(Saying)),
    ]
    container = BackgroundTasksContainer(tasks=providers.List(*tasks))
    container.config.from_dict({"database": database})
    return container


async def make_tables(url: str) -> None:
    # Here, as it is no part of the base installation.
    from bgtasks.backends.postgres.database import Database
    from bgtasks.backends.postgres.migrations import upgrade

    database = Database(url)
    await database.open()
    await upgrade(database)
    await database.close()


async def megabytes(database: str) -> float:
    """What the database takes on its disk."""
    if "://" not in database:
        file = Path(database)
        return sum(part.stat().st_size for part in file.parent.glob(f"{file.name}*")) / 1e6
    import asyncpg

    connection = await asyncpg.connect(database)
    size = await connection.fetchval("SELECT pg_database_size(current_database())")
    await connection.close()
    return float(size) / 1e6


async def rate(manager: BackgroundTaskManager, kind: type[Any]) -> tuple[float, float]:
    """Attempts per second, and per second of the processor."""

    async def run_one() -> None:
        await manager.wait_for(await manager.run_task(kind()))

    began = time.process_time()
    found = await rate_of(run_one, scaled(1_000))
    return found, scaled(1_000) / (time.process_time() - began)


async def main() -> None:
    arguments = [item for item in sys.argv[1:] if not item.startswith("--")]
    file = new_database()
    database = arguments[0] if arguments else str(file)
    if arguments:
        await make_tables(database)
    handler = logging.FileHandler(file.with_suffix(".log"))
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    async with application(database).manager() as manager:
        await rate(manager, Kept)
        kept, without = [], []
        for _ in range(ROUNDS):
            without.append(await rate(manager, NotKept))
            kept.append(await rate(manager, Kept))
        ratio, cpu_ratio = (
            statistics.median(one[at] / other[at] for one, other in zip(kept, without, strict=True))
            for at in (0, 1)
        )
        before = await megabytes(database)
        info = await manager.wait_for(await manager.run_task(Talking(lines=MANY)))
        began = time.perf_counter()
        lines = len(await manager.get_logs(info.id))
        answer(
            kept_per_second=statistics.median(found for found, _ in kept),
            without_per_second=statistics.median(found for found, _ in without),
            ratio=ratio,
            cpu_ratio=cpu_ratio,
            line_us=float(info.status_message or 0),
            read_ms=(time.perf_counter() - began) * 1000,
            read_lines=lines,
            file_mb=await megabytes(database),
            many_lines_mb=await megabytes(database) - before,
        )


asyncio.run(main())
