"""1,000,000 finished tasks kept in PostgreSQL: what a page of `get_tasks` costs, a count, and
submitting another one.

Two managers in one process, on 10,000 tasks and on 1,000,000 in two databases of one server, are
asked the same questions by turns. One statement fills a table with rows as the library would have
written them. Nothing runs in either, so some of the questions are for a status that no task has.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measuring import CHECKOUT, QUICK, answer, compare_counts, compare_submitting

sys.path.insert(0, str(CHECKOUT))

import asyncpg
from dependency_injector import providers

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTaskManager,
    BackgroundTasksContainer,
    BackgroundWorker,
    BackgroundWorkerContext,
    background_task,
)
from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.migrations import upgrade
from bgtasks.testing.conformance_types import OtherTask, QuickTask
from tests.postgres.many_tasks import filling
from tests.servers.postgres import PostgresServer

FEW = 10_000
MANY = 100_000 if QUICK else 1_000_000
TURNS = 50
PAGE = 50


class Worker(BackgroundWorker[BackgroundTaskBase, Any]):
    """Is never called."""

    async def execute(self, context: BackgroundWorkerContext[BackgroundTaskBase, Any]) -> None:
        pass


def manager_on(url: str) -> BackgroundTaskManager:
    """A manager that runs nothing and drops nothing."""
    container = BackgroundTasksContainer(
        tasks=providers.List(
            background_task(QuickTask, providers.Factory(Worker), type_name="Quick"),
            background_task(OtherTask, providers.Factory(Worker), type_name="Other"),
        )
    )
    container.config.from_dict({"database": url, "run_tasks": False, "retention": None})
    manager: BackgroundTaskManager = container.manager()
    return manager


async def filled(server: PostgresServer, count: int) -> str:
    """A new database with so many tasks."""
    url = server.create_database()
    database = Database(url)
    await database.open()
    await upgrade(database)
    await database.close()
    connection = await asyncpg.connect(url)
    await connection.execute(filling(count))
    await connection.execute("VACUUM (ANALYZE) bgtasks_tasks")
    await connection.close()
    return url


def questions(count: int) -> dict[str, tuple[dict[str, Any], bool]]:
    """What is asked, and whether a full page is the answer, with few tasks and with many."""
    middle = f"t{count // 2:x}"
    return {
        "first": ({}, True),
        "middle": ({"cursor": middle}, True),
        "last": ({"cursor": f"t{PAGE + 1:x}"}, True),
        "type": ({"type": "Other"}, True),
        "status": ({"status": "Failed"}, True),
        "running": ({"status": "Running"}, False),
        "active": ({"status": ["Pending", "Running"], "owner": "ada"}, False),
        "owner": ({"owner": "ada"}, True),
        "owner_middle": ({"owner": "ada", "cursor": middle}, True),
        "owner_or_nobody": ({"owner": ["ada", None]}, True),
        "type_and_status": ({"type": "Quick", "status": ["Completed", "Cancelled"]}, True),
        "nobody_knows": ({"owner": "eve"}, False),
    }


async def time_of(manager: BackgroundTaskManager, question: dict[str, Any], full: bool) -> float:
    started = time.perf_counter()
    page = await manager.get_tasks(limit=PAGE, **question)
    taken = time.perf_counter() - started
    assert len(page.items) == (PAGE if full else 0), (question, len(page.items))
    return taken * 1000


async def compare(few: BackgroundTaskManager, many: BackgroundTaskManager) -> dict[str, float]:
    few_asked, many_asked = questions(FEW), questions(MANY)
    figures: dict[str, float] = {}
    for name in few_asked:
        few_taken, many_taken = [], []
        for _ in range(TURNS):
            few_taken.append(await time_of(few, *few_asked[name]))
            many_taken.append(await time_of(many, *many_asked[name]))
        figures[f"{name}_few_ms"] = round(statistics.median(few_taken), 3)
        figures[f"{name}_many_ms"] = round(statistics.median(many_taken), 3)
    return figures


async def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="bgtasks-benchmark-") as folder,
        PostgresServer(Path(folder) / "server") as server,
    ):
        urls = [await filled(server, FEW), await filled(server, MANY)]
        async with manager_on(urls[0]) as few, manager_on(urls[1]) as many:
            figures = await compare(few, many)
            figures |= await compare_counts(few, many)
            figures |= await compare_submitting(few, many, QuickTask)
            answer(**figures, tasks=MANY)


asyncio.run(main())
