"""Threads of one's own: no start and no stop waits for the loop's default executor (FAULTS 10)."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bgtasks import BackgroundTaskStatus as Status
from bgtasks.concurrency.threads import CallingThread, call_in_own_thread
from tests.hosts.scripted import PATIENCE, Gate, Work, container_for, done, run_to_end, until


@pytest.fixture
async def full_executor() -> AsyncIterator[None]:
    """The event loop's default executor has no thread left, and calls that wait for one."""
    may_end = threading.Event()
    calls = [
        asyncio.ensure_future(asyncio.to_thread(may_end.wait, PATIENCE * 3)) for _ in range(80)
    ]
    await asyncio.sleep(0)
    yield
    may_end.set()
    await asyncio.gather(*calls)


@pytest.mark.usefixtures("full_executor")
@pytest.mark.parametrize("database", [":memory:", "file"])
async def test_a_manager_starts_runs_and_stops_while_the_default_executor_is_full(
    database: str, tmp_path: Path
) -> None:
    container = container_for(done)
    path = str(tmp_path / "tasks.db") if database == "file" else database
    container.config.from_dict({"database": path})
    manager = container.manager()
    await asyncio.wait_for(manager.start(), PATIENCE)
    assert (await run_to_end(manager, Work())).status is Status.COMPLETED
    assert len(list(await asyncio.wait_for(manager.get_tasks(), PATIENCE))) == 1
    await asyncio.wait_for(manager.stop(), PATIENCE)


async def test_a_stop_does_not_wait_for_workers_that_fill_the_default_executor(
    tmp_path: Path,
) -> None:
    may_end = threading.Event()
    begun = Gate()

    async def script(_context: object) -> None:
        begun.runs += 1
        await asyncio.to_thread(may_end.wait, PATIENCE * 3)

    container = container_for(script)
    container.config.from_dict({"database": str(tmp_path / "tasks.db")})
    manager = container.manager()
    await manager.start()
    await manager.run_tasks([Work() for _ in range(80)])
    await until(lambda: begun.runs == 80)
    manager.hurry()
    await asyncio.wait_for(manager.stop(), PATIENCE)
    may_end.set()


async def test_a_start_that_is_cancelled_leaves_the_file_to_the_next_one(tmp_path: Path) -> None:
    container = container_for(done)
    container.config.from_dict({"database": str(tmp_path / "tasks.db")})
    manager = container.manager()
    before = _threads_named("bgtasks reader")  # what other tests have left behind
    for _ in range(5):
        starting = asyncio.create_task(manager.start())
        await asyncio.sleep(0)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await until(lambda: not _threads_named("bgtasks reader") - before)
    async with manager:
        assert (await run_to_end(manager, Work())).status is Status.COMPLETED


def _threads_named(name: str) -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == name}


async def test_calls_are_made_one_after_the_other_and_tell_how_they_ended() -> None:
    thread = CallingThread("test thread")
    made: list[int] = []

    def fail() -> None:
        raise KeyboardInterrupt

    calls = [thread.call(lambda n=n: made.append(n)) for n in range(10)]  # type: ignore[misc]
    failing = thread.call(fail)
    name = thread.call(lambda: threading.current_thread().name)
    await asyncio.wait_for(thread.stop(), PATIENCE)
    assert made == list(range(10))
    assert [call.done() for call in calls] == [True] * 10
    assert isinstance(failing.exception(), KeyboardInterrupt)
    assert name.result() == "test thread"
    await until(lambda: not _threads_named("test thread"))


async def test_one_call_in_a_thread_of_its_own_returns_or_raises() -> None:
    assert await call_in_own_thread(lambda: 5, "test thread") == 5
    with pytest.raises(ZeroDivisionError):
        await call_in_own_thread(lambda: 1 / 0, "test thread")
    with pytest.raises(RuntimeError, match="StopIteration"):
        await call_in_own_thread(lambda: next(iter(())), "test thread")
