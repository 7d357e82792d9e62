"""Lists in other orders than the newest accepted first."""

from collections.abc import Sequence
from uuid import UUID

from attrs import evolve

from bgtasks.backends.task_reads import WINDOW
from bgtasks.core.record import Search, Sort, TaskPage, TaskQuery
from bgtasks.models import BackgroundTaskStatus
from bgtasks.testing.conformance import BackendBench


async def pages(bench: BackendBench, query: TaskQuery) -> Sequence[TaskPage]:
    """All pages of a listing."""
    found: list[TaskPage] = []
    while not found or (query.before, query.place) != (None, None):
        found.append(await bench.backend.list(query))
        query = evolve(query, before=found[-1].next_before, place=found[-1].next_place)
    return found


async def listed(bench: BackendBench, sort: Sort, limit: int = 2, **query: object) -> list[UUID]:
    found = await pages(bench, TaskQuery(sort=sort, limit=limit, **query))  # type: ignore[arg-type]
    assert all(len(page.records) == limit for page in found[:-1])
    return [item.id for page in found for item in page.records]


async def test_the_oldest_come_first_with_each_filter(idle_bench: BackendBench) -> None:
    ids = []
    for number in range(12):
        kind, owner = ("Quick", "Other")[number % 2], (None, "ada", "bob")[number % 3]
        ids.append(await idle_bench.submit(kind, name=f"no {number}", owner=owner, delay=60))
    assert await listed(idle_bench, "created") == ids
    assert await listed(idle_bench, "created", types=["Other"]) == ids[1::2]
    assert await listed(idle_bench, "created", owners=["ada"]) == ids[1::3]
    expected = [task_id for number, task_id in enumerate(ids) if number % 3 < 2]
    assert await listed(idle_bench, "created", owners=["ada", None]) == expected
    pending = [BackgroundTaskStatus.PENDING]
    assert await listed(idle_bench, "created", statuses=pending, types=["Quick"]) == ids[::2]
    ones = [ids[1], ids[10], ids[11]]
    assert await listed(idle_bench, "created", search=Search(words=("1",))) == ones


async def test_tasks_are_sorted_by_start_and_end_those_without_come_last(
    bench: BackendBench,
) -> None:
    records = []
    for _ in range(4):
        records.append(await bench.run())
        await bench.advance(1)
    ids = [record.id for record in records]
    for place in (2, 0, 3):
        bench.runner.end(records[place])
        await bench.reaches(ids[place], BackgroundTaskStatus.COMPLETED)
        await bench.advance(1)
    waiting = [await bench.submit(delay=3600) for _ in range(2)]
    assert await listed(bench, "started") == [*ids, *waiting]
    assert await listed(bench, "-started") == [*ids[::-1], *waiting[::-1]]
    assert await listed(bench, "ended") == [ids[2], ids[0], ids[3], ids[1], *waiting]
    assert await listed(bench, "-ended", limit=3) == [
        ids[3],
        ids[0],
        ids[2],
        *waiting[::-1],
        ids[1],
    ]
    final = [BackgroundTaskStatus.COMPLETED]
    assert await listed(bench, "-ended", statuses=final) == [ids[3], ids[0], ids[2]]
    nothing = Search(words=("nothing",))
    assert await listed(bench, "-ended", search=nothing) == []
    bench.runner.end(records[1])


async def test_of_very_many_the_newest_are_sorted_and_it_is_said(idle_bench: BackendBench) -> None:
    for _ in range(WINDOW // 1000):
        await idle_bench.backend.submit([idle_bench.record(delay=3600) for _ in range(1000)])
    query = TaskQuery(sort="ended", limit=1)
    assert (await idle_bench.backend.list(query)).complete
    await idle_bench.submit("Other", delay=3600)
    assert not (await idle_bench.backend.list(query)).complete
    assert (await idle_bench.backend.list(evolve(query, types=["Other"]))).complete
    assert (await idle_bench.backend.list(evolve(query, sort="created"))).complete
