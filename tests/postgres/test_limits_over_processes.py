"""Rates, pauses, limits and turns over four real processes, as the server's clock dates them."""

import asyncio
import random
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from bgtasks import BackgroundTaskManager, BackgroundTaskStatus, TypeInfo
from tests.hosts.limits_host import TABLE, LimitedTask, MailTask, OwnedTask, container_at

PROCESSES = 4
PATIENCE = 60.0


class Workers:
    """Worker processes on one database, and a manager that only submits."""

    def __init__(self, url: str, sql: Any, manager: BackgroundTaskManager) -> None:
        self.sql = sql
        self.manager = manager
        self._url = url
        self._processes: list[asyncio.subprocess.Process] = []

    async def start(self, count: int = PROCESSES) -> None:
        """Start processes, and wait until they claim."""
        begun = [
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.hosts.limits_host", self._url),
                stdout=asyncio.subprocess.PIPE,
            )
            for _ in range(count)
        ]
        self._processes += begun
        for process in begun:
            assert process.stdout is not None
            async with asyncio.timeout(PATIENCE):
                assert await process.stdout.readline() == b"ready\n"

    async def kill(self, count: int | None = None) -> None:
        """End some of them, or all, as a crash does."""
        ended = self._processes[:count]
        self._processes = self._processes[len(ended) :]
        for process in ended:
            process.kill()
            await process.wait()

    async def runs(self, type_name: str) -> Sequence[Any]:
        """Every attempt of a type, in the order they began, in seconds since the first."""
        rows: Sequence[Any] = await self.sql.fetch(
            "SELECT owner, extract(epoch FROM started - min(started) OVER ())::float8 AS started, "
            "extract(epoch FROM ended - min(started) OVER ())::float8 AS ended "
            "FROM runs WHERE type = $1 ORDER BY started",
            type_name,
        )
        return rows

    async def until_run(self, type_name: str, count: int, patience: float = PATIENCE) -> None:
        """Wait until so many attempts have ended."""
        statement = "SELECT count(*) FROM runs WHERE type = $1 AND ended IS NOT NULL"
        async with asyncio.timeout(patience):
            while await self.sql.fetchval(statement, type_name) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def until_paused(self, info: TypeInfo) -> None:
        """Wait until each process has heard of a pause, and has no claim in flight from before."""
        heard = "SELECT count(DISTINCT process) FROM heard WHERE type = $1 AND paused_at = $2"
        in_flight = (
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND xact_start < $1"
        )
        async with asyncio.timeout(PATIENCE):
            while await self.sql.fetchval(heard, info.name, info.paused_at) < PROCESSES:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            now = await self.sql.fetchval("SELECT clock_timestamp()")
            while await self.sql.fetchval(in_flight, now):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def waiting(self, type_name: str) -> int:
        """How many tasks of a type no process has claimed."""
        counts = await self.manager.count_tasks(type=type_name, status="Pending")
        return counts[BackgroundTaskStatus.PENDING]


@pytest.fixture
async def workers(task_database: str, sql: Any) -> AsyncIterator[Workers]:
    await sql.execute(TABLE)
    async with _submitting(task_database) as manager:
        workers = Workers(task_database, sql, manager)
        yield workers
        await workers.kill()


@asynccontextmanager
async def _submitting(url: str) -> AsyncIterator[BackgroundTaskManager]:
    pool = await asyncpg.create_pool(url, min_size=0, max_size=1)
    async with pool, container_at(url, pool, run_tasks=False).manager() as manager:
        yield manager


def most_within(started: Sequence[float], seconds: float) -> int:
    """The most starts in any stretch of so many seconds."""
    return max(sum(first <= at < first + seconds for at in started) for first in started)


def most_at_once(runs: Sequence[Any]) -> int:
    """The most attempts that ran at the same moment; one that was cut off counts as ended."""
    spans = [(row["started"], row["ended"]) for row in runs if row["ended"] is not None]
    return max(sum(1 for begin, end in spans if begin <= at < end) for at, _ in spans)


