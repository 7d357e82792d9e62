"""run→result of durable no-op workflows with DBOS on SQLite, 100 concurrent callers.

Three ways, the best one counts: an async workflow awaited by 100 coroutines, a sync one called
by 100 threads, and an async one through a DBOS queue. Set to the best that was found: the file
in WAL mode (by default it is in DELETE mode, a third slower), two executor threads (of 1, 2, 4,
8 and the default), polling every 10 ms (the default is 1 s). Its durability is SQLite's default,
synchronous=FULL.
"""

import asyncio
import os
import sqlite3
from pathlib import Path

from dbos import DBOS
from measuring import answer, new_database, rate_in_threads, rate_of, scaled

POLL = 0.01


@DBOS.workflow()
async def noop() -> None:
    """The worker."""


@DBOS.workflow()
def noop_in_thread() -> None:
    """The worker, sync."""


def launch(database: Path) -> None:
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    DBOS(
        config={
            "name": "benchmark",
            "system_database_url": f"sqlite:///{database}",
            "max_executor_threads": 2,
            "notification_listener_polling_interval_sec": POLL,
            "log_level": "CRITICAL",
        }
    )
    DBOS.launch()


async def run_through_queue() -> None:
    handle = await DBOS.enqueue_workflow_async("benchmark", noop)
    await handle.get_result(polling_interval_sec=POLL)


async def main() -> None:
    launch(new_database())
    await DBOS.register_queue_async("benchmark", polling_interval_sec=POLL)
    await noop()
    rates = {
        "awaited": await rate_of(noop, scaled(1_000)),
        "in_threads": await asyncio.to_thread(rate_in_threads, noop_in_thread, scaled(1_000)),
        "queued": await rate_of(run_through_queue, scaled(300)),
    }
    answer(best=max(rates.values()), **rates)
    os._exit(0)  # its threads would go on polling


asyncio.run(main())
