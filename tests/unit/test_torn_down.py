"""An event loop that ends without a stop: what ran was cut off, it did not fail."""

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bgtasks import ManagerStateError

from .support import PATIENCE, Gate, Work, container_for


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
