"""Keys of tasks among several processes, and in the caller's transactions."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from bgtasks import BackgroundTaskStatus, DuplicateTaskError, TaskStateError
from bgtasks.core.events import Failed
from bgtasks.core.keys import FOLLOWED, UNTIL_ENDED
from bgtasks.core.record import TaskRecord
from bgtasks.testing.conformance import BackendBench, BenchMaker

from .callers import CALLERS, Caller
from .proxy import Proxy

ROUNDS = 150

PENDING = BackgroundTaskStatus.PENDING


@pytest.fixture(params=CALLERS)
async def caller(request: pytest.FixtureRequest, task_database: str) -> AsyncIterator[Caller]:
    async with CALLERS[request.param](task_database) as caller:
        yield caller


@pytest.fixture
async def others(make_bench: BenchMaker) -> list[BackendBench]:
    """Two processes that only submit."""
    benches = [make_bench(), make_bench()]
    for bench in benches:
        await bench.open(serving=False)
    return benches


def unique(bench: BackendBench, type_name: str = "Quick", **fields: Any) -> TaskRecord:
    rule = FOLLOWED if type_name == "Replacing" else UNTIL_ENDED
    new = bench.record(type_name, **{"key": "k", "held_key": "k", "key_rule": rule} | fields)
    return new._replace(data=f'{{"id":"{new.id}"}}')


async def submit(bench: BackendBench, new: TaskRecord, connection: Any = None) -> UUID:
    """Submit a task; the id of the one that holds its key then."""
    holders = await bench.backend.submit([new], connection)
    return holders[0].id if holders else new.id


async def count(sql: Any, condition: str) -> int:
    return int(await sql.fetchval(f"SELECT count(*) FROM bgtasks_tasks WHERE {condition}"))


async def until_waiting(sql: Any, count: int) -> None:
    """Until so many statements of backends wait for a lock."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND wait_event_type = 'Lock' AND application_name = 'bgtasks'"
    )
    async with asyncio.timeout(10):
        while True:
            if await sql.fetchval(waiting) >= count:
                return
            await asyncio.sleep(0.02)


# Several processes


async def test_of_equal_submissions_of_several_processes_one_is_accepted(
    web: BackendBench, others: list[BackendBench], sql: Any
) -> None:
    benches = [web, *others]
    answers = await asyncio.gather(
        *(submit(bench, unique(bench)) for _ in range(100) for bench in benches)
    )
    assert len(set(answers)) == 1
    assert await count(sql, "true") == 1


@pytest.mark.parametrize("rounds", [ROUNDS, pytest.param(10_000, marks=pytest.mark.long)])
async def test_whoever_submits_while_the_holder_ends_gets_the_holder_or_a_new_task(
    worker: BackendBench, others: list[BackendBench], sql: Any, rounds: int
) -> None:
    """Of both processes, and at every moment of the end."""
    current = await worker.started(await submit(worker, unique(worker)))
    for _ in range(rounds):
        submits = [submit(bench, unique(bench)) for bench in others for _ in range(2)]
        worker.runner.end(current)
        found = set(await asyncio.gather(*submits)) - {current.id}
        assert len(found) <= 1
        following = found.pop() if found else await submit(worker, unique(worker))
        while following == current.id:  # its end is not written yet
            following = await submit(worker, unique(worker))
        current = await worker.started(following)
    assert await count(sql, "held_key IS NOT NULL") == 1


async def test_what_waits_behind_is_never_forgotten(
    worker: BackendBench, others: list[BackendBench], sql: Any
) -> None:
    """However its submission meets the end of the one before."""
    first = await submit(worker, unique(worker, "Replacing"))
    for _ in range(ROUNDS):
        current = await worker.started(first)
        submits = [submit(bench, unique(bench, "Replacing")) for bench in others]
        worker.runner.end(current)
        found = Counter(await asyncio.gather(*submits))
        assert len(found) <= 2
        newest = await sql.fetchval("SELECT id FROM bgtasks_tasks ORDER BY sequence DESC LIMIT 1")
        assert newest in found
        for task in [item for item in found if item != newest and item != current.id]:
            worker.runner.end(await worker.started(task))
        first = newest
    await worker.started(first)
    assert await count(sql, "status IN ('Pending', 'Running')") == 1


async def test_of_a_retry_and_a_submission_at_once_one_has_the_key(
    worker: BackendBench, others: list[BackendBench], sql: Any
) -> None:
    first, second = others
    for _ in range(20):
        failed = await worker.started(await submit(worker, unique(worker)))
        worker.runner.end(failed, Failed("it broke"))
        await worker.reaches(failed.id, lambda found: found.status.is_final)
        retried, submitted = await asyncio.gather(
            first.backend.retry(failed.id), submit(second, unique(second)), return_exceptions=True
        )
        assert isinstance(submitted, UUID)
        if isinstance(retried, TaskStateError):
            assert retried.existing == submitted
        else:
            assert submitted == failed.id
        assert await count(sql, "held_key = 'k'") == 1
        again = await worker.started(submitted, 2 if submitted == failed.id else 1)
        worker.runner.end(again)
        await worker.reaches(again.id, lambda found: found.status.value == "Completed")


# The caller's transaction


