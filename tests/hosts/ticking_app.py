"""An application with a tick a second, also as a process: ``python -m tests.hosts.ticking_app``.

``HOST_DATABASE`` is its database, ``HOST_CLOCK`` by how many seconds its clock is wrong.
"""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import frozen
from dependency_injector import containers, providers

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTasksContainer,
    BackgroundWorker,
    BackgroundWorkerContext,
    Every,
    background_task,
    schedule,
)
from bgtasks.clock import DatedClock, SystemClock

WRONG_BY = timedelta(seconds=float(os.environ.get("HOST_CLOCK", "0")))


@frozen(kw_only=True)
class TickTask(BackgroundTaskBase):
    """What is submitted at each tick."""


class TickWorker(BackgroundWorker[TickTask, int]):
    """Reports how many ticks were missed."""

    async def execute(self, context: BackgroundWorkerContext[TickTask, int]) -> None:
        context.set_payload(context.missed)


class Application(containers.DeclarativeContainer):
    """The container."""

    config = providers.Configuration()
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=config.background_tasks,
        tasks=providers.List(background_task(TickTask, providers.Factory(TickWorker))),
        schedules=providers.List(
            schedule("tick", Every(seconds=1), providers.Factory(TickTask), overlap="allow")
        ),
    )


application: Any = Application()
application.config.from_dict(
    {"background_tasks": {"database": os.environ.get("HOST_DATABASE", ":memory:")}}
)
application.background_tasks.clock.override(
    providers.Object(DatedClock(SystemClock(), lambda: datetime.now(UTC) + WRONG_BY))
)


async def main() -> None:
    """Run tasks until the process is killed."""
    async with application.background_tasks.manager():
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
