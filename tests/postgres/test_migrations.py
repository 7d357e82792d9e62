"""Making the tables, again and again, and by many at once."""

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest

from bgtasks.backends.postgres.backend import PostgresBackend
from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.migrations import MIGRATIONS, VERSION, check, upgrade
from bgtasks.backends.statements import Migration
from bgtasks.clock import SystemClock
from bgtasks.core.record import TaskQuery
from bgtasks.errors import BackendError, SchemaVersionError
from bgtasks.ids import uuid7
from bgtasks.testing.conformance import BackendBench
from bgtasks.testing.conformance_types import make_registry
from tests.contract.homes import PostgresHome
from tests.servers.databases import Databases

TABLES = """
SELECT table_schema || '.' || table_name FROM information_schema.tables
 WHERE table_schema NOT IN ('pg_catalog', 'information_schema')
"""


async def upgraded(url: str, migrations: Sequence[Migration] = MIGRATIONS) -> list[str]:
    database = Database(url)
    await database.open()
    try:
        done = await upgrade(database, migrations)
        await check(database)
    finally:
        await database.close()
    return done


async def test_an_upgrade_says_what_it_did_and_the_next_one_does_nothing(
    empty_database: str,
) -> None:
    done = await upgraded(empty_database)
    assert done[0] == "PgQueuer: installed"
    assert len(done) == 1 + VERSION
    assert await upgraded(empty_database) == []
    assert await upgraded(empty_database) == []


async def test_of_many_at_once_one_does_it(empty_database: str) -> None:
    answers = await asyncio.gather(*(upgraded(empty_database) for _ in range(5)))
    assert sorted(len(done) for done in answers) == [0, 0, 0, 0, 1 + VERSION]


async def test_every_name_is_our_own(empty_database: str) -> None:
    await upgraded(empty_database)
    connection = await asyncpg.connect(empty_database)
    names = {row[0] for row in await connection.fetch(TABLES)}
    await connection.close()
    assert names
    assert all(name.startswith("public.bgtasks_") for name in names)


async def test_an_upgrade_leaves_the_tasks_alone(web: BackendBench, task_database: str) -> None:
    task_id = await web.submit(delay=60)
    await upgraded(task_database)
    assert [item.id for item in (await web.backend.list(TaskQuery())).records] == [task_id]


async def test_tables_may_live_in_another_schema(
    postgres_server: Databases, empty_database: str
) -> None:
    connection = await asyncpg.connect(empty_database)
    await connection.execute("CREATE SCHEMA background")
    url = f"{empty_database}?options=-csearch_path%3Dbackground"
    await upgraded(url)
    names = {row[0] for row in await connection.fetch(TABLES)}
    assert all(name.startswith("background.bgtasks_") for name in names)
    # Beside those of another application in the same database.
    await upgraded(empty_database)
    here, there = (
        BackendBench(PostgresHome(postgres_server, item)) for item in (empty_database, url)
    )
    await here.open()
    await there.open()
    task_id = await there.finished()
    assert await here.backend.get(task_id) is None
    assert await connection.fetchval("SELECT count(*) FROM background.bgtasks_tasks") == 1
    await there.close()
    await here.close()
    await connection.close()


WRITTEN_BY_0_1_0 = """
INSERT INTO bgtasks_tasks (id, job, type, name, data, priority, status, progress, created_at,
    changed_at, revision, attempt, failures, interruptions, cancel_requested)
VALUES ($1, 0, 'Quick', 'quick', '{}', 0, 'Completed', 100, now(), now(), 3, 1, 0, 0, false)
"""


async def test_tables_that_0_1_0_made_are_upgraded_with_their_tasks(empty_database: str) -> None:
    with pytest.raises(SchemaVersionError, match="has version 1 of them"):
        await upgraded(empty_database, MIGRATIONS[:1])
    task_id = uuid7()
    connection = await asyncpg.connect(empty_database)
    await connection.execute(WRITTEN_BY_0_1_0, task_id)
    await connection.close()
    assert len(await upgraded(empty_database)) == VERSION - 1
    backend = PostgresBackend(empty_database, make_registry(), SystemClock())
    await backend.start()
    record = await backend.get(task_id)
    await backend.stop()
    assert record is not None
    assert (record.id, record.progress, record.delayed) == (task_id, 100.0, False)


async def test_an_interrupted_upgrade_is_completed_by_the_next(
    empty_database: str,
) -> None:
    broken = Migration(VERSION + 1, "broken", "SELECT 1 / 0\n-- Compatible from: 1")
    with pytest.raises(BackendError, match="cannot be upgraded: division by zero"):
        await upgraded(empty_database, [*MIGRATIONS, broken])
    assert await upgraded(empty_database) == []
    backend = PostgresBackend(empty_database, make_registry(), SystemClock())
    await backend.start()
    await backend.stop()
