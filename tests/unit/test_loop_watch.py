"""A blocked event loop is noticed, named, and said to be over."""

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from bgtasks.clock import Timing
from bgtasks.execution import loop_watch
from bgtasks.execution.loop_watch import LoopWatch, time_that_counts
from tests.hosts.scripted import PATIENCE, Context, Script, Work, container_for, run_to_end, running

LIMIT = 0.05

SHORT = Timing(blocked_after=LIMIT)


class Warnings(logging.Handler):
    """What the watch says, from its thread, and an event for each."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self.blocked = threading.Event()
        self.over = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
        (self.blocked if "stands" in record.getMessage() else self.over).set()


@pytest.fixture
def warnings() -> Iterator[Warnings]:
    handler = Warnings()
    logger = logging.getLogger(loop_watch.__name__)
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


def threads() -> list[threading.Thread]:
    return [item for item in threading.enumerate() if item.name == "bgtasks loop watch"]


async def until_set(event: threading.Event) -> None:
    deadline = time.monotonic() + PATIENCE
    while not event.is_set():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.001)


def block_the_loop(warnings: Warnings) -> None:
    assert warnings.blocked.wait(PATIENCE)


async def test_a_block_is_logged_once_with_its_place_and_once_when_it_is_over(
    warnings: Warnings,
) -> None:
    watch = LoopWatch(SHORT)
    watch.start()
    block_the_loop(warnings)
    assert watch.blocked_for >= LIMIT
    time.sleep(4 * LIMIT)  # noqa: ASYNC251 - it stays blocked, which is not news
    await until_set(warnings.over)
    assert watch.blocked_for == 0
    await watch.stop()
    blocked, over = warnings.records
    assert blocked.levelno == over.levelno == logging.WARNING
    line = block_the_loop.__code__.co_firstlineno + 1
    assert f"called from {__file__}:{line} in block_the_loop, called from" in blocked.getMessage()
    assert "threading.py" in blocked.getMessage()
    assert over.getMessage().startswith("the event loop comes round again after ")


async def test_each_block_is_logged(warnings: Warnings) -> None:
    watch = LoopWatch(SHORT)
    watch.start()
    for _ in range(2):
        block_the_loop(warnings)
        await until_set(warnings.over)
        warnings.blocked.clear()
        warnings.over.clear()
    await watch.stop()
    assert len(warnings.records) == 4


async def test_a_loop_that_comes_round_is_left_alone(warnings: Warnings) -> None:
    watch = LoopWatch(Timing(blocked_after=5.0))
    watch.start()
    await asyncio.sleep(0.05)
    await watch.stop()
    assert warnings.records == []


async def test_start_and_stop_may_be_repeated_and_leave_no_thread() -> None:
    watch = LoopWatch(Timing())
    await watch.stop()
    for _ in range(3):
        watch.start()
        watch.start()
        assert len(threads()) == 1
        await watch.stop()
        await watch.stop()
        assert threads() == []


def test_a_loop_that_nobody_runs_is_not_blocked_and_a_closed_one_ends_the_thread(
    warnings: Warnings,
) -> None:
    loop = asyncio.new_event_loop()
    watch = LoopWatch(SHORT)

    async def start() -> None:
        watch.start()

    loop.run_until_complete(start())
    [thread] = threads()
    time.sleep(4 * LIMIT)
    loop.close()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert warnings.records == []


@pytest.mark.parametrize(
    ("elapsed", "used", "counts"),
    [
        (0.1, 0.0, 0.1),  # nothing special
        (3600.0, 0.0, 0.1),  # the process was stopped, or the machine slept: not the loop's doing
        (2.0, 2.0, 2.0),  # somebody computed and let no other thread run
    ],
)
def test_only_time_in_which_the_process_ran_counts(
    elapsed: float, used: float, counts: float
) -> None:
    assert time_that_counts(elapsed, used, asked=0.1) == counts


def container_with(script: Script) -> Any:
    container = container_for(script)
    container.timing.override(SHORT)
    return container


async def test_the_task_whose_turn_it_is_is_named(warnings: Warnings) -> None:
    async def script(_context: Context) -> None:
        block_the_loop(warnings)

    task = Work()
    async with running(container_with(script)) as manager:
        await run_to_end(manager, task)
        assert len(threads()) == 1
    assert threads() == []
    blocked = warnings.records[0]
    assert f"in task {task.id} (Work), attempt 1 at " in blocked.getMessage()
    assert blocked.__dict__["task_id"] == str(task.id)


async def test_a_manager_that_runs_no_tasks_is_not_watched() -> None:
    container = container_for(lambda _: None)
    container.config.from_dict({"run_tasks": False})
    async with running(container):
        assert threads() == []


@pytest.mark.skipif(sys.version_info < (3, 12), reason="a task doesn't give its context away")
async def test_a_task_that_a_worker_has_started_is_named_too(warnings: Warnings) -> None:
    async def script(_context: Context) -> None:
        async def child() -> None:
            block_the_loop(warnings)

        await asyncio.create_task(child())
        await until_set(warnings.over)

    task = Work()
    async with running(container_with(script)) as manager:
        await run_to_end(manager, task)
        warnings.blocked.clear()
        block_the_loop(warnings)
    blocked = [item.getMessage() for item in warnings.records if "stands" in item.getMessage()]
    assert [f"in task {task.id} (Work), attempt 1 at " in item for item in blocked] == [True, False]
