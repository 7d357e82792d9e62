"""The engine through its door: what this backend relies on, whichever PgQueuer is installed."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import bgtasks
from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.engine import (
    JOBS_CHANNEL,
    ClaimedJob,
    Jobs,
    News,
    cancellation,
    news_in,
)
from bgtasks.backends.postgres.engine.schema import ENGINE, UNUSED
from bgtasks.backends.postgres.migrations import upgrade
from bgtasks.ids import uuid7

HERE, THERE = UUID(int=1), UUID(int=2)
NOW = timedelta(0)
LATER = timedelta(hours=1)
ANY = {"Quick": 0}


@pytest.fixture
def jobs(sql: Any) -> Jobs:
    return Jobs(sql)


async def waiting(jobs: Jobs, *priorities: int, wait: timedelta = NOW) -> list[int]:
    return [await jobs.enqueue(uuid7(), "Quick", item, wait) for item in priorities]


async def held(jobs: Jobs, process: UUID = HERE) -> set[int]:
    return {job.id for job in await jobs.held(process)}


async def claimed(jobs: Jobs, process: UUID = HERE, limit: int = 0) -> list[int]:
    return [job.id for job in await jobs.claim(10, {"Quick": limit}, process)]


async def test_a_claim_gives_the_tasks_of_due_jobs_by_priority_and_age(jobs: Jobs) -> None:
    tasks = [uuid7() for _ in range(4)]
    ids = [await jobs.enqueue(task, "Quick", at % 2, NOW) for at, task in enumerate(tasks)]
    await jobs.enqueue(uuid7(), "Other", 9, NOW)
    await jobs.enqueue(uuid7(), "Quick", 9, LATER)
    found = await jobs.claim(3, ANY, HERE)
    assert found == [ClaimedJob(ids[at], tasks[at], HERE) for at in (1, 3, 0)]
    assert await claimed(jobs) == [ids[2]]
    assert await claimed(jobs) == []


async def test_a_limit_holds_over_all_processes(jobs: Jobs) -> None:
    await waiting(jobs, 0, 0, 0)
    first, second = await claimed(jobs, HERE, limit=2)
    assert await claimed(jobs, THERE, limit=2) == []
    await jobs.release([first])
    assert len(await claimed(jobs, THERE, limit=2)) == 1
    assert await held(jobs) == {second}


async def test_when_the_next_job_is_due(jobs: Jobs) -> None:
    assert await jobs.next_due(["Quick"]) is None
    await waiting(jobs, 0, wait=LATER)
    due_in = await jobs.next_due(["Quick"])
    assert due_in is not None
    assert NOW < due_in <= LATER
    assert await jobs.next_due(["Other"]) is None
    await waiting(jobs, 0)
    assert await jobs.next_due(["Quick"]) == NOW


async def test_a_job_that_falls_due_between_two_looks_is_seen(jobs: Jobs, sql: Any) -> None:
    class Slow:
        """A connection on which the time passes with the first statement."""

        async def fetch(self, statement: str, *values: object) -> Any:
            found = await sql.fetch(statement, *values)
            await sql.execute(f"UPDATE {ENGINE.queue_table} SET execute_after = now()")
            return found

    await waiting(jobs, 0, wait=LATER)
    assert await Jobs(Slow()).next_due(["Quick"]) == NOW


async def test_released_jobs_are_gone_or_wait_again(jobs: Jobs, sql: Any) -> None:
    done, again, later = await waiting(jobs, 0, 0, 0)
    await claimed(jobs)
    await jobs.release([done], {again: -LATER, later: LATER})
    assert await held(jobs) == set()
    assert await claimed(jobs) == [again]
    assert {row[0] for row in await sql.fetch(f"SELECT id FROM {ENGINE.queue_table}")} == {
        again,
        later,
    }


async def test_only_jobs_of_silent_processes_are_abandoned(jobs: Jobs, sql: Any) -> None:
    await sql.execute(
        "INSERT INTO bgtasks_processes (id, host, pid, runs_tasks, types, running, max_concurrency)"
        " VALUES ($1, 'here', 1, true, '{}', 1, 1)",
        HERE,
    )
    task = uuid7()
    job = await jobs.enqueue(task, "Quick", 0, NOW)
    await jobs.claim(1, ANY, THERE)
    await waiting(jobs, 0, 0)
    await jobs.claim(1, ANY, HERE)
    assert await jobs.abandoned(60, 10) == []
    await sql.execute(f"UPDATE {ENGINE.queue_table} SET heartbeat = heartbeat - interval '1 hour'")
    assert await jobs.abandoned(60, 10) == [ClaimedJob(job, task, THERE)]


async def test_what_is_heard_of_a_cancel_and_of_anything_else(jobs: Jobs, sql: Any) -> None:
    heard: list[str] = []
    await sql.add_listener(ENGINE.channel, lambda *values: heard.append(values[-1]))
    (job,) = await waiting(jobs, 0)
    await sql.execute("SELECT pg_notify($1, $2)", JOBS_CHANNEL, cancellation([job]))
    await sql.fetch("SELECT 1")
    await sql.execute(f"DELETE FROM {ENGINE.queue_table}")
    await sql.fetch("SELECT 1")
    assert [news_in(item) for item in heard] == [News.OTHER, News.CANCELLED, News.ROOM]
    with pytest.raises(ValueError, match="JSON"):
        news_in("junk")


def test_nothing_outside_the_engine_s_folder_names_its_tables() -> None:
    package = Path(bgtasks.__file__).parent
    engine = package / "backends" / "postgres" / "engine"
    naming = {
        path.relative_to(package)
        for path in [*package.rglob("*.py"), *package.rglob("*.sql")]
        if ENGINE.queue_table in path.read_text("utf-8") and engine not in path.parents
    }
    assert naming == set()


async def test_indexes_that_nothing_uses_are_not_kept(sql: Any, task_database: str) -> None:
    database = Database(task_database)
    await database.open()
    found = "SELECT indexname FROM pg_indexes WHERE indexname = ANY($1)"
    assert await sql.fetch(found, UNUSED) == []
    assert await upgrade(database) == []
    assert await sql.fetch(found, UNUSED) == []
    await database.close()
