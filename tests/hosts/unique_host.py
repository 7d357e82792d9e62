"""Submits equal tasks: ``unique_host.py DATABASE MODE``.

MODE is ``submit`` (200 at once, as soon as a line comes on standard input; then it says what it was
told), ``die`` (it is killed after the commit and before the answer) or ``once``.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen
from dependency_injector import containers, providers

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTasksContainer,
    BackgroundWorker,
    BackgroundWorkerContext,
    Unique,
    background_task,
)
from bgtasks.core.record import TaskRecord


@frozen(kw_only=True)
class ExportTask(BackgroundTaskBase):
    """A unique task."""

    account: int = 7


class ExportWorker(BackgroundWorker[ExportTask, None]):
    """Is run by nobody here."""

    async def execute(self, context: BackgroundWorkerContext[ExportTask, None]) -> None:
        """Nothing to do."""


class Application(containers.DeclarativeContainer):
    """An application that only submits."""

    config = providers.Configuration()
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=config,
        tasks=providers.List(
            background_task(ExportTask, providers.Factory(ExportWorker), unique=Unique())
        ),
    )


def deadly(backend: Any) -> Any:
    """A backend whose process is killed once a task is committed."""
    submit = backend.submit

    async def submit_and_die(
        records: Sequence[TaskRecord], connection: Any = None
    ) -> Mapping[int, TaskRecord]:
        await submit(records, connection)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    backend.submit = submit_and_die
    return backend


async def main(database: str, mode: str) -> None:
    """One life."""
    container = Application()
    container.config.from_dict({"database": database, "run_tasks": False})
    tasks: Any = container.background_tasks
    if mode == "die":
        tasks.backend.override(deadly(tasks.backend()))
    async with tasks.manager() as manager:
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        count = 200 if mode == "submit" else 1
        handed = await asyncio.gather(*(manager.submit(ExportTask()) for _ in range(count)))
        accepted = sum(item.accepted for item in handed)
        print(accepted, *sorted({str(item.id) for item in handed}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
