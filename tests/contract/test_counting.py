"""How many tasks there are: the same as a walk over all of them finds."""

import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from bgtasks.backends.embedded.backend import EmbeddedBackend
from bgtasks.core.events import Cancelled, Completed, Failed, Interrupted
from bgtasks.core.record import Search, Span, TaskQuery
from bgtasks.core.retention import PruneRule
from bgtasks.errors import DuplicateTaskError
from bgtasks.models import BackgroundTaskStatus
from bgtasks.testing.conformance import BackendBench, BenchMaker

OWNERS = [None, "ann", "bob", ""]
Status = BackgroundTaskStatus


async def walked(bench: BackendBench, query: TaskQuery) -> Counter[tuple[str, Status]]:
    whole = TaskQuery(types=query.types, statuses=query.statuses, owners=query.owners, limit=1000)
    pages = await bench.pages(whole)
    return Counter((item.type, item.status) for page in pages for item in page.records)


async def agree(bench: BackendBench) -> None:
    await bench.written()
    questions: list[dict[str, Any]] = [
        {},
        {"types": ["Quick"]},
        {"types": ["Nothing"]},
        {"statuses": [Status.PENDING, Status.FAILED]},
        {"owners": [None]},
        {"owners": ["ann"]},
        {"owners": ["", "bob", None], "types": ["Other"]},
        {"owners": []},
        {"owners": ["eve"]},
    ]
    for question in questions:
        query = TaskQuery(**question)
        assert dict(await bench.backend.count(query)) == dict(await walked(bench, query)), question


async def some_history(bench: BackendBench, seed: int) -> None:
    """Tasks that are submitted, cancelled, retried, failed, interrupted and dropped."""
    chance = random.Random(seed)
    ids = []
    for _ in range(40):
        match chance.randrange(8):
            case 0 | 1 | 2:
                ids.append(
                    await bench.submit(
                        chance.choice(["Quick", "Other", "Limited"]),
                        owner=chance.choice(OWNERS),
                        delay=chance.choice([None, None, 50]),
                    )
                )
            case 3 | 4 if bench.runner.running:
                record = chance.choice(bench.runner.running)
                outcomes = (
                    Completed(),
                    Failed("no"),
                    Failed("again", retry_after=timedelta(seconds=50)),
                    Cancelled(),
                    Interrupted("a stop"),
                )
                bench.runner.end(record, chance.choice(outcomes))
            case 5 if ids:
                await bench.backend.request_cancel(chance.choice(ids))
            case 6 if ids:
                await bench.backend.retry(chance.choice(ids))
            case 7:
                await bench.backend.prune(PruneRule(timedelta(0)), 2)
        await bench.advance(1)


@pytest.mark.parametrize("seed", range(3))
async def test_the_numbers_are_those_that_a_walk_over_all_tasks_finds(
    bench: BackendBench, seed: int
) -> None:
    await agree(bench)
    for part in range(3):
        await some_history(bench, 10 * seed + part)
        await agree(bench)


async def test_the_numbers_outlive_the_process(durable: BackendBench) -> None:
    await some_history(durable, 1)
    await agree(durable)
    await durable.reopen()
    await agree(durable)
    await some_history(durable, 2)
    await durable.reopen(crash=True)
    await agree(durable)


async def test_what_was_refused_is_not_counted(idle_bench: BackendBench) -> None:
    bench = idle_bench
    taken = await bench.submit()
    await agree(bench)
    with pytest.raises(DuplicateTaskError):
        await bench.backend.submit([bench.record(), bench.record(id=taken), bench.record()])
    await agree(bench)
    assert sum((await bench.backend.count(TaskQuery())).values()) == 1


async def test_many_at_once_are_counted(make_bench: BenchMaker) -> None:
    bench = make_bench()
    await bench.open(serving=False)
    await bench.backend.submit([bench.record("Other", owner="ann") for _ in range(500)])
    await bench.serve()
    await agree(bench)
    bench.runner.end_all()
    await agree(bench)


async def test_a_search_is_counted_too(idle_bench: BackendBench) -> None:
    bench = idle_bench
    for number in range(5):
        await bench.submit("Quick" if number % 2 else "Other", name=f"report {number}", delay=60)
        await bench.advance(1)
    start = bench.clock.now() - timedelta(seconds=3)
    query = TaskQuery(search=Search(words=("report",), created=Span(start)))
    assert await bench.backend.count(query) == {
        ("Quick", Status.PENDING): 1,
        ("Other", Status.PENDING): 2,
    }
    query = TaskQuery(types=["Quick"], search=Search(words=("REPORT",), view="scheduled"))
    assert await bench.backend.count(query) == {("Quick", Status.PENDING): 2}
    assert await bench.backend.count(TaskQuery(search=Search(words=("nothing",)))) == {}


async def test_small_numbers_are_summed_up(bench: BackendBench) -> None:
    """PostgreSQL writes one down for each statement."""
    if isinstance(bench.backend, EmbeddedBackend):
        return
    for _ in range(120):
        await bench.submit(owner="ann")
    await agree(bench)
    await bench.backend.store.pulse.sum_up()  # type: ignore[attr-defined]
    await agree(bench)
    await bench.backend.store.pulse.sum_up()  # type: ignore[attr-defined]
    await agree(bench)


async def test_a_final_task_is_deleted_and_no_longer_counted(bench: BackendBench) -> None:
    ended = await bench.finished(Failed("no"), owner="ann")
    left = await bench.run()
    assert await bench.backend.delete(ended)
    assert not await bench.backend.delete(ended)
    assert not await bench.backend.delete(left.id)
    assert await bench.backend.get(ended) is None
    assert await bench.failures(ended) == []
    await agree(bench)
    bench.runner.end(left)
    await bench.reaches(left.id, Status.COMPLETED)
    assert await bench.backend.delete(left.id)
    assert await bench.backend.count(TaskQuery()) == {}
