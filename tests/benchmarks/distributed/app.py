"""The host application that is measured: its worker and web processes differ by one setting."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from attrs import frozen
from dependency_injector import containers, providers
from distributed.driving import SLEEP
from distributed.stamps import FOLDER, STAMPS

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTaskManager,
    BackgroundTasksContainer,
    BackgroundWorker,
    BackgroundWorkerContext,
    background_task,
)
from bgtasks.cli.worker_process import run_worker_process


@frozen(kw_only=True)
class NoopTask(BackgroundTaskBase):
    """Nothing is to be done."""


@frozen(kw_only=True)
class SleepTask(BackgroundTaskBase):
    """Something that waits."""


@frozen(kw_only=True)
class ReportTask(BackgroundTaskBase):
    """Reports ``reports`` times and ends, ``every`` seconds apart, the first after ``offset``.

    The time begins with the time in the file ``go``, once there is one.
    """

    go: Path
    offset: float
    every: float
    reports: int


@frozen(kw_only=True)
class ShortTask(BackgroundTaskBase):
    """Reports three times within 0.2 s."""


@frozen
class Sent:
    """When a report was made, by ``time.monotonic``."""

    sent_at: float


class NoopWorker(BackgroundWorker[NoopTask, Any]):
    """Does it."""

    async def execute(self, context: BackgroundWorkerContext[NoopTask, Any]) -> None:
        STAMPS.started()
        STAMPS.ended()


class SleepWorker(BackgroundWorker[SleepTask, Any]):
    """Waits."""

    async def execute(self, context: BackgroundWorkerContext[SleepTask, Any]) -> None:
        STAMPS.started()
        await asyncio.sleep(SLEEP)
        STAMPS.ended()


class ReportWorker(BackgroundWorker[ReportTask, Sent]):
    """Reports."""

    async def execute(self, context: BackgroundWorkerContext[ReportTask, Sent]) -> None:
        STAMPS.started()
        task = context.task
        while not task.go.exists():  # noqa: ASYNC110 - written by another process
            await asyncio.sleep(0.5)
        begin = float(task.go.read_text("utf-8")) + task.offset
        for number in range(task.reports):
            await asyncio.sleep(begin + number * task.every - time.monotonic())
            context.report_progress(number / task.reports, payload=Sent(time.monotonic()))
        await asyncio.sleep(begin + task.reports * task.every - time.monotonic())
        STAMPS.ended()


class ShortWorker(BackgroundWorker[ShortTask, Sent]):
    """Waits, and reports."""

    async def execute(self, context: BackgroundWorkerContext[ShortTask, Sent]) -> None:
        for number in range(1, 4):
            await asyncio.sleep(0.2 / 3)
            context.report_progress(number * 33, payload=Sent(time.monotonic()))


class Application(containers.DeclarativeContainer):
    """Every setting is at its default, but for those given to ``application``."""

    config = providers.Configuration()
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=config.background_tasks,
        tasks=providers.List(
            background_task(NoopTask, providers.Factory(NoopWorker)),
            background_task(SleepTask, providers.Factory(SleepWorker)),
            background_task(ReportTask, providers.Factory(ReportWorker)),
            background_task(ShortTask, providers.Factory(ShortWorker)),
        ),
    )


def application(url: str, **settings: Any) -> Application:
    """The host, with its tasks in the database at ``url``."""
    container = Application()
    container.config.from_dict({"background_tasks": {"database": url, **settings}})
    return container


@asynccontextmanager
async def enqueuer(url: str) -> AsyncIterator[BackgroundTaskManager]:
    """A manager that only hands in, in a database that has been given the tables."""
    make_tables(url)
    async with application(url, run_tasks=False).background_tasks.manager() as manager:
        yield manager


def make_tables(url: str) -> None:
    """What a deployment does before it starts a release."""
    command = [sys.executable, "-m", "bgtasks", "database", "upgrade", "--url", url]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def work(url: str, **settings: Any) -> int:
    """What ``python -m bgtasks worker`` does, until it is told to stop; its exit code."""
    assert FOLDER in os.environ
    return run_worker_process(application(url, **settings).background_tasks)


def let_go(go: Path, begin: float) -> None:
    """Tell the tasks that wait for ``go`` when their time begins."""
    unfinished = go.with_suffix(".new")
    unfinished.write_text(repr(begin), "utf-8")
    unfinished.rename(go)
