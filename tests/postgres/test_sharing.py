"""Callers that submit at the same time share statements, and nothing else."""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bgtasks import BackendError, BackgroundTaskStatus
from bgtasks.core.record import TaskRecord
from bgtasks.errors import DuplicateTaskError
from bgtasks.ids import uuid7
from bgtasks.testing.conformance import BackendBench, BenchMaker

from .proxy import Proxy

PENDING = BackgroundTaskStatus.PENDING


async def stored(sql: Any) -> list[Any]:
    return [row[0] for row in await sql.fetch("SELECT id FROM bgtasks_tasks ORDER BY sequence")]


async def commits(sql: Any) -> int:
    count: int = await sql.fetchval("SELECT count(DISTINCT changed_by) FROM bgtasks_tasks")
    return count


async def submit_all(bench: BackendBench, calls: Sequence[Sequence[TaskRecord]]) -> list[Any]:
    """Submit by as many callers at once; their answers."""
    callers = [bench.backend.submit(call) for call in calls]
    return await asyncio.gather(*callers, return_exceptions=True)


async def test_many_callers_share_few_commits(web: BackendBench, sql: Any) -> None:
    records = [web.record() for _ in range(300)]
    assert await submit_all(web, [[item] for item in records]) == [{}] * 300
    assert sorted(await stored(sql)) == sorted(item.id for item in records)
    assert await commits(sql) <= 3
    assert await sql.fetchval("SELECT count(*) FROM bgtasks_pgqueuer") == 300
    assert {item.id for item in web.changes} == {item.id for item in records}


async def test_a_caller_that_is_alone_has_a_commit_for_each_submit(
    web: BackendBench, sql: Any
) -> None:
    for _ in range(5):
        await web.submit()
    assert await commits(sql) == 5


async def test_a_large_call_goes_alone(web: BackendBench, sql: Any) -> None:
    large = [web.record() for _ in range(1_200)]
    heavy = [web.record(data='"' + "x" * 2_000_000 + '"')]
    small = [[web.record()] for _ in range(50)]
    assert await submit_all(web, [large, heavy, *small]) == [{}] * 52
    for call in (large, heavy):
        of_call = [item.id for item in call]
        found = await sql.fetch(
            "SELECT id FROM bgtasks_tasks WHERE changed_by = "
            "(SELECT changed_by FROM bgtasks_tasks WHERE id = $1) ORDER BY sequence",
            of_call[0],
        )
        assert [row[0] for row in found] == of_call
    assert await commits(sql) <= 5


async def test_a_value_that_is_refused_fails_nobody_beside_it(web: BackendBench, sql: Any) -> None:
    calls = [[web.record(), web.record()] for _ in range(40)]
    for at in (3, 17, 18):
        calls[at][1] = web.record(name="a\0b")
    calls[30][0] = web.record(priority=2**40)
    answers = await submit_all(web, calls)
    refused = [at for at, answer in enumerate(answers) if answer != {}]
    assert refused == [3, 17, 18, 30]
    assert all(isinstance(answers[at], BackendError) for at in refused)
    accepted = [item.id for at, call in enumerate(calls) if at not in refused for item in call]
    assert sorted(await stored(sql)) == sorted(accepted)


async def test_the_callers_own_connection_is_alone(
    web: BackendBench, task_database: str, sql: Any
) -> None:
    own = await asyncpg.connect(task_database)
    transaction = own.transaction()
    await transaction.start()
    inside, outside = web.record(), [web.record() for _ in range(20)]
    await asyncio.gather(
        web.backend.submit([inside], own), *(web.backend.submit([item]) for item in outside)
    )
    await transaction.rollback()
    await own.close()
    assert sorted(await stored(sql)) == sorted(item.id for item in outside)


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_statement_whose_answer_is_lost_is_looked_up_for_each_caller(
    far: BackendBench, web: BackendBench, sql: Any, proxy: Proxy, arrives: bool
) -> None:
    await far.open(serving=False)
    taken = await web.submit()
    records = [far.record() for _ in range(30)]
    loss = proxy.lose(records[7].id.bytes, arrives=arrives)
    answers = await submit_all(
        far, [*([item] for item in records), [far.record(id=taken, data="[]")]]
    )
    assert loss.happened.is_set()
    assert answers[:30] == [{}] * 30
    assert isinstance(answers[30], DuplicateTaskError)
    assert sorted(await stored(sql)) == sorted([taken, *(item.id for item in records)])
    await far.reaches(records[7].id, PENDING)
    for record in records:
        assert [item.revision for item in far.announced(record.id)] == [1]


async def test_an_error_names_the_tasks_of_its_caller_alone(
    far: BackendBench, proxy: Proxy
) -> None:
    await far.open(serving=False)
    first, second = far.record(), far.record()
    proxy.lose(first.id.bytes, cuts=True)
    answers = await submit_all(far, [[first], [second]])
    assert str(first.id) in str(answers[0])
    assert str(second.id) not in str(answers[0])
    proxy.heal()


