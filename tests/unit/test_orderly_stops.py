"""A stop in the middle of a task is no crash, however often it comes. FAULTS 37."""

import logging
import re
from pathlib import Path
from typing import Any

import pytest

from bgtasks import BackgroundTaskStatus as Status
from bgtasks import Retry
from tests.hosts.scripted import Gate, Work, container_for


def restarted(gate: Gate, database: Path, **options: Any) -> Any:
    container = container_for(gate, **options)
    settings = {"database": str(database), "stop_grace": 0, "max_concurrency": 10}
    container.clock.reset_override()  # a stop has to be waited for
    container.config.from_dict(settings)
    return container


@pytest.mark.parametrize("options", [{}, {"max_interruptions": 1}, {"retry": Retry(2)}])
async def test_fifty_restarts_in_the_middle_of_a_task_leave_it_running(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    task_id = None
    for restart in range(50):
        gate = Gate()
        async with restarted(gate, tmp_path / "tasks.db", **options).manager() as manager:
            if task_id is None:
                task_id = await manager.run_task(Work())
            await gate.begun.wait()
            info = await manager.try_get_task(task_id)
            assert (info.status, info.attempt) == (Status.RUNNING, restart + 1)
    gate = Gate()
    gate.open.set()
    async with restarted(gate, tmp_path / "tasks.db", **options).manager() as manager:
        assert task_id is not None
        info = await manager.wait_for(task_id)
        assert (info.status, info.attempt) == (Status.COMPLETED, 51)
        *interrupted, last = await manager.get_attempts(task_id)
        assert {attempt.outcome for attempt in interrupted} == {"interrupted"}
        assert (last.attempt, last.outcome) == (51, "completed")


@pytest.mark.parametrize(
    ("running", "said"),
    [
        (1, r"^telling 1 running task to end: Work [0-9a-f-]{36}$"),
        (7, r"^telling 7 running tasks to end: (Work [0-9a-f-]{36}(, | )){5}and 2 more$"),
    ],
)
async def test_a_stop_names_what_runs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, running: int, said: str
) -> None:
    gate = Gate()
    async with restarted(gate, tmp_path / "tasks.db").manager() as manager:
        for _ in range(running):
            await manager.run_task(Work())
            await gate.begun.wait()
            gate.begun.clear()
    (warning,) = [item.getMessage() for item in caplog.records if item.levelno == logging.WARNING]
    assert re.match(said, warning), warning


async def test_a_stop_with_nothing_running_says_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with restarted(Gate(), tmp_path / "tasks.db").manager():
        pass
    assert not [item for item in caplog.records if item.levelno >= logging.WARNING]
