"""What a process leaves that is not heard of any more."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from bgtasks import BackgroundTaskStatus
from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.migrations import upgrade
from bgtasks.core.events import Failed
from bgtasks.core.record import TaskRecord
from bgtasks.testing.conformance import BackendBench, BenchMaker, until
from tests.contract.homes import PostgresHome
from tests.servers.postgres import PostgresServer

from .frozen import MAKE_STALE, freeze
from .own_server import own_server

__all__ = ["own_server"]

PENDING = BackgroundTaskStatus.PENDING
FAILED = BackgroundTaskStatus.FAILED


@pytest.fixture
async def small(make_bench: BenchMaker) -> BackendBench:
    """A process with one place."""
    bench = make_bench(1)
    await bench.open()
    return bench


async def taken_back(bench: BackendBench, task_id: UUID, times: int = 1) -> TaskRecord:
    """Wait until the task was found to be cut off for the first, second ... time."""
    return await bench.reaches(task_id, lambda found: found.interruptions == times)


async def test_a_process_that_runs_nothing_takes_back_what_a_dead_one_left(
    small: BackendBench, web: BackendBench, sql: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = await small.run()
    small.save(record, 40, "half")
    await web.reaches(record.id, lambda found: found.progress == 40)
    freeze(small, monkeypatch)
    await sql.execute(MAKE_STALE)
    waiting = await taken_back(web, record.id)
    assert (waiting.status, waiting.attempt, waiting.revision) == (PENDING, 1, 4)
    assert waiting.progress == 40
    (failure,) = await web.failures(record.id)
    assert (failure.attempt, failure.outcome) == (1, "interrupted")
    assert failure.error is not None
    assert "not heard of" in failure.error.message


async def test_late_writes_of_an_attempt_that_was_replaced_change_nothing(
    small: BackendBench,
    web: BackendBench,
    make_bench: BenchMaker,
    sql: Any,
    caplog: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record = await small.run()
    freeze(small, monkeypatch)
    await sql.execute(MAKE_STALE)
    await taken_back(web, record.id)
    other = make_bench()
    await other.open()
    again = await other.started(record.id, attempt=2)
    small.save(record, 99, "too late")
    await until(lambda: small.runner.cancelled, "the old attempt was told")
    assert small.runner.cancelled == [(record.id, 1)]
    small.runner.end(record, Failed("too late"))
    await small.written()
    assert await other.get(record.id) == again
    assert "the task was given to another one" in caplog.text
    other.runner.end(again)
    await web.reaches(record.id, BackgroundTaskStatus.COMPLETED)
    assert [item.attempt for item in await web.failures(record.id)] == [1]
    assert len(small.backend.store.runs) == 0  # type: ignore[attr-defined]  # its place is free again


async def test_a_late_outcome_before_the_next_attempt_changes_nothing(
    small: BackendBench, web: BackendBench, sql: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = await small.run()
    freeze(small, monkeypatch)
    await sql.execute(MAKE_STALE)
    waiting = await taken_back(web, record.id)
    small.runner.end(record)
    again = await small.started(record.id, attempt=2)  # the job was not taken away with it
    assert (again.revision, again.interruptions) == (waiting.revision + 1, 1)


async def test_a_task_that_is_cut_off_three_times_has_failed(
    make_bench: BenchMaker, web: BackendBench, sql: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = await web.submit()
    for attempt in (1, 2, 3):
        worker = make_bench(1)
        await worker.open()
        await worker.started(task_id, attempt)
        freeze(worker, monkeypatch)
        await sql.execute(MAKE_STALE)
        await taken_back(web, task_id, attempt)
    final = await web.get(task_id)
    assert (final.status, final.attempt) == (FAILED, 3)
    assert "Interrupted 3 times" in (final.error_message or "")
    assert await sql.fetchval("SELECT count(*) FROM bgtasks_pgqueuer") == 0


async def test_who_is_only_late_with_its_heartbeat_goes_on(worker: BackendBench, sql: Any) -> None:
    record = await worker.run()
    for _ in range(5):
        await sql.execute(MAKE_STALE)
        await worker.written()
    await worker.backend.store.pulse.tending.taken_back()  # type: ignore[attr-defined]
    worker.runner.end(record)
    done = await worker.reaches(record.id, BackgroundTaskStatus.COMPLETED)
    assert (done.attempt, done.interruptions) == (1, 0)


@pytest.mark.postgres
async def test_after_a_restart_of_the_server_nobody_is_dead_at_once(
    own_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = own_server.create_database()
    database = Database(url)
    await database.open()
    await upgrade(database)
    await database.close()
    home = PostgresHome(own_server, url)
    worker, web = BackendBench(home, 1), BackendBench(home)
    await worker.open()
    await web.open(serving=False)
    record = await worker.run()
    freeze(worker, monkeypatch)
    await asyncio.to_thread(own_server.stop, "immediate")
    await until(lambda: web.backend.trouble(), "the loss was noticed")
    await asyncio.to_thread(own_server.start)
    connection = await asyncpg.connect(url)
    await connection.execute(MAKE_STALE)
    await taken_back(web, record.id)
    up = "SELECT extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())::float8"
    assert await connection.fetchval(up) > 2  # the heartbeat timeout of these processes
    await connection.close()
    await web.close()
    await worker.close()
