"""Tasks with keys: at most one holds a key at any time."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from bgtasks.core.events import Completed, Failed, Interrupted
from bgtasks.core.keys import FOLLOWED, UNTIL_ENDED, UNTIL_STARTED
from bgtasks.core.record import TaskQuery, TaskRecord
from bgtasks.core.retention import PruneRule
from bgtasks.errors import DuplicateTaskError, TaskStateError
from bgtasks.models import BackgroundTaskStatus
from bgtasks.testing.conformance import BackendBench

PENDING = BackgroundTaskStatus.PENDING
FAILED = BackgroundTaskStatus.FAILED
CANCELLED = BackgroundTaskStatus.CANCELLED


def record(
    bench: BackendBench,
    type_name: str = "Quick",
    key: str = "k",
    *,
    rule: str = UNTIL_ENDED,
    at_least: float | None = None,
    **fields: Any,
) -> TaskRecord:
    """A task that was not submitted yet, with a key."""
    until = None if at_least is None else bench.clock.now() + timedelta(seconds=at_least)
    made = bench.record(type_name, key=key, held_key=key, key_until=until, key_rule=rule, **fields)
    return made._replace(data=f'{{"id":"{made.id}"}}') if made.data == "{}" else made


def replacing(bench: BackendBench, text: str = "", **fields: Any) -> TaskRecord:
    """The same, to replace a task that waits."""
    new = record(bench, "Replacing", rule=FOLLOWED, name=text, **fields)
    return new._replace(data=f'{{"id":"{new.id}","text":"{text}"}}')


async def submit(bench: BackendBench, new: TaskRecord) -> UUID | None:
    """Submit one task; the id of the holder of its key if it was not accepted."""
    holders = await bench.backend.submit([new])
    return holders[0].id if holders else None


async def accepted(bench: BackendBench, new: TaskRecord) -> UUID:
    """Submit a task, which is accepted."""
    assert await submit(bench, new) is None
    return new.id


async def running(bench: BackendBench, new: TaskRecord) -> TaskRecord:
    """Submit a task and wait until its first attempt is started."""
    return await bench.started(await accepted(bench, new))


async def ended(bench: BackendBench, attempt: TaskRecord, outcome: Any = None) -> TaskRecord:
    """End an attempt."""
    bench.runner.end(attempt, outcome)
    return await bench.reaches(attempt.id, lambda found: found.revision > attempt.revision)


async def all_tasks(bench: BackendBench) -> list[UUID]:
    return [item.id for item in (await bench.backend.list(TaskQuery(limit=1_000))).records]


# Accepting


async def test_a_task_whose_key_is_held_is_not_kept(idle_bench: BackendBench) -> None:
    first = await accepted(idle_bench, record(idle_bench))
    before = await idle_bench.get(first)
    holders = await idle_bench.backend.submit([record(idle_bench)])
    assert holders[0]._replace(data=before.data) == before
    assert await idle_bench.get(first) == before
    assert await all_tasks(idle_bench) == [first]
    assert len(idle_bench.changes) == 1


async def test_other_keys_and_no_keys_are_in_nobodys_way(idle_bench: BackendBench) -> None:
    await accepted(idle_bench, record(idle_bench))
    await accepted(idle_bench, record(idle_bench, key="another"))
    await idle_bench.submit()
    await idle_bench.submit()
    assert len(await all_tasks(idle_bench)) == 4


async def test_of_many_equal_submissions_at_once_one_is_accepted(bench: BackendBench) -> None:
    new = [record(bench) for _ in range(200)]
    answers = await asyncio.gather(*(bench.backend.submit([item]) for item in new))
    (kept,) = await all_tasks(bench)
    holders = [answer[0].id for answer in answers if answer]
    assert holders == [kept] * 199


async def test_of_submissions_at_once_each_meets_the_holders_of_its_own_keys(
    bench: BackendBench,
) -> None:
    """Stores may keep them together: one that is not accepted takes no other with it."""
    first = await running(bench, record(bench, key="held"))
    expired = await running(bench, record(bench, key="expired", at_least=5))
    await ended(bench, expired, Completed(None))
    await bench.advance(6)
    keys = ["a", None, "held", "b", "a", "expired", None, "b", "c"]
    new = [bench.record("Quick") if key is None else record(bench, key=key) for key in keys]
    holders = await asyncio.gather(*(bench.backend.submit([item]) for item in new))
    met = [each[0].id if each else None for each in holders]
    assert met[2] == first.id
    assert [met[place] for place in (1, 5, 6, 8)] == [None] * 4
    assert {met[0], met[4]} in ({None, new[0].id}, {None, new[4].id})
    assert {met[3], met[7]} in ({None, new[3].id}, {None, new[7].id})
    accepted_ids = {item.id for item, holder in zip(new, met, strict=True) if holder is None}
    assert set(await all_tasks(bench)) == {first.id, expired.id} | accepted_ids


async def test_the_holder_of_a_key_stands_in_place_of_a_task_of_a_batch(
    idle_bench: BackendBench,
) -> None:
    first = await accepted(idle_bench, record(idle_bench))
    batch = [
        idle_bench.record(),
        record(idle_bench),
        record(idle_bench, key="new"),
        record(idle_bench, key="new"),
    ]
    holders = await idle_bench.backend.submit(batch)
    assert {place: item.id for place, item in holders.items()} == {1: first, 3: batch[2].id}
    assert set(await all_tasks(idle_bench)) == {first, batch[0].id, batch[2].id}


async def test_a_refused_task_names_the_holder_and_takes_its_batch_with_it(
    idle_bench: BackendBench,
) -> None:
    first = await accepted(idle_bench, record(idle_bench, "Refusing"))
    for batch in (
        [record(idle_bench, "Refusing")],
        [idle_bench.record(), record(idle_bench, "Refusing")],
    ):
        with pytest.raises(DuplicateTaskError, match=str(first)) as refused:
            await idle_bench.backend.submit(batch)
        assert refused.value.existing == first
    assert await all_tasks(idle_bench) == [first]


async def test_a_taken_id_is_refused_whatever_its_key(idle_bench: BackendBench) -> None:
    first = await accepted(idle_bench, record(idle_bench))
    with pytest.raises(DuplicateTaskError):
        await idle_bench.backend.submit([record(idle_bench, key="another", id=first)])
    holders = await idle_bench.backend.submit([record(idle_bench, id=first)])
    assert holders[0].id == first


# How long a key is held


@pytest.mark.parametrize("outcome", [Completed(), Failed("it broke")])
async def test_the_end_of_a_task_frees_its_key(bench: BackendBench, outcome: Any) -> None:
    first = await running(bench, record(bench))
    assert await submit(bench, record(bench)) == first.id
    await ended(bench, first, outcome)
    await accepted(bench, record(bench))


@pytest.mark.parametrize("rounds", [50, pytest.param(10_000, marks=pytest.mark.long)])
async def test_whoever_submits_while_the_holder_ends_gets_the_holder_or_a_new_task(
    bench: BackendBench, rounds: int
) -> None:
    """At every moment of the end, and never an error."""
    current = await running(bench, record(bench))
    for _ in range(rounds):
        new = [record(bench) for _ in range(4)]
        submits = [asyncio.create_task(submit(bench, item)) for item in new]
        await asyncio.sleep(0)
        bench.runner.end(current)
        answers = await asyncio.gather(*submits)
        got = {answer or item.id for answer, item in zip(answers, new, strict=True)}
        following = got - {current.id}
        assert len(following) <= 1
        assert sum(answer is None for answer in answers) == len(following)
        while not following:  # all came before the end was written
            last = record(bench)
            following = {await submit(bench, last) or last.id} - {current.id}
        current = await bench.started(following.pop())


async def test_a_cancelled_task_frees_its_key(bench: BackendBench) -> None:
    first = await accepted(bench, record(bench, delay=60))
    assert await bench.backend.request_cancel(first) is not None
    second = await running(bench, record(bench))
    await bench.backend.request_cancel(second.id)
    assert await submit(bench, record(bench)) == second.id


async def test_a_key_is_held_through_retries_and_interruptions(bench: BackendBench) -> None:
    first = await running(bench, record(bench))
    await ended(bench, first, Failed("it broke", retry_after=timedelta(seconds=60)))
    assert await submit(bench, record(bench)) == first.id
    await bench.advance(61)
    second = await bench.started(first.id, 2)
    await ended(bench, second, Interrupted("a stop", counted=False))
    third = await bench.started(first.id, 3)
    assert await submit(bench, record(bench)) == first.id
    await ended(bench, third)
    await accepted(bench, record(bench))


async def test_the_first_claim_frees_a_key_that_is_held_until_then(bench: BackendBench) -> None:
    first = await accepted(bench, record(bench, rule=UNTIL_STARTED, delay=60))
    assert await submit(bench, record(bench, rule=UNTIL_STARTED)) == first
    await bench.advance(61)
    attempt = await bench.started(first)
    second = await accepted(bench, record(bench, rule=UNTIL_STARTED, delay=60))
    await ended(bench, attempt, Failed("it broke", retry_after=timedelta(seconds=10)))
    assert await submit(bench, record(bench, rule=UNTIL_STARTED)) == second


async def test_a_retry_by_hand_does_not_take_a_key_again_that_a_claim_freed(
    bench: BackendBench,
) -> None:
    first = await running(bench, record(bench, rule=UNTIL_STARTED))
    await ended(bench, first, Failed("it broke"))
    await accepted(bench, record(bench, rule=UNTIL_STARTED, delay=60))
    assert await bench.backend.retry(first.id) is not None


async def test_a_key_is_held_on_after_the_end_until_its_time(bench: BackendBench) -> None:
    first = await running(bench, record(bench, at_least=100))
    final = await ended(bench, first)
    assert final.status is BackgroundTaskStatus.COMPLETED
    assert await submit(bench, record(bench)) == first.id
    await bench.advance(99)
    assert await submit(bench, record(bench)) == first.id
    await bench.advance(2)
    second = await accepted(bench, record(bench))
    assert await submit(bench, record(bench)) == second
    assert await bench.get(first.id) == final._replace(held_key=None)


async def test_an_outcome_is_stored_although_the_key_of_its_task_went_to_another(
    bench: BackendBench,
) -> None:
    first = await running(bench, record(bench, rule=UNTIL_STARTED, at_least=100))
    assert await submit(bench, record(bench, rule=UNTIL_STARTED)) == first.id
    await bench.advance(101)
    second = await accepted(bench, record(bench, rule=UNTIL_STARTED, delay=60))
    await ended(bench, first, Failed("it broke", retry_after=timedelta(seconds=600)))
    assert (await bench.reaches(first.id, PENDING)).failures == 1
    assert await submit(bench, record(bench)) == second


async def test_a_task_that_holds_its_key_for_a_time_is_not_pruned(bench: BackendBench) -> None:
    first = await running(bench, record(bench, at_least=100))
    await ended(bench, first)
    await bench.advance(50)
    assert await bench.backend.prune(PruneRule(timedelta(seconds=10)), 10) == 0
    assert await submit(bench, record(bench)) == first.id
    await bench.advance(51)
    assert await bench.backend.prune(PruneRule(timedelta(seconds=10)), 10) == 1
    await accepted(bench, record(bench))


async def test_a_key_outlives_a_crash(durable: BackendBench) -> None:
    first = await running(durable, record(durable))
    await durable.reopen(crash=True)
    assert await submit(durable, record(durable)) == first.id
    again = await durable.started(first.id, 2)
    await ended(durable, again)
    await accepted(durable, record(durable))


# Retries by hand


async def test_a_retry_takes_the_key_again(bench: BackendBench) -> None:
    first = await running(bench, record(bench))
    await ended(bench, first, Failed("it broke"))
    assert await bench.backend.retry(first.id) is not None
    assert await submit(bench, record(bench)) == first.id
    again = await bench.started(first.id, 2)
    await ended(bench, again)
    await accepted(bench, record(bench))


async def test_a_retry_is_refused_while_another_task_holds_the_key(bench: BackendBench) -> None:
    first = await running(bench, record(bench))
    await ended(bench, first, Failed("it broke"))
    second = await running(bench, record(bench))
    before = await bench.get(first.id)
    with pytest.raises(TaskStateError, match=str(second.id)) as refused:
        await bench.backend.retry(first.id)
    assert refused.value.existing == second.id
    assert await bench.get(first.id) == before
    await ended(bench, second)
    assert await bench.backend.retry(first.id) is not None


async def test_a_retry_takes_a_key_that_has_expired(bench: BackendBench) -> None:
    first = await running(bench, record(bench))
    await ended(bench, first, Failed("it broke"))
    second = await running(bench, record(bench, at_least=100))
    await ended(bench, second)
    with pytest.raises(TaskStateError, match=str(second.id)):
        await bench.backend.retry(first.id)
    await bench.advance(101)
    assert await bench.backend.retry(first.id) is not None
    assert await submit(bench, record(bench)) == first.id


async def test_a_retry_within_the_time_of_its_own_key_goes_on_holding_it(
    bench: BackendBench,
) -> None:
    first = await running(bench, record(bench, at_least=100))
    await ended(bench, first, Failed("it broke"))
    assert await bench.backend.retry(first.id) is not None
    await bench.advance(101)
    assert await submit(bench, record(bench)) == first.id


# Replacing


async def test_a_waiting_task_gets_what_the_new_one_has(idle_bench: BackendBench) -> None:
    bench = idle_bench
    first = await accepted(bench, replacing(bench, "old", delay=60))
    before = await bench.get(first)
    await bench.advance(5)
    newer = replacing(bench, "new", delay=90, priority=7, status_message="Soon")
    assert await submit(bench, newer) == first
    after = await bench.get(first)
    assert after == before._replace(
        data=f'{{"id":"{first}","text":"new"}}',
        name="new",
        priority=7,
        status_message="Soon",
        scheduled_at=newer.scheduled_at,
        due_at=newer.due_at,
        revision=2,
        changed_at=bench.clock.now(),
    )
    assert [item.revision for item in bench.announced(first)] == [1, 2]
    assert await all_tasks(bench) == [first]


async def test_a_replaced_task_runs_when_and_with_what_the_new_one_says(
    make_bench: Any,
) -> None:
    bench = make_bench(max_concurrency=1)
    await bench.open()
    busy = await bench.run()
    first = await accepted(bench, replacing(bench, "old", delay=600))
    other = await bench.submit()
    assert await submit(bench, replacing(bench, "new", priority=5)) == first
    bench.runner.end(busy)
    attempt = await bench.started(first)
    assert '"new"' in attempt.data
    bench.runner.end(attempt)
    await bench.started(other)


async def test_a_new_task_waits_behind_the_running_one(bench: BackendBench) -> None:
    first = await running(bench, replacing(bench, "first"))
    second = await accepted(bench, replacing(bench, "second"))
    assert await submit(bench, replacing(bench, "third")) == second
    waiting = await bench.get(second)
    assert (waiting.status, waiting.name, waiting.scheduled_at) == (PENDING, "third", None)
    await bench.written()
    assert [item.id for item in bench.runner.started] == [first.id]
    await ended(bench, first)
    attempt = await bench.started(second)
    assert '"third"' in attempt.data
    third = await accepted(bench, replacing(bench, "fourth"))
    await ended(bench, attempt)
    await bench.started(third)


async def test_what_waits_behind_starts_no_earlier_than_it_says(bench: BackendBench) -> None:
    first = await running(bench, replacing(bench))
    second = await accepted(bench, replacing(bench, delay=60))
    await ended(bench, first)
    await bench.reaches(second, lambda found: found.revision == 2)
    await bench.written()
    assert [item.id for item in bench.runner.started] == [first.id]
    await bench.advance(61)
    await bench.started(second)


async def test_what_waits_behind_gets_the_key_however_the_holder_ends(
    bench: BackendBench,
) -> None:
    first = await running(bench, replacing(bench))
    second = await accepted(bench, replacing(bench))
    await ended(bench, first, Failed("it broke", retry_after=timedelta(seconds=60)))
    assert await submit(bench, replacing(bench, "newest")) == second, "the last to run"
    await bench.backend.request_cancel(first.id)
    attempt = await bench.started(second)
    assert '"newest"' in attempt.data


async def test_what_waits_behind_can_be_cancelled(bench: BackendBench) -> None:
    first = await running(bench, replacing(bench))
    second = await accepted(bench, replacing(bench))
    assert await bench.backend.request_cancel(second) is not None
    third = await accepted(bench, replacing(bench))
    with pytest.raises(TaskStateError, match=str(first.id)):
        await bench.backend.retry(second)
    await ended(bench, first)
    await bench.started(third)


async def test_what_waits_behind_keeps_the_promise_of_time_of_the_one_before(
    bench: BackendBench,
) -> None:
    first = await running(bench, replacing(bench, at_least=100))
    second = await accepted(bench, replacing(bench))
    await ended(bench, first)
    await bench.reaches(second, lambda found: found.revision == 2)
    assert await submit(bench, replacing(bench, "newer")) == second
    await bench.advance(101)
    await bench.started(second)


async def test_a_final_task_that_holds_its_key_for_a_time_is_not_replaced(
    bench: BackendBench,
) -> None:
    first = await running(bench, replacing(bench, at_least=100))
    final = await ended(bench, first)
    assert await submit(bench, replacing(bench)) == first.id
    assert await bench.get(first.id) == final


async def test_what_waits_behind_outlives_a_crash(durable: BackendBench) -> None:
    first = await running(durable, replacing(durable))
    second = await accepted(durable, replacing(durable))
    await durable.reopen(crash=True)
    attempt = await durable.started(first.id, 2)
    assert [item.id for item in durable.runner.started] == [first.id]
    await ended(durable, attempt)
    await durable.started(second)
