"""A task that is part of the caller's transaction exists exactly when that is committed."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import Session

from bgtasks import BackendError, BackgroundTaskStatus, DuplicateTaskError
from bgtasks.backends.embedded.backend import EmbeddedBackend
from bgtasks.backends.postgres.engine.schema import ENGINE
from bgtasks.core.record import TaskQuery, TaskRecord
from bgtasks.ids import uuid7
from bgtasks.testing import FakeClock
from bgtasks.testing.conformance import BackendBench, BenchMaker, until
from bgtasks.testing.conformance_types import make_registry

from .callers import CALLERS, Caller, alchemy_engine

Sql = "asyncpg.Connection[Any]"


@pytest.fixture(params=CALLERS)
async def caller(request: pytest.FixtureRequest, task_database: str) -> AsyncIterator[Caller]:
    async with CALLERS[request.param](task_database) as caller:
        yield caller


@pytest.fixture
async def processes(make_bench: BenchMaker) -> list[BackendBench]:
    """Two processes that run tasks, and one that shows them."""
    benches = [make_bench(), make_bench(), make_bench()]
    for number, bench in enumerate(benches):
        await bench.open(serving=number < 2)
    return benches


async def rows(sql: Any) -> tuple[int, int]:
    """How many tasks and how many jobs there are."""
    tasks = await sql.fetchval("SELECT count(*) FROM bgtasks_tasks")
    return tasks, await sql.fetchval(f"SELECT count(*) FROM {ENGINE.queue_table}")


async def all_heard_of(processes: list[BackendBench], expected: set[Any]) -> None:
    """Wait until each process has announced the last of the tasks, and no others before it."""
    for bench in processes:
        for task_id in expected:
            await bench.reaches(task_id, BackgroundTaskStatus.PENDING)
        assert {item.id for item in bench.changes} == expected


async def test_a_commit_leaves_one_task_that_runs(
    processes: list[BackendBench], caller: Caller, sql: Any
) -> None:
    first, second, _ = processes
    record = first.record()
    await first.backend.submit([record], caller.connection)
    assert await first.backend.get(record.id) is None
    assert await rows(sql) == (0, 0)
    await caller.commit()
    await until(lambda: first.runner.started or second.runner.started, "the task started")
    runs = first if first.runner.started else second
    runs.runner.end(await runs.started(record.id))
    for bench in processes:
        await bench.reaches(record.id, BackgroundTaskStatus.COMPLETED)
    assert len(first.runner.started + second.runner.started) == 1
    assert await rows(sql) == (1, 0)


async def test_a_rollback_leaves_nothing(
    processes: list[BackendBench], caller: Caller, sql: Any
) -> None:
    first, second, _ = processes
    await first.backend.submit([first.record(), first.record("Other")], caller.connection)
    await caller.rollback()
    assert await rows(sql) == (0, 0)
    other = await first.submit(delay=60)
    await all_heard_of(processes, {other})
    for bench in (first, second):
        await bench.written()
        assert bench.runner.started == []


async def test_a_taken_id_leaves_the_callers_transaction_usable(
    web: BackendBench, caller: Caller
) -> None:
    taken = await web.submit()
    before, after = web.record(), web.record()
    await web.backend.submit([before], caller.connection)
    with pytest.raises(DuplicateTaskError, match=str(taken)):
        await web.backend.submit([web.record(), web.record(id=taken)], caller.connection)
    await web.backend.submit([after], caller.connection)
    await caller.commit()
    page = await web.backend.list(TaskQuery())
    assert {item.id for item in page.records} == {taken, before.id, after.id}


async def test_a_savepoint_that_is_rolled_back_leaves_nothing(
    web: BackendBench, task_database: str
) -> None:
    kept, dropped = web.record(), web.record()
    async with alchemy_engine(task_database) as engine, engine.begin() as connection:
        await web.backend.submit([kept], connection)
        savepoint = await connection.begin_nested()
        await web.backend.submit([dropped], connection)
        await savepoint.rollback()
    await web.reaches(kept.id, BackgroundTaskStatus.PENDING)
    assert await web.backend.get(dropped.id) is None


async def test_without_a_transaction_a_task_exists_at_once(web: BackendBench, sql: Any) -> None:
    record = web.record()
    await web.backend.submit([record], sql)
    assert (await web.get(record.id)).id == record.id
    await web.reaches(record.id, BackgroundTaskStatus.PENDING)


async def test_what_cannot_be_a_connection_is_refused(web: BackendBench, tmp_path: Path) -> None:
    class AsyncConnection:
        """As psycopg calls its own."""

    sync = create_engine("sqlite://")
    for wrong in (AsyncConnection(), "postgresql://", 5, Session(sync), sync, sqlite3):
        with pytest.raises(BackendError, match=r"connection is a .*accepted: an asyncpg"):
            await web.backend.submit([web.record()], wrong)
    sync.dispose()


async def test_a_connection_to_another_kind_of_database_is_refused(web: BackendBench) -> None:
    engine = create_async_engine("sqlite+aiosqlite://")
    async with engine.connect() as connection:
        with pytest.raises(BackendError, match="connection is a aiosqlite"):
            await web.backend.submit([web.record()], connection)
    await engine.dispose()


async def test_a_connection_that_cannot_be_used_is_told(
    web: BackendBench, task_database: str, empty_database: str
) -> None:
    elsewhere = await asyncpg.connect(empty_database)
    with pytest.raises(BackendError, match="does not exist"):
        await web.backend.submit([web.record()], elsewhere)
    await elsewhere.close()
    with pytest.raises(BackendError, match="closed"):
        await web.backend.submit([web.record()], elsewhere)
    broken = await asyncpg.connect(task_database)
    async with broken.transaction():
        with pytest.raises(asyncpg.PostgresError):
            await broken.execute("SELECT 1 / 0")
        with pytest.raises(BackendError, match="current transaction is aborted"):
            await web.backend.submit([web.record()], broken)
        await broken.execute("ROLLBACK")
        await broken.execute("BEGIN")
    await broken.close()
    assert (await web.backend.list(TaskQuery())).records == []


async def test_the_embedded_backend_takes_no_connection() -> None:
    backend = EmbeddedBackend(":memory:", make_registry(), clock := FakeClock())
    record = TaskRecord(uuid7(), "Quick", "quick", "{}", clock.now(), clock.now())
    await backend.start()
    with pytest.raises(BackendError, match=r"postgresql://"):
        await backend.submit([record], connection=object())
    await backend.stop()
