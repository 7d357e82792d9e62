"""Handing in tasks."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bgtasks.core.events import Failed
from bgtasks.core.record import TaskQuery
from bgtasks.errors import DuplicateTaskError
from bgtasks.models import BackgroundTaskStatus
from bgtasks.testing.conformance import BackendBench


async def test_a_task_is_kept_exactly_as_it_was_handed_in(idle_bench: BackendBench) -> None:
    record = idle_bench.record(
        name="Käse \N{CHEESE WEDGE} 'x' \"y\" %s",
        data='{"text":"\\ud83e","big":' + "9" * 400 + "}",
        owner="grüße@example.org",
        priority=-7,
        status_message=None,
        headers='{"traceparent":"00-1-2-01"}',
        created_at=datetime(2026, 3, 1, 1, 2, 3, 456789, tzinfo=UTC),
        scheduled_at=datetime(2031, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        due_at=datetime(2031, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    )
    await idle_bench.backend.submit([record])
    stored = await idle_bench.get(record.id)
    assert stored == record._replace(sequence=stored.sequence)
    assert stored.created_at.tzinfo is UTC


async def test_headers_go_to_every_attempt_and_into_no_list(bench: BackendBench) -> None:
    task_id = await bench.submit(headers='{"a":"1"}')
    first = await bench.started(task_id)
    bench.runner.end(first, Failed("once", retry_after=timedelta(0)))
    second = await bench.started(task_id, attempt=2)
    assert [first.headers, second.headers] == ['{"a":"1"}'] * 2
    (found,) = await bench.backend.find([task_id])
    page = await bench.backend.list(TaskQuery())
    assert [found.headers, page.records[0].headers] == [None, None]


async def test_what_is_accepted_is_announced_as_it_is_stored(idle_bench: BackendBench) -> None:
    task_id = await idle_bench.submit()
    assert idle_bench.announced(task_id) == [await idle_bench.get(task_id)]


async def test_a_taken_id_is_refused_and_changes_nothing(idle_bench: BackendBench) -> None:
    task_id = await idle_bench.submit(name="first")
    before = await idle_bench.get(task_id)
    with pytest.raises(DuplicateTaskError, match=str(task_id)):
        await idle_bench.submit(id=task_id, name="second")
    assert await idle_bench.get(task_id) == before
    assert len(idle_bench.announced(task_id)) == 1


async def test_the_id_of_a_final_task_is_taken(bench: BackendBench) -> None:
    task_id = await bench.finished()
    with pytest.raises(DuplicateTaskError):
        await bench.submit(id=task_id)
    assert (await bench.get(task_id)).status is BackgroundTaskStatus.COMPLETED


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_several_tasks_are_accepted_all_or_none(bench: BackendBench, place: int) -> None:
    taken = await bench.submit()
    await bench.started(taken)
    records = [bench.record(), bench.record("Other")]
    records.insert(place, bench.record(id=taken))
    with pytest.raises(DuplicateTaskError):
        await bench.backend.submit(records)
    await bench.written()
    assert [item.id for item in (await bench.backend.list(TaskQuery())).records] == [taken]
    assert {item.id for item in bench.changes} == {taken}
    assert {item.id for item in bench.runner.started} == {taken}


async def test_two_tasks_of_one_batch_cannot_share_an_id(bench: BackendBench) -> None:
    twice = bench.record()
    with pytest.raises(DuplicateTaskError):
        await bench.backend.submit([bench.record(), twice, twice])
    assert (await bench.backend.list(TaskQuery())).records == []


async def test_places_of_a_refused_batch_are_free_again(bench: BackendBench) -> None:
    twice = bench.record("Limited")
    for _ in range(5):
        with pytest.raises(DuplicateTaskError):
            await bench.backend.submit([twice, twice])
    first, second = await bench.run("Limited"), await bench.run("Limited")
    assert first.attempt == second.attempt == 1


async def test_no_tasks_are_accepted_too(bench: BackendBench) -> None:
    await bench.backend.submit([])
    assert bench.changes == []


async def test_order_of_acceptance_is_the_order_of_listing(idle_bench: BackendBench) -> None:
    await idle_bench.submit()
    batch = [idle_bench.record() for _ in range(5)]
    await idle_bench.backend.submit(batch)
    await idle_bench.submit()
    records = (await idle_bench.backend.list(TaskQuery())).records
    assert [item.id for item in records[1:6]] == [item.id for item in reversed(batch)]
    assert [item.sequence for item in records] == sorted(
        {item.sequence for item in records}, reverse=True
    )


async def test_each_of_many_callers_at_once_is_answered_for_its_own(bench: BackendBench) -> None:
    records = [bench.record() for _ in range(300)]
    callers = [bench.backend.submit([item]) for item in [*records, *records[::3]]]
    answers = await asyncio.gather(*callers, return_exceptions=True)
    assert answers[:300] == [{}] * 300
    assert all(isinstance(item, DuplicateTaskError) for item in answers[300:])
    listed = (await bench.backend.list(TaskQuery(limit=1000))).records
    assert {item.id for item in listed} == {item.id for item in records}
    assert len(listed) == 300


async def test_a_snapshot_does_not_change_with_its_task(bench: BackendBench) -> None:
    running = await bench.run()
    before = await bench.get(running.id)
    listed = (await bench.backend.list(TaskQuery())).records[0]
    copies = (tuple(before), tuple(listed), tuple(running))
    bench.save(running, 50)
    bench.runner.end(running)
    await bench.reaches(running.id, BackgroundTaskStatus.COMPLETED)
    assert (tuple(before), tuple(listed), tuple(running)) == copies
    assert await bench.backend.get(running.id) is not await bench.backend.get(running.id)
