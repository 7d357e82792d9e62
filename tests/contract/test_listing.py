"""Looking at tasks: pages, filters, histories; and dropping old ones."""

import itertools
import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from bgtasks.core.events import Cancelled, Completed, Failed, Interrupted, Report
from bgtasks.core.record import LEFT_OUT, SMALL_PAYLOAD, TaskQuery, TaskRecord
from bgtasks.core.retention import PruneRule
from bgtasks.models import BackgroundTaskStatus
from bgtasks.testing.conformance import BackendBench, until

STATUSES = list(BackgroundTaskStatus)
OWNERS = [None, "", "ann", "bob", "o'hara"]


async def fill(bench: BackendBench) -> list[TaskRecord]:
    """Tasks of every type, owner and status, newest first."""
    chance = random.Random(3)
    ids = []
    for type_name, owner, status, _ in itertools.product(
        ["Quick", "Other"], OWNERS, STATUSES, range(2)
    ):
        ids.append((chance.random(), type_name, owner, status))
    made: list[UUID] = []
    for _, type_name, owner, status in sorted(ids, key=lambda item: item[0]):
        delay = 3600 if status is BackgroundTaskStatus.PENDING else None
        task_id = await bench.submit(type_name, owner=owner, delay=delay)
        made.append(task_id)
        if status is BackgroundTaskStatus.PENDING:
            continue
        record = await bench.started(task_id)
        match status:
            case BackgroundTaskStatus.COMPLETED:
                bench.runner.end(record)
            case BackgroundTaskStatus.FAILED:
                bench.runner.end(record, Failed("no"))
            case BackgroundTaskStatus.CANCELLED:
                bench.runner.end(record, Cancelled())
    await bench.written()
    return [listed(await bench.get(task_id)) for task_id in reversed(made)]


def listed(record: TaskRecord) -> TaskRecord:
    """The task as a list has it."""
    is_large = len(record.payload or "") > SMALL_PAYLOAD
    return record._replace(data=LEFT_OUT, payload=LEFT_OUT if is_large else record.payload)


def matches(record: TaskRecord, query: TaskQuery) -> bool:
    return (
        (not query.types or record.type in query.types)
        and (not query.statuses or record.status in query.statuses)
        and (query.owners is None or record.owner in query.owners)
    )


async def test_every_combination_of_filters_and_pages_gives_what_a_plain_search_gives(
    bench: BackendBench,
) -> None:
    everything = await fill(bench)
    assert {(item.type, item.owner, item.status) for item in everything} == set(
        itertools.product(["Quick", "Other"], OWNERS, STATUSES)
    )
    types: list[Sequence[str]] = [(), ["Quick"], ["Quick", "Other", "Quick"], ["Nothing"]]
    statuses: list[Sequence[BackgroundTaskStatus]] = [(), *([item] for item in STATUSES)]
    statuses += [STATUSES[:2], STATUSES[2:] * 2]
    owners: list[Sequence[str | None] | None]
    owners = [None, [], [None], ["ann"], ["ann", None, "ann"], ["", "o'hara"], ["nobody"]]
    for combination in itertools.product(types, statuses, owners, [7, 1000]):
        kind, status, owner, limit = combination
        query = TaskQuery(types=kind, statuses=status, owners=owner, limit=limit)
        expected = [item for item in everything if matches(item, query)]
        pages = await bench.pages(query)
        assert [item for page in pages for item in page.records] == expected, query
        assert all(len(page.records) == limit for page in pages[:-1])


async def test_more_combinations_than_a_page_has_rows_lose_nothing(bench: BackendBench) -> None:
    # FAULTS 26: only the walks with the newest tasks are taken.
    everything = await fill(bench)
    owners = [*OWNERS, *(f"nobody {number}" for number in range(95))]
    for types in ([], ["Quick", "Nothing", "Other"]):
        for limit in (1, 2, 3, 50):
            query = TaskQuery(types=types, owners=owners, limit=limit)
            pages = await bench.pages(query)
            assert [item for page in pages for item in page.records] == everything


