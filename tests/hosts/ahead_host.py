"""A worker process with few slots and short tasks: ``python -m tests.hosts.ahead_host URL``.

The table ``begun`` has a row for each attempt whose worker began.
"""

import asyncio
import sys
from typing import Any
from uuid import UUID

import asyncpg
from attrs import frozen
from dependency_injector import providers

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTasksContainer,
    BackgroundWorker,
    BackgroundWorkerContext,
    background_task,
)

TABLE = "CREATE TABLE begun (task uuid, attempt integer)"

SLOTS = 4


@frozen(kw_only=True)
class ShortTask(BackgroundTaskBase):
    """Of some milliseconds."""


class ShortWorker(BackgroundWorker[ShortTask, None]):
    """Writes down that it began."""

    def __init__(self, connection: asyncpg.Pool) -> None:
        self._pool = connection

    async def execute(self, context: BackgroundWorkerContext[ShortTask, None]) -> None:
        task: UUID = context.task.id
        await self._pool.execute("INSERT INTO begun VALUES ($1, $2)", task, context.info.attempt)


def container_at(url: str, pool: Any, **config: Any) -> BackgroundTasksContainer:
    """The application, with its tasks in this database."""
    worker = providers.Factory(ShortWorker, providers.Object(pool))
    container = BackgroundTasksContainer(tasks=providers.List(background_task(ShortTask, worker)))
    container.config.from_dict({"database": url, "heartbeat_timeout": 2, **config})
    return container


async def main(url: str) -> None:
    pool = await asyncpg.create_pool(url, min_size=1, max_size=SLOTS)
    async with pool, container_at(url, pool, max_concurrency=SLOTS).manager():
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