async def test_a_caller_that_gives_up_before_its_turn_is_not_accepted(
    far: BackendBench, sql: Any, proxy: Proxy
) -> None:
    await far.open(serving=False)
    begun = [far.record(), far.record()]
    held = [proxy.lose(item.id.bytes, holds=True) for item in begun]
    submitting = []
    for item, loss in zip(begun, held, strict=True):
        submitting.append(asyncio.create_task(far.backend.submit([item])))
        await loss.happened.wait()
    given_up, goes_on = far.record(), far.record()
    waiting = [asyncio.create_task(far.backend.submit([item])) for item in (given_up, goes_on)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    for loss in held:
        loss.release.set()
    await asyncio.gather(*submitting, waiting[1])
    assert sorted(await stored(sql)) == sorted([*(item.id for item in begun), goes_on.id])


async def test_whoever_gives_up_while_his_statement_is_on_its_way_fails_nobody_beside_him(
    far: BackendBench, sql: Any, proxy: Proxy
) -> None:
    await far.open(serving=False)
    alone = [far.record(), far.record()]
    held = [proxy.lose(item.id.bytes, holds=True) for item in alone]
    begun = []
    for item, loss in zip(alone, held, strict=True):
        begun.append(asyncio.create_task(far.backend.submit([item])))
        await loss.happened.wait()
    calls = [[far.record(), far.record()] for _ in range(3)]
    shared = proxy.lose(calls[0][0].id.bytes, holds=True)
    sharing = [asyncio.create_task(far.backend.submit(call)) for call in calls]
    await asyncio.sleep(0)
    held[0].release.set()
    await shared.happened.wait()
    sharing[1].cancel()
    for loss in (held[1], shared):
        loss.release.set()
    answers = await asyncio.gather(*begun, *sharing, return_exceptions=True)
    assert isinstance(answers.pop(3), asyncio.CancelledError)
    assert answers == [{}] * 4
    everything = [*alone, *(item for call in calls for item in call)]
    assert sorted(await stored(sql)) == sorted(item.id for item in everything)
    for item in everything:  # also what nobody waits for is told, once
        assert (await far.reaches(item.id, PENDING)).revision == 1
        assert len(far.announced(item.id)) == 1


async def test_callers_of_two_processes_that_cross_each_other_are_all_answered(
    make_bench: BenchMaker, sql: Any
) -> None:
    first, second = make_bench(), make_bench()
    await first.open(serving=False)
    await second.open(serving=False)
    records = [first.record() for _ in range(400)]
    forth, back = [[item] for item in records], [[item] for item in reversed(records)]
    answers = await asyncio.gather(submit_all(first, forth), submit_all(second, back))
    found = [answer for some in answers for answer in some]
    assert sum(answer == {} for answer in found) == 400
    assert sum(isinstance(answer, DuplicateTaskError) for answer in found) == 400
    assert len(await stored(sql)) == 400


@pytest.mark.parametrize("cuts", [True, False])
async def test_a_stop_answers_whoever_waits(
    far: BackendBench, sql: Any, proxy: Proxy, cuts: bool
) -> None:
    await far.open(serving=False)
    records = [far.record() for _ in range(30)]
    held = [proxy.lose(item.id.bytes, holds=True) for item in records[:2]]
    submitting = []
    for item, loss in zip(records[:2], held, strict=True):
        submitting.append(asyncio.create_task(far.backend.submit([item])))
        await loss.happened.wait()
    submitting += [asyncio.create_task(far.backend.submit([item])) for item in records[2:]]
    await asyncio.sleep(0)
    if cuts:
        proxy.cut()
    await far.backend.stop()
    async with asyncio.timeout(10):
        answers = await asyncio.gather(*submitting, return_exceptions=True)
    for loss in held:
        loss.release.set()
    assert all(isinstance(answer, BackendError) for answer in answers)
    there = set(await stored(sql))
    assert there >= {item.id for item in records[:2]}
    for item, answer in zip(records, answers, strict=True):
        assert item.id not in there or "not known" in str(answer)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.lists(st.integers(0, 11), min_size=1, max_size=4), min_size=1, max_size=10))
async def test_whatever_ids_are_taken_a_call_is_accepted_whole_or_not_at_all(
    web: BackendBench, sql: Any, calls: list[list[int]]
) -> None:
    ids = [uuid7() for _ in range(12)]
    records = [[web.record(id=ids[at]) for at in call] for call in calls]
    answers = await submit_all(web, records)
    accepted = [call for call, answer in zip(records, answers, strict=True) if answer == {}]
    assert all(answer == {} or type(answer) is DuplicateTaskError for answer in answers)
    kept = [item.id for call in accepted for item in call]
    found = await sql.fetch("SELECT id FROM bgtasks_tasks WHERE id = ANY($1::uuid[])", ids)
    assert sorted(kept) == sorted(row[0] for row in found)
    for call in records:  # none was refused that could have been accepted
        if call not in accepted:
            assert len({item.id for item in call}) < len(call) or {item.id for item in call} & set(
                kept
            )