async def test_the_last_page_says_so_also_when_it_is_full(idle_bench: BackendBench) -> None:
    assert (await idle_bench.backend.list(TaskQuery(limit=5))).next_before is None
    for _ in range(5):
        await idle_bench.submit()
    page = await idle_bench.backend.list(TaskQuery(limit=5))
    assert (len(page.records), page.next_before) == (5, None)
    await idle_bench.submit()
    first, second = await idle_bench.pages(TaskQuery(limit=5))
    assert first.next_before == first.records[-1].sequence
    assert (len(second.records), second.next_before) == (1, None)


async def test_paging_loses_and_repeats_nothing_while_tasks_come_in_and_change(
    bench: BackendBench,
) -> None:
    at_first = [await bench.submit() for _ in range(60)]
    seen: list[UUID] = []
    before = None
    while True:
        page = await bench.backend.list(TaskQuery(limit=7, before=before))
        seen += [item.id for item in page.records]
        before = page.next_before
        if before is None:
            break
        await bench.submit()
        await bench.submit()
        await until(lambda: bench.runner.running, "an attempt that runs")
        bench.runner.end(bench.runner.running[0])
        await bench.written()
    assert seen == at_first[::-1]


async def test_a_large_result_is_left_out_like_a_large_payload(bench: BackendBench) -> None:
    results = ['"x"', f'"{"y" * SMALL_PAYLOAD}"']
    ids = [await bench.finished(Completed(result)) for result in results]
    page = await bench.backend.list(TaskQuery())
    assert [item.result for item in page.records] == [LEFT_OUT, '"x"']
    light = {item.id: item.result for item in await bench.backend.find(ids)}
    assert light == dict(zip(ids, ['"x"', LEFT_OUT], strict=True))
    whole = {item.id: item.result for item in await bench.backend.find(ids, payloads=True)}
    assert whole == dict(zip(ids, results, strict=True))


async def test_a_listing_shows_the_newest_revision(bench: BackendBench) -> None:
    record = await bench.run()
    bench.save(record, 12)
    stored = await bench.reaches(record.id, lambda item: item.progress == 12)
    assert (await bench.backend.list(TaskQuery())).records == [listed(stored)]


# FAULTS 32: what travels is what is needed.
@pytest.mark.parametrize("query", [{}, {"types": ["Quick"]}, {"owners": ["ann", None]}])
async def test_lists_have_no_data_and_no_large_payloads(bench: BackendBench, query: Any) -> None:
    payloads = [None, '"x"', f'"{"x" * (SMALL_PAYLOAD - 2)}"', f'"{"y" * (SMALL_PAYLOAD - 1)}"']
    stored = []
    for payload in payloads:
        record = await bench.run(data=f'{{"a": "{"z" * 10_000}"}}', owner="ann")
        bench.runner.end(record, Completed(), Report(1, None, None, payload))
        stored.append(await bench.reaches(record.id, BackgroundTaskStatus.COMPLETED))
    assert [item.payload for item in stored] == payloads
    expected = [listed(item) for item in stored]
    assert [item.payload for item in expected] == [*payloads[:3], LEFT_OUT]
    assert (await bench.backend.list(TaskQuery(**query))).records == expected[::-1]
    ids = [item.id for item in stored]
    assert sorted(await bench.backend.find([*ids, UUID(int=1)])) == sorted(expected)
    whole = await bench.backend.find(ids, payloads=True)
    assert {item.id: item.payload for item in whole} == dict(zip(ids, payloads, strict=True))
    assert {item.data for item in whole} == {LEFT_OUT}
    assert await bench.backend.find([]) == []


async def test_an_unknown_task_is_none(bench: BackendBench) -> None:
    record = bench.record()
    assert await bench.backend.get(record.id) is None
    assert await bench.failures(record.id) == []


