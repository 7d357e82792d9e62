"""An event loop that ends without a stop: what ran was cut off, it did not fail."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from dependency_injector import providers

from bgtasks import BackgroundWorker, ManagerStateError, background_task
from tests.hosts.scripted import (
    PATIENCE,
    Context,
    Gate,
    Work,
    container_for,
    container_of,
    running,
    until,
    worker_of,
)


def test_a_task_that_ran_when_the_event_loop_ended_waits_to_run_again(tmp_path: Path) -> None:
    gate, database = Gate(), tmp_path / "tasks.db"
    container = container_for(gate)
    container.config.from_dict({"database": str(database)})

    async def end_without_a_stop() -> None:
        manager = container.manager()
        await manager.start()
        await manager.run_task(Work())
        await asyncio.wait_for(gate.begun.wait(), PATIENCE)

    asyncio.run(end_without_a_stop())
    assert settled(database) == ("Pending", 0, 0, "Interrupted; waiting to run again")


@pytest.mark.parametrize(
    ("hangs", "message"),
    [("opening", "Waiting to run"), ("closing", "Interrupted; waiting to run again")],
)
def test_an_event_loop_that_ends_while_dependencies_open_or_close_costs_no_task(
    tmp_path: Path, hangs: str, message: str
) -> None:
    database = tmp_path / "tasks.db"
    reached = asyncio.Event()

    async def hang(now: str) -> None:
        if now == hangs:
            reached.set()
            await asyncio.Event().wait()

    async def open_it() -> AsyncIterator[str]:
        await hang("opening")
        yield "dependency"
        await hang("closing")

    class Worker(BackgroundWorker[Work, None]):
        def __init__(self, _dependency: str) -> None: ...

        async def execute(self, context: Context) -> None: ...

    worker = providers.Factory(Worker, providers.ContextLocalResource(open_it))
    container = container_of(background_task(Work, worker), database=str(database))

    async def end_without_a_stop() -> None:
        manager = container.manager()
        await manager.start()
        await manager.run_task(Work())
        await asyncio.wait_for(reached.wait(), PATIENCE)

    asyncio.run(end_without_a_stop())
    assert settled(database) == ("Pending", 0, 0, message)


def settled(database: Path) -> Any:
    """What the file says of the task, once the writer thread has had its time."""
    deadline = time.monotonic() + PATIENCE
    question = "SELECT status, interruptions, failures, status_message FROM tasks"
    with closing(sqlite3.connect(database)) as connection:
        while True:
            row = connection.execute(question).fetchone()
            if row[0] != "Running" or time.monotonic() > deadline:
                return row
            time.sleep(0.005)


def test_a_manager_left_behind_by_its_event_loop_says_so_when_it_is_started_again(
    tmp_path: Path,
) -> None:
    container = container_for(Gate())
    container.config.from_dict({"database": str(tmp_path / "tasks.db")})
    manager = container.manager()
    asyncio.run(manager.start())
    with pytest.raises(ManagerStateError, match="another event loop"):
        asyncio.run(manager.start())


async def test_health_and_log_say_so_where_whatever_runs_tasks_is_cancelled(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """FAULTS 5: a loop that serves everybody does not end in silence."""
    test = asyncio.current_task()

    async def cancel_all(_context: Context) -> None:
        for task in asyncio.all_tasks() - {test, asyncio.current_task()}:
            task.cancel()

    container = container_of(background_task(Work, worker_of(cancel_all)))
    async with running(container) as manager:
        await manager.run_task(Work())
        said = "background tasks are not run any more: see the log"
        await until(lambda: manager.health().trouble == said)
    assert "background tasks are not run any more: what runs them was cancelled" in caplog.text
