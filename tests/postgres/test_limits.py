"""How many run at once, and what runs where, over several processes."""

import asyncio

import pytest

from bgtasks import BackgroundTaskStatus
from bgtasks.backends.base import Backend
from bgtasks.backends.postgres.backend import PostgresBackend
from bgtasks.clock import Clock, SystemClock
from bgtasks.core.record import TaskQuery
from bgtasks.errors import SettingsError
from bgtasks.registry import Registry
from bgtasks.testing.conformance import BackendBench, BenchMaker, until
from bgtasks.testing.conformance_types import make_registry
from tests.contract.homes import PostgresHome

COMPLETED = TaskQuery(statuses=[BackgroundTaskStatus.COMPLETED], limit=1000)


async def test_the_limit_of_a_type_holds_over_all_processes(make_bench: BenchMaker) -> None:
    benches = [make_bench() for _ in range(2)]
    for bench in benches:
        await bench.open()
    first, second = benches
    records = [first.record("Limited") for _ in range(12)]
    await asyncio.gather(
        *(bench.backend.submit(records[at::2]) for at, bench in enumerate(benches))
    )
    ended = 0
    while ended < len(records):
        await until(lambda: first.runner.running or second.runner.running, "one is running")
        await asyncio.gather(*(bench.written() for bench in benches))
        running = [(bench, item) for bench in benches for item in bench.runner.running]
        assert 1 <= len(running) <= 2
        bench, record = running[0]
        bench.runner.end(record)
        ended += 1
    for record in records:
        await first.reaches(record.id, BackgroundTaskStatus.COMPLETED)
    assert len((await first.backend.list(COMPLETED)).records) == len(records)


async def test_many_tasks_are_each_run_once_by_one_of_the_processes(make_bench: BenchMaker) -> None:
    benches = [make_bench(20) for _ in range(3)]
    for bench in benches:
        await bench.open()
    await benches[0].backend.submit([benches[0].record() for _ in range(200)])

    def started() -> list[object]:
        for bench in benches:
            bench.runner.end_all()
        return [item.id for bench in benches for item in bench.runner.started]

    await until(lambda: len(started()) >= 200, "all started")
    for bench in benches:
        await bench.written()
    found = started()
    assert len(found) == len(set(found)) == 200
    assert len((await benches[0].backend.list(COMPLETED)).records) == 200


class TypesHome(PostgresHome):
    """Its processes run some of the types only."""

    types: tuple[str, ...] = ()

    def backend(self, registry: Registry, clock: Clock, max_concurrency: int) -> Backend:
        return PostgresBackend(self.url, registry, SystemClock(), types=self.types)


async def test_a_process_runs_the_types_it_was_given(home: PostgresHome, web: BackendBench) -> None:
    special_home = TypesHome(home.server, home.url)
    special_home.types = ("Other", "Limited")
    special = BackendBench(special_home)
    await special.open()
    quick = await special.submit("Quick")
    await special.submit("Other")
    await web.submit("Limited")
    await special.count_started(2)
    await special.written()
    assert {item.type for item in special.runner.started} == {"Other", "Limited"}
    assert (await web.get(quick)).status is BackgroundTaskStatus.PENDING
    (mine,) = [item for item in await web.backend.processes() if item.runs_tasks]
    assert set(mine.types) == {"Other", "Limited"}
    await web.serve()
    await web.started(quick)
    await special.close()


def test_a_type_that_is_not_registered_cannot_be_run(task_database: str) -> None:
    with pytest.raises(SettingsError, match="Nothing"):
        PostgresBackend(task_database, make_registry(), SystemClock(), types=["Nothing"])


async def test_an_attempt_that_ends_makes_room_for_a_process_that_had_none(
    make_bench: BenchMaker,
) -> None:
    bench = make_bench(1)
    await bench.open()
    first = await bench.run()
    second = await bench.submit()
    await bench.written()
    assert len(bench.runner.started) == 1
    bench.runner.end(first)
    await bench.started(second)
