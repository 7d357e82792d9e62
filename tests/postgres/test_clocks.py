"""Hosts whose clocks are wrong: the server's clock dates, and decides what is old."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bgtasks import BackgroundTaskStatus
from bgtasks.backends.base import Backend
from bgtasks.backends.postgres.backend import PostgresBackend
from bgtasks.clock import Clock, SystemClock
from bgtasks.core.retention import PruneRule
from bgtasks.core.submission import SubmitOptions
from bgtasks.registry import Registry
from bgtasks.testing.conformance import BackendBench
from tests.contract.homes import PostgresHome, bench_maker

COMPLETED = BackgroundTaskStatus.COMPLETED

WRONG = [timedelta(days=8), timedelta(days=-8)]
NEARLY = timedelta(minutes=1)


class WrongClock(SystemClock):
    """A host's clock that is not set right."""

    def __init__(self, by: timedelta) -> None:
        self._by = by

    def now(self) -> datetime:
        return super().now() + self._by


class WrongHome(PostgresHome):
    """Where processes go by a wrong clock, as they would outside of tests."""

    by = timedelta(0)

    def backend(self, registry: Registry, clock: Clock, max_concurrency: int) -> Backend:
        return PostgresBackend(
            self.url,
            registry,
            WrongClock(self.by),
            max_concurrency=max_concurrency,
            heartbeat_timeout=2,
        )


@pytest.fixture(params=WRONG, ids=["ahead", "behind"])
async def wrong(request: pytest.FixtureRequest, home: PostgresHome) -> AsyncIterator[BackendBench]:
    """A process whose clock is eight days ahead or behind."""
    place = WrongHome(home.server, home.url)
    place.by = request.param
    bench = BackendBench(place)
    await bench.open()
    yield bench
    await bench.close()


async def test_a_process_dates_by_the_servers_clock(wrong: BackendBench, sql: Any) -> None:
    """FAULTS 51."""
    task_id = await wrong.submit(created_at=wrong.backend.now())
    wrong.runner.end(await wrong.started(task_id))
    final = await wrong.reaches(task_id, COMPLETED)
    now = await sql.fetchval("SELECT now()")
    for moment in (wrong.backend.now(), final.created_at, final.started_at, final.completed_at):
        assert abs(now - (moment or datetime.min.replace(tzinfo=UTC))) < NEARLY


async def test_a_process_with_a_wrong_clock_drops_what_is_old_and_nothing_else(
    wrong: BackendBench, sql: Any
) -> None:
    """FAULTS 51: a node 8 days ahead dropped every final task."""
    old, new = [await wrong.finished() for _ in range(2)]
    await sql.execute(
        "UPDATE bgtasks_tasks SET completed_at = completed_at - interval '8 days' WHERE id = $1",
        old,
    )
    assert await wrong.backend.prune(PruneRule(timedelta(days=7)), 100) == 1
    assert await wrong.backend.get(old) is None
    assert await wrong.get(new)


async def test_a_delay_and_a_time_mean_the_same_everywhere(wrong: BackendBench, sql: Any) -> None:
    """FAULTS 51."""
    server_now = await sql.fetchval("SELECT now()")
    tomorrow = server_now + timedelta(days=1)
    ids = []
    for delay, run_at in ((86_400, None), (None, tomorrow)):
        due = SubmitOptions(delay=delay, run_at=run_at).due(wrong.backend.now())
        ids.append(await wrong.submit(scheduled_at=due, due_at=due))
    waits = await sql.fetch("SELECT execute_after FROM bgtasks_pgqueuer")
    assert len(waits) == 2
    for row in waits:
        assert abs(row[0] - tomorrow) < NEARLY
    for task_id in ids:
        stored = await wrong.get(task_id)
        assert stored.due_at is not None
        assert abs(stored.due_at - tomorrow) < NEARLY
    yesterday = await wrong.submit(due_at=server_now - timedelta(days=1))
    await wrong.started(yesterday)


async def test_a_server_whose_clock_is_set_back_holds_up_a_rate_for_no_longer(
    home: PostgresHome, sql: Any
) -> None:
    async with bench_maker(PostgresHome(home.server, home.url)) as make_bench:
        bench = make_bench()
        await bench.open()
        await bench.backend.submit([bench.record("Rated") for _ in range(6)])
        await bench.count_started(4)  # the burst; then ten an hour
        await sql.execute("UPDATE bgtasks_types SET refilled_at = refilled_at + interval '1 day'")
        for _ in range(2):
            await bench.written()
            await bench.advance(361)
        await bench.count_started(5)