async def test_a_second_transaction_waits_for_the_first(
    web: BackendBench, caller: Caller, task_database: str
) -> None:
    first = await submit(web, unique(web), caller.connection)
    async with CALLERS["asyncpg connection"](task_database) as other:
        second = asyncio.create_task(submit(web, unique(web), other.connection))
        assert not (await asyncio.wait([second], timeout=0.2))[0]
        await caller.commit()
        assert await second == first
        await other.rollback()
    assert await submit(web, unique(web)) == first


async def test_a_rollback_frees_the_key(
    web: BackendBench, caller: Caller, task_database: str
) -> None:
    new = unique(web)
    await submit(web, unique(web), caller.connection)
    async with CALLERS["asyncpg connection"](task_database) as other:
        second = asyncio.create_task(submit(web, new, other.connection))
        assert not (await asyncio.wait([second], timeout=0.2))[0]
        await caller.rollback()
        assert await second == new.id
        await other.commit()
    assert await submit(web, unique(web)) == new.id


async def test_a_transaction_goes_on_after_its_task_was_refused(
    web: BackendBench, caller: Caller
) -> None:
    first = await submit(web, unique(web, "Refusing"))
    with pytest.raises(DuplicateTaskError) as refused:
        await submit(web, unique(web, "Refusing"), caller.connection)
    assert refused.value.existing == first
    other = await submit(web, unique(web, key="l", held_key="l"), caller.connection)
    await caller.commit()
    assert await web.get(other) is not None


async def test_what_replaces_a_task_is_undone_with_the_transaction(
    worker: BackendBench, caller: Caller
) -> None:
    first = await submit(worker, unique(worker, "Replacing", name="old", delay=60))
    before = await worker.get(first)
    newer = unique(worker, "Replacing", name="new")
    assert await submit(worker, newer, caller.connection) == first
    await caller.rollback()
    assert await worker.get(first) == before
    await worker.advance(61)
    assert (await worker.started(first)).name == "old"


# Lost answers


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_submission_whose_answer_is_lost_is_told_what_became_of_it(
    far: BackendBench, web: BackendBench, proxy: Proxy, arrives: bool
) -> None:
    await far.open(serving=False)
    new = [far.record(), unique(far)]
    loss = proxy.lose(b"COMMIT", arrives=arrives)
    assert await far.backend.submit(new) == {}
    assert loss.happened.is_set()
    assert await submit(web, unique(web)) == new[1].id


@pytest.mark.parametrize("arrives", [True, False])
@pytest.mark.parametrize("key", [None, "l"])
async def test_a_call_whose_answer_is_lost_is_told_who_holds_the_keys_of_a_part_of_it(
    far: BackendBench, web: BackendBench, proxy: Proxy, key: str | None, arrives: bool
) -> None:
    await far.open(serving=False)
    holder = await submit(web, unique(web))
    first = far.record() if key is None else unique(far, key=key, held_key=key)
    second = unique(far)
    loss = proxy.lose(b"COMMIT", arrives=arrives)
    holders = await far.backend.submit([first, second])
    assert loss.happened.is_set()
    assert {place: item.id for place, item in holders.items()} == {1: holder}
    assert (await web.get(first.id)).revision == 1
    assert await web.backend.get(second.id) is None
    await far.reaches(first.id, PENDING)


async def test_a_call_that_is_repeated_while_the_first_is_not_committed_yet_is_accepted_once(
    far: BackendBench, web: BackendBench, proxy: Proxy, task_database: str, sql: Any
) -> None:
    """Its connection is cut, but the server goes on: it waits for a lock of somebody else."""
    await far.open(serving=False)
    new = [unique(far, key=key, held_key=key) for key in "kl"]
    async with CALLERS["asyncpg connection"](task_database) as other:
        await submit(web, unique(web, key="l", held_key="l"), other.connection)
        submitting = asyncio.create_task(far.backend.submit(new))
        await until_waiting(sql, 1)
        proxy.cut()
        proxy.heal()
        await until_waiting(sql, 2)
        await other.rollback()
        assert await submitting == {}
    assert await count(sql, "true") == 2


async def test_a_replacement_whose_answer_is_lost_is_not_done_once_more(
    far: BackendBench, worker: BackendBench, proxy: Proxy, sql: Any
) -> None:
    """What was replaced has begun before the submission is repeated."""
    await far.open(serving=False)
    first = await submit(worker, unique(worker, "Replacing", delay=600))
    loss = proxy.lose(b"COMMIT", cuts=True)
    submitting = asyncio.create_task(submit(far, unique(far, "Replacing", name="new")))
    await loss.happened.wait()
    assert (await worker.started(first)).name == "new"
    proxy.heal()
    assert await submitting == first
    assert await count(sql, "true") == 1


async def test_a_repeated_submission_waits_behind_what_had_begun_before(
    far: BackendBench, worker: BackendBench, proxy: Proxy
) -> None:
    """Though it does the same: what has changed meanwhile, that one may have missed."""
    await far.open(serving=False)
    running = await worker.started(await submit(worker, unique(worker, "Replacing")))
    far.clock.advance(1)
    loss = proxy.lose(b"COMMIT", arrives=False)
    new = unique(far, "Replacing")
    assert await submit(far, new) == new.id
    assert loss.happened.is_set()
    worker.runner.end(running)
    await worker.started(new.id)
