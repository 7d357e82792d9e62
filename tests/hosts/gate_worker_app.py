"""An application for ``python -m bgtasks worker tests.hosts.gate_worker_app:application``: its only
task runs until the file ``WORKER_GATE`` is there. ``WORKER_DATABASE`` is the setting."""

import asyncio
import os
from pathlib import Path

from attrs import frozen
from dependency_injector import containers, providers

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTasksContainer,
    BackgroundWorker,
    BackgroundWorkerContext,
    background_task,
)

GATE = Path(os.environ.get("WORKER_GATE", "gate"))


@frozen(kw_only=True)
class GateTask(BackgroundTaskBase):
    """Waits for the gate to open."""


class GateWorker(BackgroundWorker[GateTask, None]):
    """Says on standard output when it begins and when it has ended."""

    async def execute(self, context: BackgroundWorkerContext[GateTask, None]) -> None:
        print("begun", flush=True)
        while not GATE.exists():  # noqa: ASYNC110, ASYNC240 - another process makes the file
            await asyncio.sleep(0.01)
        print("ended", flush=True)


class Application(containers.DeclarativeContainer):
    """The root container."""

    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=providers.Object({"database": os.environ.get("WORKER_DATABASE", ":memory:")}),
        tasks=providers.List(background_task(GateTask, providers.Factory(GateWorker))),
    )


application = Application()
