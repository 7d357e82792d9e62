"""A tick a second for many processes: some are killed, some have wrong clocks."""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from bgtasks import BackgroundTaskInfo, BackgroundTaskManager
from tests.hosts.processes import environment
from tests.hosts.ticking_app import Application

SECOND = timedelta(seconds=1)
PATIENCE = 60.0

GATE = 4711
"""The number of the lock that a process waits for in the middle of its transaction."""

WAIT_AT_THE_GATE = f"""
CREATE FUNCTION wait_at_the_gate() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_advisory_xact_lock({GATE}); RETURN NEW; END $$
"""

BETWEEN = {
    "the comparison and the task": "CREATE TRIGGER gate BEFORE INSERT ON bgtasks_tasks",
    "the task and the set": "CREATE TRIGGER gate BEFORE UPDATE OF last_tick ON bgtasks_schedules",
    "the commit and its answer": "CREATE CONSTRAINT TRIGGER gate AFTER INSERT "
    "ON bgtasks_schedule_ticks DEFERRABLE INITIALLY DEFERRED",
}


class Processes:
    """Worker processes of the application, and a manager that only looks."""

    def __init__(self, database: str, manager: BackgroundTaskManager) -> None:
        self.manager = manager
        self._database = database
        self._running: list[Process] = []

    async def start(self, count: int = 1, wrong_by: float = 0) -> list[Process]:
        """Start processes, and wait until they are there."""
        started = [
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.hosts.ticking_app"),
                stdout=PIPE,
                stderr=DEVNULL,
                env=environment(HOST_DATABASE=self._database, HOST_CLOCK=str(wrong_by)),
            )
            for _ in range(count)
        ]
        self._running += started
        for process in started:
            assert process.stdout is not None
            async with asyncio.timeout(PATIENCE):
                assert await process.stdout.readline() == b"ready\n"
        return started

    async def kill(self, processes: Sequence[Process]) -> None:
        for process in processes:
            self._running.remove(process)
            process.kill()
            await process.wait()

    async def kill_all(self) -> None:
        await self.kill(list(self._running))

    async def until_ticks(self, count: int) -> None:
        """Wait until so many ticks have tasks."""
        async with asyncio.timeout(PATIENCE + 2 * count):
            while len(await self.ticked()) < count:  # noqa: ASYNC110 - other processes do it
                await asyncio.sleep(0.1)

    async def until_ended(self) -> None:
        """Wait until every task has ended, and so has told what was missed."""
        async with asyncio.timeout(PATIENCE):
            while not all(info.status.is_final for info in await self.ticked()):  # noqa: ASYNC110
                await asyncio.sleep(0.1)

    async def ticked(self) -> list[BackgroundTaskInfo[Any]]:
        found: list[BackgroundTaskInfo[Any]] = []
        cursor: str | None = None
        while True:
            page = await self.manager.get_tasks(limit=1000, cursor=cursor)
            found += page.items
            if (cursor := page.next_cursor) is None:
                return found

    async def check(self) -> None:
        """No tick has two tasks, and none is lost without a reason."""
        infos = await self.ticked()
        found = sorted(map(tick_of, infos))
        assert len(set(found)) == len(found), "a tick has two tasks"
        came = (found[-1] - found[0]) // SECOND + 1
        missed = sum(info.payload or 0 for info in infos if tick_of(info) != found[0])
        assert came == len(found) + missed, "a tick is missing without a reason"


def tick_of(info: BackgroundTaskInfo[Any]) -> datetime:
    assert info.schedule is not None
    assert info.schedule.tick is not None
    return info.schedule.tick


@pytest.fixture
async def processes(task_database: str) -> AsyncIterator[Processes]:
    application: Any = Application()
    settings = {"database": task_database, "run_tasks": False}
    application.config.from_dict({"background_tasks": settings})
    async with application.background_tasks.manager() as manager:
        processes = Processes(task_database, manager)
        yield processes
        await processes.kill_all()


@pytest.mark.parametrize(
    ("count", "ticks", "killed"),
    [(4, 8, 1), pytest.param(8, 60, 3, marks=pytest.mark.long)],
)
async def test_each_tick_has_one_task_and_none_is_lost(
    processes: Processes, count: int, ticks: int, killed: int
) -> None:
    running = await processes.start(count)
    for number in range(1, killed + 1):
        await processes.until_ticks(number * ticks // (killed + 1))
        await processes.kill([running[number]])
    await processes.until_ticks(ticks)
    await processes.manager.pause_schedule("tick")
    await processes.until_ended()
    await processes.check()


async def test_the_servers_clock_decides_where_processes_are_ten_minutes_off(
    processes: Processes,
) -> None:
    ahead = await processes.start(wrong_by=600)
    behind = await processes.start(wrong_by=-600)
    await processes.until_ticks(4)
    await processes.kill(ahead)
    await processes.until_ticks(8)
    await processes.start(wrong_by=600)
    await processes.kill(behind)
    await processes.until_ticks(12)
    await processes.manager.pause_schedule("tick")
    await processes.until_ended()
    await processes.check()
    for info in await processes.ticked():
        late = info.created_at - tick_of(info)
        assert timedelta(0) <= late < timedelta(minutes=5), "dated by the server, when it was due"


@asynccontextmanager
async def gated(url: str, sql: Any, trigger: str) -> AsyncIterator[Any]:
    """Whoever comes to a statement of a tick waits there, until the block's end."""
    await sql.execute(WAIT_AT_THE_GATE)
    keeper = await asyncpg.connect(url)
    try:
        await keeper.execute(f"SELECT pg_advisory_lock({GATE})")
        when = "WHEN (NEW.schedule IS NOT NULL)" if "INSERT" in trigger else ""
        await sql.execute(f"{trigger} FOR EACH ROW {when} EXECUTE FUNCTION wait_at_the_gate()")
        yield keeper
    finally:
        await keeper.close()


async def at_the_gate(sql: Any) -> int:
    """The server process whose client is in the middle of its transaction."""
    statement = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    async with asyncio.timeout(PATIENCE):
        while (found := await sql.fetchval(statement)) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return int(found)


async def until_gone(sql: Any, pid: int) -> None:
    """Wait until the server has found that this client is no longer there."""
    statement = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1"
    async with asyncio.timeout(PATIENCE):
        while await sql.fetchval(statement, pid):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("between", BETWEEN)
async def test_a_process_that_is_killed_in_the_middle_of_a_tick_has_done_all_of_it_or_nothing(
    processes: Processes, task_database: str, sql: Any, between: str
) -> None:
    async with gated(task_database, sql, BETWEEN[between]):
        victim = await processes.start()
        pid = await at_the_gate(sql)
        tick = await sql.fetchval("SELECT next_tick FROM bgtasks_schedules")
        await processes.kill(victim)
    await until_gone(sql, pid)
    done = [tick_of(info) for info in await processes.ticked()]
    waits_for = await sql.fetchval("SELECT next_tick FROM bgtasks_schedules")
    if between == "the commit and its answer":
        assert (done, waits_for) == ([tick], tick + SECOND)
    else:
        assert (done, waits_for) == ([], tick)

    await sql.execute("DROP FUNCTION wait_at_the_gate CASCADE")
    await processes.start()
    await processes.until_ticks(4)
    await processes.manager.pause_schedule("tick")
    await processes.until_ended()
    await processes.check()
