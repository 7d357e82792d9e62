"""A claim in one statement: what stands in SQL once more is what the lifecycle decides."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bgtasks.backends.columns import field_type
from bgtasks.backends.postgres import reader
from bgtasks.backends.postgres.engine import ClaimStatement
from bgtasks.backends.postgres.tables import Tables
from bgtasks.core.events import Claimed
from bgtasks.core.keys import FOLLOWED, UNTIL_ENDED, UNTIL_STARTED
from bgtasks.core.lifecycle import decide
from bgtasks.core.record import TaskRecord
from bgtasks.ids import uuid7

KEY_RULES = [UNTIL_STARTED, UNTIL_ENDED, FOLLOWED]

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def waiting() -> TaskRecord:
    return TaskRecord(uuid7(), "Quick", "quick", "{}", NOW, NOW)


MOMENTS = st.integers(0, 10**9).map(lambda seconds: NOW + timedelta(seconds=seconds - 10**8))


@st.composite
def waiting_tasks(draw: st.DrawFn) -> TaskRecord:
    """A task that waits, whatever happened to it before."""
    values: dict[type, st.SearchStrategy[Any]] = {
        str: st.text("abc", max_size=3),
        int: st.integers(0, 1000),
        float: st.floats(0, 100),
        bool: st.booleans(),
        datetime: MOMENTS,
    }
    record = TaskRecord(uuid7(), "Quick", "quick", "{}", draw(MOMENTS), draw(MOMENTS))
    drawn: dict[str, Any] = {}
    for name in set(TaskRecord._fields) - {"id", "type", "status", "due_at", "held", "sequence"}:
        kind, nullable = field_type(name)
        value = values.get(kind, st.none())
        drawn[name] = draw(st.none() | value if nullable else value)
    drawn["key_rule"] = draw(st.sampled_from([None, *KEY_RULES]))
    drawn["version"] = draw(st.integers(1, 3))
    for name in ("held_key", "schedule"):  # no two tasks have the same
        drawn[name] = str(record.id) if drawn[name] is not None else None
    return record._replace(**drawn)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(waiting_tasks(), min_size=1, max_size=5), MOMENTS)
async def test_a_claim_in_one_statement_is_what_decide_makes_of_it(
    sql: Any, records: list[TaskRecord], now: datetime
) -> None:
    """The lifecycle stands in the statement once more."""
    tables = Tables(sql, uuid4())
    sequences = await tables.insert(records, now)
    count, claimed = await tables.claim(50, {"Quick": 0}, now, '{"Quick": 3}')
    assert count == len(records)
    found = {tablesd.record.id: tablesd for tablesd in claimed}
    for record in records:
        kept = record._replace(sequence=sequences[record.id])
        change = decide(kept, Claimed(), now)
        assert change is not None
        assert found[record.id].record == change.after
        assert await reader.fetch_task(sql, record.id) == change.after
    by_priority = sorted(records, key=lambda item: (-item.priority, sequences[item.id]))
    assert [tablesd.record.id for tablesd in claimed] == [item.id for item in by_priority]


@pytest.mark.parametrize("versions", ["{}", '{"Other": 2}', '{"Quick": 1}'])
async def test_a_task_of_a_version_that_is_not_known_is_not_begun(sql: Any, versions: str) -> None:
    tables = Tables(sql, uuid4())
    await tables.insert([waiting()._replace(version=2)], NOW)
    assert await tables.claim(50, {"Quick": 0}, NOW, versions) == (1, [])


@pytest.mark.parametrize("status", ["Running", "Completed", "Failed", "Cancelled"])
async def test_a_task_that_does_not_wait_is_not_begun(sql: Any, status: str) -> None:
    process = uuid4()
    tables, record = Tables(sql, process), waiting()
    await tables.insert([record], NOW)
    await sql.execute("UPDATE bgtasks_tasks SET status = $1", status)
    assert await tables.claim(50, {"Quick": 0}, NOW) == (1, [])
    (held,) = await tables.jobs.held(process)
    assert (held.task, held.is_begun) == (record.id, False)


async def test_a_task_whose_newest_job_is_another_one_is_not_begun(sql: Any) -> None:
    tables = Tables(sql, uuid4())
    await tables.insert([waiting()], NOW)
    await sql.execute("UPDATE bgtasks_tasks SET job = job + 1")
    assert await tables.claim(50, {"Quick": 0}, NOW) == (1, [])


async def test_a_process_finds_what_it_holds_and_nobody_wrote_since(sql: Any) -> None:
    process = uuid4()
    tables = Tables(sql, process)
    await tables.insert([waiting(), waiting()], NOW)
    _, begun = await tables.claim(50, {"Quick": 0}, NOW)
    assert [job.is_begun for job in await tables.jobs.held(process)] == [True, True]
    await sql.execute(
        "UPDATE bgtasks_tasks SET changed_by = pg_current_xact_id()::text::bigint WHERE job = $1",
        begun[0].place,
    )
    assert [job.is_begun for job in await tables.jobs.held(process)] == [False, True]
    assert [job.id for job in await tables.jobs.held(process, [begun[0].place])] == [begun[1].place]


async def test_a_task_that_has_to_take_its_turn_first_is_not_begun(sql: Any) -> None:
    tables = Tables(sql, uuid4())
    delayed = waiting()._replace(turn_key="a", due_at=NOW)
    await tables.insert([delayed, waiting()._replace(turn_key="a")], NOW)
    count, begun = await tables.claim(50, {"Quick": 0}, NOW)
    assert (count, len(begun)) == (2, 1)
    assert begun[0].record.id != delayed.id


async def test_what_is_claimed_is_not_written_down_once_more(sql: Any) -> None:
    tables = Tables(sql, uuid4())
    await tables.insert([waiting()], NOW)
    assert (await tables.claim(50, {"Quick": 0}, NOW))[0] == 1
    assert await sql.fetchval("SELECT count(*) FROM bgtasks_pgqueuer_log") == 0


async def test_a_payload_that_is_no_id_is_left_alone(sql: Any) -> None:
    tables = Tables(sql, uuid4())
    await tables.insert([waiting()], NOW)
    await sql.execute(
        "INSERT INTO bgtasks_pgqueuer (priority, entrypoint, payload, status) "
        "VALUES (9, 'Quick', 'junk', 'queued'), (9, 'Quick', NULL, 'queued')"
    )
    count, begun = await tables.claim(50, {"Quick": 0}, NOW)
    assert (count, len(begun)) == (3, 1)


async def test_a_statement_that_the_server_does_not_take_is_not_used(sql: Any) -> None:
    begins = "none AS (SELECT {first}::text, {second}::text) SELECT FROM none"
    assert await ClaimStatement(begins).works(sql, {"Quick": 1})
    assert not await ClaimStatement("none AS (SELECT) SELECT FROM nothing").works(sql, {})
