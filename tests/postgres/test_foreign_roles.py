"""What another role of the database can do: it may connect, send notifications, and create
functions where the search path of the others looks."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from bgtasks import BackgroundTaskStatus
from bgtasks.backends.postgres.engine.jobs import STATEMENTS as ENGINE_STATEMENTS
from bgtasks.backends.postgres.engine.schema import ENGINE
from bgtasks.backends.postgres.statements import CHANNEL, STATEMENTS
from bgtasks.core.events import Failed
from bgtasks.testing.conformance import BackendBench, BenchMaker, until

COMPLETED = BackgroundTaskStatus.COMPLETED


def cancellation(*jobs: int) -> str:
    """What PgQueuer says when jobs are to be cancelled."""
    return json.dumps(
        {
            "channel": ENGINE.channel,
            "sent_at": datetime.now(UTC).isoformat(),
            "type": "cancellation_event",
            "ids": jobs,
        }
    )


async def test_a_forged_notification_cancels_nothing(worker: BackendBench, sql: Any) -> None:
    """FAULTS 24."""
    forged, asked = await worker.run(), await worker.run()
    jobs = [row[0] for row in await sql.fetch(f"SELECT id FROM {ENGINE.queue_table}")]
    assert len(jobs) == 2
    await sql.execute("SELECT pg_notify($1, $2)", ENGINE.channel, cancellation(*jobs))
    await worker.written()
    assert await worker.backend.request_cancel(asked.id)
    await until(lambda: worker.runner.cancelled, "the one that was asked for was told")
    assert {item[0] for item in worker.runner.cancelled} == {asked.id}
    worker.runner.end(forged)
    await worker.reaches(forged.id, COMPLETED)


async def test_a_flood_of_forged_notifications_is_answered_slowly_and_logged_once(
    worker: BackendBench, web: BackendBench, sql: Any, warned: pytest.LogCaptureFixture
) -> None:
    """FAULTS 24."""
    record = await worker.run()
    for channel, payload in (
        (ENGINE.channel, cancellation(*range(1_000))),
        (ENGINE.channel, "junk"),
        (CHANNEL, "junk"),
        (CHANNEL, json.dumps({"from": "x", "tasks": [record.id.hex] * 100})),
    ):
        await sql.execute(
            "SELECT pg_notify($1, $2 || repeat(' ', n)) FROM generate_series(1, 1000) AS n",
            channel,
            payload,
        )
    later = await web.submit()
    worker.runner.end(await worker.started(later))
    await web.reaches(later, COMPLETED)
    assert worker.runner.cancelled == []
    told = [item for item in warned.records if "junk" in item.getMessage()]
    assert len(told) <= 3  # one of the worker's engine, one of each feed


HIJACK = """
CREATE FUNCTION public.{name}({arguments}) RETURNS {returns} LANGUAGE plpgsql AS
$$BEGIN RAISE EXCEPTION 'hijacked'; END$$
"""


@pytest.mark.parametrize(
    ("name", "arguments", "returns"),
    [
        ("nextval", "text", "bigint"),
        ("unnest", "text[]", "SETOF text"),
        ("make_interval", "secs double precision", "interval"),
        ("pg_notify", "unknown_channel varchar, text", "void"),
        ("min", "varchar", "varchar"),
    ],
)
async def test_functions_of_the_same_name_in_the_search_path_are_not_called(
    make_bench: BenchMaker, sql: Any, name: str, arguments: str, returns: str
) -> None:
    """FAULTS 24. PgQueuer's own statements are not ours to write; `unnest` is in one of them."""
    await sql.execute(HIJACK.format(name=name, arguments=arguments, returns=returns))
    web = make_bench()
    await web.open(serving=False)
    task_id = await web.submit(delay=60)
    assert await web.backend.request_cancel(task_id)
    assert await web.backend.retry(task_id)
    await web.backend.processes()
    await web.backend.store.pulse.tidy()  # type: ignore[attr-defined]
    assert web.backend.trouble() is None


async def test_a_retry_calls_no_function_of_others(worker: BackendBench, sql: Any) -> None:
    """FAULTS 24."""
    task_id = await worker.finished(Failed("no"))
    await sql.execute(HIJACK.format(name="nextval", arguments="text", returns="bigint"))
    assert await worker.backend.retry(task_id)
    await worker.started(task_id, attempt=2)


async def test_every_function_is_named_with_its_schema(sql: Any) -> None:
    """FAULTS 24: but `unnest` of several arrays, which PostgreSQL takes for its own by itself."""
    functions = {row[0] for row in await sql.fetch("SELECT DISTINCT proname FROM pg_proc")}
    for name, statement in [*STATEMENTS.items(), *ENGINE_STATEMENTS.items()]:
        code = re.sub(r"--.*|unnest\([^()]*,", "", statement)
        called = set(re.findall(r"(?<![\w.])(\w+)\(", code))
        assert called & functions == set(), name


async def test_a_search_path_that_others_can_create_in_is_warned_of(
    make_bench: BenchMaker, sql: Any, warned: pytest.LogCaptureFixture
) -> None:
    """FAULTS 24: PostgreSQL 14 and databases that were upgraded from it are like this."""
    await make_bench().open(serving=False)
    assert "REVOKE CREATE" not in warned.text
    await sql.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
    await make_bench().open(serving=False)
    assert "REVOKE CREATE ON SCHEMA public FROM PUBLIC" in warned.text
