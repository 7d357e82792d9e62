"""What the server refuses: everything passes, but what a value is refused for."""

from typing import Any

import pytest

from bgtasks import BackgroundTaskStatus
from bgtasks.core.events import Completed, Failed, Report
from bgtasks.testing.conformance import BackendBench, until

COMPLETED = BackgroundTaskStatus.COMPLETED
FAILED = BackgroundTaskStatus.FAILED

PASSING = [
    "08006",  # connection failure
    "0A000",  # feature not supported: a cached plan after a table was altered
    "25006",  # read-only transaction
    "28000",  # login refused
    "3F000",  # no such schema
    "40001",  # serialization failure
    "42501",  # a right that was revoked
    "42P01",  # a table that was renamed
    "53100",  # disk full
    "54000",  # the notification queue is full
    "55P03",  # lock not available
    "57014",  # statement cancelled
    "58030",  # I/O error
    "72000",  # snapshot too old
    "P0001",  # a trigger's own
    "XX001",  # data corrupted
    "ZZ999",  # nobody has heard of it
]

REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN RAISE EXCEPTION 'refused for a test' USING ERRCODE = '{}'; END$$;
CREATE TRIGGER refuse BEFORE UPDATE ON bgtasks_tasks FOR EACH ROW {} EXECUTE FUNCTION refuse()
"""


@pytest.mark.parametrize("state", PASSING)
@pytest.mark.parametrize(
    "outcome", [Completed(), Failed("no", "Traceback …")], ids=["well", "badly"]
)
async def test_finished_work_is_kept_whatever_the_server_refuses_it_with(
    worker: BackendBench, web: BackendBench, sql: Any, state: str, outcome: Any
) -> None:
    """FAULTS 46."""
    record = await worker.run()
    await worker.written()
    await sql.execute(REFUSE.format(state, ""))
    worker.runner.end(record, outcome, Report(70, "the last of it", None, '{"a":1}'))
    await until(lambda: "refused for a test" in (worker.backend.trouble() or ""), "health says so")
    await sql.execute("DROP TRIGGER refuse ON bgtasks_tasks")
    final = await web.reaches(record.id, FAILED if isinstance(outcome, Failed) else COMPLETED)
    assert (final.status_message, final.payload) == ("the last of it", '{"a":1}')
    assert final.error_message == ("no" if isinstance(outcome, Failed) else None)
    await until(lambda: worker.backend.trouble() is None, "health is well again")


@pytest.mark.parametrize("state", ["22021", "22P05", "23514", "23503"])
async def test_a_value_that_is_refused_fails_its_own_task_and_no_other(
    worker: BackendBench, sql: Any, state: str
) -> None:
    """FAULTS 46."""
    records = [await worker.run() for _ in range(5)]
    await worker.written()
    await sql.execute(REFUSE.format(state, "WHEN (NEW.status_message = 'bad')"))
    for number, record in enumerate(records):
        message = "bad" if number == 2 else "good"
        worker.runner.end(record, Completed(), Report(70, message, None, None))
    for number, record in enumerate(records):
        final = await worker.reaches(record.id, FAILED if number == 2 else COMPLETED)
        if number == 2:
            assert final.error_message == "The outcome could not be stored: refused for a test"
    assert await sql.fetchval("SELECT count(*) FROM bgtasks_pgqueuer") == 0


async def test_one_outcome_that_is_never_taken_holds_no_other_up(
    worker: BackendBench, sql: Any
) -> None:
    """FAULTS 46: also where nothing tells that its values are at fault."""
    records = [await worker.run() for _ in range(20)]
    await worker.written()
    await sql.execute(REFUSE.format("XX000", "WHEN (NEW.status_message = 'bad')"))
    for number, record in enumerate(records):
        message = "bad" if number == 7 else "good"
        worker.runner.end(record, Completed(), Report(70, message, None, None))
    for record in records[:7] + records[8:]:
        await worker.reaches(record.id, COMPLETED)
    await sql.execute("DROP TRIGGER refuse ON bgtasks_tasks")
    await worker.reaches(records[7].id, COMPLETED)


@pytest.mark.parametrize(
    ("spoil", "mend"),
    [
        ("ALTER TABLE {} RENAME TO away", "ALTER TABLE away RENAME TO {}"),
        ("ALTER TABLE {} SET SCHEMA away", "ALTER TABLE away.{} SET SCHEMA public"),
    ],
)
@pytest.mark.parametrize("table", ["bgtasks_processes", "bgtasks_pgqueuer", "bgtasks_tasks"])
async def test_a_process_whose_first_statements_fail_runs_tasks_later(
    web: BackendBench, sql: Any, table: str, spoil: str, mend: str
) -> None:
    """FAULTS 50."""
    task_id = await web.submit()
    await sql.execute("CREATE SCHEMA away")
    await sql.execute(spoil.format(table))
    serving = web.begin_serving()
    await until(lambda: web.backend.trouble(), "health says so")
    assert not serving.done()
    await sql.execute(mend.format(table))
    web.runner.end(await web.started(task_id))
    await web.reaches(task_id, COMPLETED)
    await until(lambda: web.backend.trouble() is None, "health is well again")
