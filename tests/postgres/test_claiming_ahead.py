"""Tasks that are claimed before a slot is free for them: whatever happens meanwhile, they have not
begun, and are as tasks that wait."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from attrs import evolve

from bgtasks.backends.loops.pacing import AheadPace
from bgtasks.core.record import TaskQuery, TaskRecord
from bgtasks.models import BackgroundTaskStatus
from bgtasks.testing.conformance import BackendBench, BenchMaker, until
from bgtasks.testing.conformance_types import make_registry
from tests.contract.homes import PostgresHome

from .proxy import Proxy
from .test_lost_answers import claims_of

PENDING = BackgroundTaskStatus.PENDING
RUNNING = BackgroundTaskStatus.RUNNING
CANCELLED = BackgroundTaskStatus.CANCELLED
COMPLETED = BackgroundTaskStatus.COMPLETED

SLOTS = 2
AHEAD = 6
TASKS = 30

EAGER = AheadPace(for_the_next=1e6, most=AHEAD, measured_over=60, kept_for=60, pause=3600)
"""As many as may wait, from the first slot that becomes free, and as long as the test."""


@pytest.fixture
def home(home: PostgresHome) -> PostgresHome:
    home.options |= {"ahead": EAGER, "stop_within": 0.2}
    return home


@pytest.fixture
async def busy(make_bench: BenchMaker) -> BackendBench:
    """A process whose slots are taken, with tasks that wait for them here and others in the
    store."""
    bench = make_bench(SLOTS)
    await bench.open()
    await begin_ahead(bench)
    return bench


async def begin_ahead(bench: BackendBench) -> None:
    await end_one_of_many(bench)
    await until(lambda: len(ahead(bench)) == AHEAD, "tasks are claimed ahead")
    assert len(bench.runner.running) == SLOTS


async def end_one_of_many(bench: BackendBench, type_name: str = "Quick") -> None:
    await bench.backend.submit([bench.record(type_name) for _ in range(TASKS)])
    await bench.count_started(SLOTS)
    await bench.written()
    bench.runner.end(bench.runner.running[0])


def ahead(bench: BackendBench) -> Sequence[TaskRecord]:
    """The tasks that this process has claimed and not begun, the first claimed first."""
    newest = {item.id: item for item in bench.changes}
    begun = {(item.id, item.attempt) for item in bench.runner.started}
    own = bench.runner.started[0].process
    return [
        item
        for item in newest.values()
        if item.status is RUNNING and item.process == own and (item.id, item.attempt) not in begun
    ]


async def wait_again(bench: BackendBench, records: Sequence[TaskRecord]) -> None:
    """Wait until these tasks, which have not begun, wait again; that is counted nowhere."""
    for record in records:
        waiting = await bench.reaches(
            record.id, lambda item: item.status is PENDING and item.attempt == 1
        )
        assert (waiting.interruptions, waiting.failures) == (0, 0)
        assert [item.outcome for item in await bench.failures(record.id)] == ["not begun"]


async def all_end(bench: BackendBench, count: int = TASKS) -> None:
    def have_ended() -> bool:
        assert len(bench.runner.running) <= bench.max_concurrency
        bench.runner.end_all()
        return sum(item.status is COMPLETED for item in bench.changes) >= count

    await until(have_ended, f"{count} tasks are Completed")


@pytest.fixture
async def far_busy(home: PostgresHome, proxy: Proxy) -> AsyncIterator[BackendBench]:
    """The same, beyond the proxy."""
    bench = BackendBench(PostgresHome(home.server, proxy.url, **home.options), SLOTS)
    await bench.open()
    await begin_ahead(bench)
    yield bench
    proxy.heal()
    await bench.close()


# What it is for


async def test_slots_that_become_free_are_taken_in_turn_without_the_server(
    far_busy: BackendBench, proxy: Proxy
) -> None:
    expected = [item.id for item in ahead(far_busy)]
    proxy.cut()
    far_busy.runner.end_all()
    await far_busy.count_started(1 + 2 * SLOTS)
    far_busy.runner.end_all()
    await far_busy.count_started(1 + 3 * SLOTS)
    assert [item.id for item in far_busy.runner.started[1 + SLOTS :]] == expected[: 2 * SLOTS]
    assert len(far_busy.runner.running) == SLOTS


async def test_the_process_runs_no_more_than_it_may_and_everything_ends_once(
    busy: BackendBench,
) -> None:
    await all_end(busy)
    assert len(busy.runner.started) == TASKS
    assert all(item.attempt == 1 for item in busy.runner.started)


async def test_nothing_is_claimed_ahead_while_no_more_tasks_are_due(make_bench: BenchMaker) -> None:
    bench = make_bench(SLOTS)
    await bench.open()
    for _ in range(10):
        await bench.run()
        assert ahead(bench) == []
        bench.runner.end_all()


async def test_an_urgent_task_waits_for_no_more_than_those_ahead(busy: BackendBench) -> None:
    urgent = await busy.submit(priority=9)
    before = {item.id for item in ahead(busy)}
    while not any(item.id == urgent for item in busy.runner.started):
        busy.runner.end(busy.runner.running[0])
        await busy.written()
    begun = [item.id for item in busy.runner.started[1 + SLOTS :]]
    assert set(begun[: begun.index(urgent)]) <= before


async def test_what_waits_for_a_slot_is_not_said_to_run_in_the_process(busy: BackendBench) -> None:
    running = {item.id for item in busy.runner.running}

    async def said() -> bool:
        (process,) = await busy.backend.processes()
        return (process.running, set(process.tasks)) == (SLOTS, running)

    for _ in range(400):
        if await said():
            return
        await asyncio.sleep(0.01)
    pytest.fail("the heartbeat does not say what runs")


# A stop


async def test_a_stop_hands_back_what_waits_for_a_slot(busy: BackendBench) -> None:
    left = ahead(busy)
    serving = asyncio.create_task(busy.stop_serving())
    await wait_again(busy, left)
    await serving
    assert len(busy.runner.started) == 1 + SLOTS
    await busy.serve()
    await all_end(busy)


async def test_what_a_claim_gives_during_a_stop_is_handed_back(
    far_busy: BackendBench, web: BackendBench, proxy: Proxy
) -> None:
    held = proxy.lose(await claims_of(far_busy), holds=True)
    far_busy.runner.end_all()
    await held.happened.wait()
    begun = len(far_busy.runner.started)
    stopping = asyncio.create_task(far_busy.backend.stop_serving())
    await asyncio.sleep(0)
    held.release.set()
    await stopping
    await until(lambda: ahead(far_busy) == [], "nothing is left behind")
    assert len(far_busy.runner.started) - begun <= SLOTS
    await far_busy.stop_serving()
    await far_busy.written()
    assert (await web.backend.list(TaskQuery(statuses=[RUNNING]))).records == []


# A cancel


async def test_a_cancel_ends_what_waits_for_a_slot(busy: BackendBench) -> None:
    first, *others = ahead(busy)
    assert await busy.backend.request_cancel(first.id)
    await busy.reaches(first.id, CANCELLED)
    await all_end(busy, TASKS - 1)
    assert not any(item.id == first.id for item in busy.runner.started)
    assert busy.runner.cancelled == []
    assert others[0].id == busy.runner.started[1 + SLOTS].id


async def test_a_cancel_in_another_process_ends_what_waits_for_a_slot(
    busy: BackendBench, web: BackendBench
) -> None:
    first, *_ = ahead(busy)
    assert await web.backend.request_cancel(first.id)
    await web.reaches(first.id, CANCELLED)
    assert not any(item.id == first.id for item in busy.runner.started)


# A pause


async def test_nothing_of_a_type_begins_once_it_is_paused(busy: BackendBench) -> None:
    left, begun = ahead(busy), len(busy.runner.started)
    await busy.backend.pause("Quick", None)
    busy.runner.end_all()
    await wait_again(busy, left)
    await busy.written()
    assert len(busy.runner.started) == begun
    await busy.backend.resume("Quick")
    await all_end(busy)


async def test_a_pause_in_another_process_hands_back_what_waits_for_a_slot(
    busy: BackendBench, web: BackendBench
) -> None:
    left = ahead(busy)
    await web.backend.pause("Quick", None)
    await wait_again(busy, left)


async def test_other_types_go_on_where_all_that_waits_for_a_slot_is_paused(
    busy: BackendBench,
) -> None:
    other = await busy.submit("Other")
    await busy.backend.pause("Quick", None)
    busy.runner.end_all()
    await busy.started(other)


# A crash


async def test_a_crash_lets_what_waits_for_a_slot_run_again(busy: BackendBench) -> None:
    left = {item.id for item in ahead(busy)}
    await busy.reopen(crash=True)
    await all_end(busy, TASKS - 1)
    again = {item.id: item.interruptions for item in busy.runner.started if item.attempt == 2}
    assert left <= again.keys()
    assert set(again.values()) == {1}


@pytest.mark.parametrize("options", [{"rerun_interrupted": False}, {"max_interruptions": 1}])
async def test_what_a_crash_would_end_does_not_wait_for_a_slot(
    make_bench: BenchMaker, options: dict[str, object]
) -> None:
    bench = make_bench(SLOTS)
    await bench.open(serving=False)
    await bench.reopen(registry=make_registry(Quick=options))
    await end_one_of_many(bench)
    await until(lambda: len(handed_back(bench)) == AHEAD, "they are handed back")
    await bench.written()
    stored = await bench.backend.list(TaskQuery(limit=1000, statuses=[RUNNING]))
    assert {item.id for item in stored.records} == {item.id for item in bench.runner.running}


def handed_back(bench: BackendBench) -> Sequence[TaskRecord]:
    return [item for item in bench.changes if item.status is PENDING and item.attempt == 1]


# Others


async def test_an_idle_process_gets_what_waits_in_vain_for_a_slot(
    home: PostgresHome, make_bench: BenchMaker
) -> None:
    home.options["ahead"] = evolve(EAGER, kept_for=0.2)
    stuck = make_bench(SLOTS)
    await stuck.open()
    await begin_ahead(stuck)
    idle = make_bench()
    await idle.open()
    await idle.count_started(TASKS - 1 - SLOTS)
    # For a while nothing is claimed ahead: an end makes room for one task.
    await idle.backend.stop_serving()
    await stuck.backend.submit([stuck.record() for _ in range(TASKS)])
    begun = len(stuck.runner.started)
    stuck.runner.end(stuck.runner.running[0])
    await stuck.count_started(begun + 1)
    await stuck.written()
    assert ahead(stuck) == []


async def test_what_waits_for_a_slot_counts_in_the_limit_of_its_type(
    make_bench: BenchMaker, web: BackendBench
) -> None:
    one, other = make_bench(1), make_bench()
    await one.open()
    await other.open()
    await web.backend.submit([web.record("Limited") for _ in range(10)])

    def have_ended() -> bool:
        runs = one.runner.running + other.runner.running
        assert sum(item.type == "Limited" for item in runs) <= 2
        for bench in (one, other):
            bench.runner.end_all()
        return sum(item.status is COMPLETED for item in web.changes) >= 10

    await until(have_ended, "all are Completed")


async def test_a_claim_ahead_whose_answer_is_lost_is_begun_within_the_slots(
    far_busy: BackendBench, proxy: Proxy
) -> None:
    loss = proxy.lose(await claims_of(far_busy))
    await all_end(far_busy)
    assert loss.happened.is_set()
    assert len(far_busy.runner.started) == TASKS