async def rate_holds(workers: Workers, seconds: int) -> None:
    """Ten a second over all processes, also across a kill of all of them."""
    await workers.manager.run_tasks(MailTask() for _ in range(11 * seconds + 40))
    await workers.start()
    await workers.until_run("MailTask", 5 * seconds)
    await workers.kill()
    await workers.start()
    await workers.until_run("MailTask", 9 * seconds)
    statement = (
        "SELECT extract(epoch FROM claimed - min(claimed) OVER ())::float8 FROM runs "
        "WHERE type = 'MailTask' ORDER BY claimed"
    )
    started = [row[0] for row in await workers.sql.fetch(statement)]
    # Each process dates by what it knows of the server's clock, to a few milliseconds.
    assert most_within(started, 0.95) <= 20
    assert len(started) <= 10 * started[-1] + 10 + 1


async def test_a_rate_holds_over_processes_and_a_kill_brings_no_second_burst(
    workers: Workers,
) -> None:
    await rate_holds(workers, 6)


@pytest.mark.long
async def test_a_rate_holds_for_half_a_minute(workers: Workers) -> None:
    await rate_holds(workers, 30)


async def pauses_hold(workers: Workers, rounds: int) -> None:
    """After a pause has returned nothing begins but what was being claimed at that moment."""
    await workers.start()
    manager = workers.manager
    for _ in range(rounds):
        await manager.resume("OwnedTask")
        owners = [f"o{number}" for number in range(40)]
        await asyncio.gather(*(manager.run_task(OwnedTask(), owner=owner) for owner in owners))
        await workers.until_paused(await manager.pause("OwnedTask", "test"))
        before = await workers.waiting("OwnedTask")
        await asyncio.gather(
            *(manager.run_task(OwnedTask(), owner=f"later {owner}") for owner in owners)
        )
        await asyncio.sleep(0.1)  # for whoever would claim one
        assert await workers.waiting("OwnedTask") == before + len(owners)
    await manager.resume("OwnedTask")
    await workers.until_run("OwnedTask", rounds * 80, PATIENCE + rounds)


async def test_nothing_of_a_paused_type_begins_in_any_process(workers: Workers) -> None:
    await pauses_hold(workers, 5)


@pytest.mark.long
async def test_nothing_of_a_paused_type_begins_five_hundred_times(workers: Workers) -> None:
    await pauses_hold(workers, 500)


async def test_a_limit_is_exact_while_more_urgent_tasks_arrive(workers: Workers) -> None:
    await workers.start()
    order = random.Random(3)
    for _ in range(30):
        await asyncio.gather(
            *(
                workers.manager.run_task(LimitedTask(), priority=order.randrange(1000))
                for _ in range(10)
            )
        )
    await workers.until_run("LimitedTask", 300)
    assert most_at_once(await workers.runs("LimitedTask")) == 3


async def test_bob_starts_within_one_task_of_ada_though_she_has_ten_thousand(
    workers: Workers,
) -> None:
    await workers.manager.run_tasks((OwnedTask() for _ in range(10_000)), owner="ada")
    await workers.start()
    await workers.until_run("OwnedTask", 3)
    bob = await workers.manager.run_task(OwnedTask(), owner="bob")
    at = len(await workers.runs("OwnedTask"))
    await workers.manager.wait_for(bob, PATIENCE)
    owners = [row["owner"] for row in await workers.runs("OwnedTask")]
    assert owners.index("bob") <= at + 5
    await workers.manager.pause("OwnedTask")


async def test_turns_hold_though_processes_are_killed(workers: Workers) -> None:
    await workers.start()
    owners = [f"owner {number}" for number in range(5)]
    tasks = [
        await workers.manager.run_task(OwnedTask(), owner=owner)
        for _ in range(20)
        for owner in owners
    ]
    for _ in range(4):
        await workers.kill(2)
        await workers.start(2)
    for task in tasks:
        assert (await workers.manager.wait_for(task, PATIENCE)).status == "Completed"
    for owner in owners:
        runs = [row for row in await workers.runs("OwnedTask") if row["owner"] == owner]
        assert most_at_once(runs) == 1