async def test_every_attempt_that_ended_badly_is_kept(bench: BackendBench) -> None:
    record = await bench.run()
    at_once = timedelta(0)
    bench.runner.end(record, Failed("first", "Traceback …", at_once))
    times = [bench.clock.now()]
    await bench.reaches(record.id, lambda item: item.failures == 1)
    await bench.advance(1)
    record = await bench.started(record.id, 2)
    bench.runner.end(record, Interrupted("the machine went down"))
    times.append(bench.clock.now())
    record = await bench.started(record.id, 3)
    await bench.advance(1)
    bench.runner.end(record, Failed("too slow", None, None, "timed out"))
    times.append(bench.clock.now())
    await bench.reaches(record.id, BackgroundTaskStatus.FAILED)
    failures = await bench.failures(record.id)
    assert [item.attempt for item in failures] == [1, 2, 3]
    assert [item.outcome for item in failures] == ["failed", "interrupted", "timed out"]
    assert [item.error and item.error.message for item in failures] == [
        "first",
        "the machine went down",
        "too slow",
    ]
    assert [item.traceback for item in failures] == ["Traceback …", None, None]
    assert [item.ended_at for item in failures] == times


async def test_only_old_final_tasks_are_dropped_the_oldest_first(bench: BackendBench) -> None:
    start = bench.clock.now()
    running, waiting = await bench.run(), await bench.submit(delay=10_000)
    finals = []
    for number in range(6):
        finals.append(await bench.finished(Failed("no") if number % 2 else None))
        await bench.advance(10)
    age = bench.clock.now() - start - timedelta(seconds=40)
    assert await bench.backend.prune(PruneRule(age), 3) == 3
    assert [await bench.backend.get(item) is None for item in finals] == [True] * 3 + [False] * 3
    assert await bench.failures(finals[1]) == []
    assert await bench.backend.prune(PruneRule(age), 3) == 1
    assert await bench.backend.prune(PruneRule(age), 3) == 0
    assert await bench.backend.prune(PruneRule(timedelta(0)), 100) == 2
    assert await bench.get(running.id)
    assert await bench.get(waiting)


async def test_a_task_that_is_run_again_is_not_dropped(bench: BackendBench) -> None:
    task_id = await bench.finished(Failed("no"))
    assert await bench.backend.retry(task_id)
    await bench.started(task_id, 2)
    await bench.advance(1)
    assert await bench.backend.prune(PruneRule(timedelta(0)), 10) == 0


async def test_an_id_may_be_used_again_once_its_task_was_dropped(bench: BackendBench) -> None:
    task_id = await bench.finished(Failed("no"))
    await bench.advance(1)
    assert await bench.backend.prune(PruneRule(timedelta(0)), 10) == 1
    await bench.submit(id=task_id)
    assert await bench.failures(task_id) == []
    assert (await bench.get(task_id)).failures == 0


async def test_kinds_of_tasks_are_kept_for_times_of_their_own(bench: BackendBench) -> None:
    completed, failed, other = (
        await bench.finished(),
        await bench.finished(Failed("no")),
        await bench.finished(type_name="Other"),
    )
    await bench.advance(100)
    kinds = (("Quick", BackgroundTaskStatus.COMPLETED),)
    age = timedelta(seconds=50)
    late = PruneRule(age, kinds, others=False, since=bench.clock.now())
    assert await bench.backend.prune(late, 10) == 0
    assert (
        await bench.backend.prune(PruneRule(timedelta(seconds=200), kinds, others=False), 10) == 0
    )
    assert await bench.backend.prune(PruneRule(age, kinds, others=False), 10) == 1
    assert await bench.backend.get(completed) is None
    assert await bench.backend.prune(PruneRule(age, kinds), 10) == 2
    assert await bench.backend.get(failed) is None
    assert await bench.backend.get(other) is None
