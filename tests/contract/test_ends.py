"""Ends of which hooks are to be told: each is given away once, until somebody dies with it."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest

from bgtasks.core.events import Cancelled, Failed, Outcome
from bgtasks.core.record import ONCE_ENDED, TaskRecord
from bgtasks.models import BackgroundTaskStatus
from bgtasks.testing.conformance import BackendBench

FAILED = BackgroundTaskStatus.FAILED


async def taken(bench: BackendBench, seconds: float = 60, limit: int = 100) -> Sequence[TaskRecord]:
    return await bench.backend.take_ended(seconds, limit)


async def ids_taken(bench: BackendBench, **how: int) -> list[UUID]:
    return [record.id for record in await taken(bench, **how)]


@pytest.mark.parametrize("outcome", [None, Failed("no route"), Cancelled()])
async def test_an_end_is_taken_once(bench: BackendBench, outcome: Outcome | None) -> None:
    task_id = await bench.finished(outcome, tell_at=ONCE_ENDED)
    (record,) = await taken(bench)
    stored = await bench.get(task_id)
    assert (record.id, record.status, record.revision) == (task_id, stored.status, stored.revision)
    assert record.error_message == stored.error_message
    assert await ids_taken(bench) == []


async def test_a_task_that_has_not_ended_is_not_taken(bench: BackendBench) -> None:
    running = await bench.run(tell_at=ONCE_ENDED)
    waiting = await bench.submit(tell_at=ONCE_ENDED, delay=60)
    assert await ids_taken(bench) == []
    await bench.backend.request_cancel(waiting)
    assert await ids_taken(bench) == [waiting]
    bench.runner.end(running)
    await bench.reaches(running.id, BackgroundTaskStatus.COMPLETED)
    assert await ids_taken(bench) == [running.id]


async def test_an_end_that_nobody_asked_for_is_not_taken(bench: BackendBench) -> None:
    await bench.finished()
    assert await ids_taken(bench) == []


async def test_what_was_taken_and_not_told_is_given_to_the_next(bench: BackendBench) -> None:
    task_id = await bench.finished(tell_at=ONCE_ENDED)
    assert await ids_taken(bench, seconds=60) == [task_id]
    await bench.advance(59)
    assert await ids_taken(bench) == []
    await bench.advance(1.1)
    assert await ids_taken(bench) == [task_id]


async def test_what_was_told_is_not_taken_again(bench: BackendBench) -> None:
    await bench.finished(tell_at=ONCE_ENDED)
    await bench.backend.told(await taken(bench))
    await bench.advance(1_000)
    assert await ids_taken(bench) == []
    await bench.reopen()
    assert await ids_taken(bench) == []


async def test_an_end_outlives_a_crash(durable: BackendBench) -> None:
    task_id = await durable.finished(tell_at=ONCE_ENDED)
    await durable.reopen(crash=True)
    assert await ids_taken(durable) == [task_id]


async def test_a_retry_has_an_end_of_its_own(bench: BackendBench) -> None:
    task_id = await bench.finished(Failed("no route"), tell_at=ONCE_ENDED)
    first = await taken(bench)
    assert await bench.backend.retry(task_id)
    await bench.backend.told(first)  # of the end before
    assert await ids_taken(bench) == []
    again = await bench.started(task_id, attempt=2)
    bench.runner.end(again, Failed("still no route"))
    await bench.reaches(task_id, lambda item: item.attempt == 2 and item.status is FAILED)
    (second,) = await taken(bench)
    assert (second.id, second.error_message) == (task_id, "still no route")
    await bench.backend.told([second])
    assert await ids_taken(bench) == []


async def test_at_most_so_many_are_taken_and_none_twice(bench: BackendBench) -> None:
    ids = [await bench.finished(tell_at=ONCE_ENDED) for _ in range(7)]
    assert len(await taken(bench, limit=3)) == 3
    rest = await asyncio.gather(*(taken(bench, limit=3) for _ in range(4)))
    assert len([record for part in rest for record in part]) == 4
    assert len(ids) == 7


async def test_a_task_that_is_gone_can_be_told(bench: BackendBench) -> None:
    task_id = await bench.finished(tell_at=ONCE_ENDED)
    ended = await taken(bench)
    assert await bench.backend.delete(task_id)
    await bench.backend.told(ended)
    assert await ids_taken(bench) == []
