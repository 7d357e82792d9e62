"""A worker process whose tasks write down when they run: ``python -m tests.hosts.limits_host URL``.

The table ``runs`` has a row for each attempt, dated by the database server, the table ``heard`` one
for each process that has heard of a pause.
"""

import asyncio
import os
import sys
from typing import Any

import asyncpg
from attrs import frozen
from dependency_injector import providers

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTasksContainer,
    BackgroundWorker,
    BackgroundWorkerContext,
    PerKey,
    Rate,
    TypeInfo,
    background_task,
)

TABLE = """
CREATE TABLE runs (
    number serial PRIMARY KEY, type text, owner text, claimed timestamptz,
    started timestamptz DEFAULT clock_timestamp(), ended timestamptz
);
CREATE TABLE heard (process integer, type text, paused_at timestamptz)
"""


@frozen(kw_only=True)
class MailTask(BackgroundTaskBase):
    """Ten a second."""


@frozen(kw_only=True)
class LimitedTask(BackgroundTaskBase):
    """Three at once."""


@frozen(kw_only=True)
class OwnedTask(BackgroundTaskBase):
    """One of each owner at once."""


class NotingWorker(BackgroundWorker[Any, None]):
    """Runs for a moment, and writes down when."""

    def __init__(self, connection: asyncpg.Pool) -> None:
        self._pool = connection

    async def execute(self, context: BackgroundWorkerContext[Any, None]) -> None:
        number = await self._pool.fetchval(
            "INSERT INTO runs (type, owner, claimed) VALUES ($1, $2, $3) RETURNING number",
            context.task.type,
            context.info.owner,
            context.info.started_at,
        )
        await asyncio.sleep(0.02)
        await self._pool.execute(
            "UPDATE runs SET ended = clock_timestamp() WHERE number = $1", number
        )


def container_at(url: str, pool: Any, **config: Any) -> BackgroundTasksContainer:
    """The application, with its tasks in this database."""
    worker = providers.Factory(NotingWorker, providers.Object(pool))
    container = BackgroundTasksContainer(
        tasks=providers.List(
            background_task(MailTask, worker, rate=Rate(10, per=1)),
            background_task(LimitedTask, worker, max_concurrency=3),
            background_task(OwnedTask, worker, per_key=PerKey(1), max_interruptions=1000),
        )
    )
    container.config.from_dict({"database": url, "heartbeat_timeout": 1, **config})
    return container


async def main(url: str) -> None:
    pool = await asyncpg.create_pool(url, min_size=1, max_size=5)
    telling: set[asyncio.Task[Any]] = set()

    def tell(info: TypeInfo) -> None:
        if info.paused_at is not None:
            values = (os.getpid(), info.name, info.paused_at)
            task = asyncio.create_task(
                pool.execute("INSERT INTO heard VALUES ($1, $2, $3)", *values)
            )
            telling.add(task)
            task.add_done_callback(telling.discard)

    async with pool, container_at(url, pool, max_concurrency=10).manager() as manager:
        manager.type_updated.subscribe(tell)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
