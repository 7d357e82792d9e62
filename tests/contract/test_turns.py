"""Fairness by key: ``Keyed`` runs one task of each key at once, ``Paired`` two."""

from datetime import timedelta

import pytest

from bgtasks.core.events import Failed, Interrupted
from bgtasks.core.limits import PerKey
from bgtasks.core.record import TaskRecord, waiting_for
from bgtasks.core.retention import PruneRule
from bgtasks.models import BackgroundTaskStatus
from bgtasks.testing.conformance import BackendBench
from bgtasks.testing.conformance_types import make_registry

PENDING = BackgroundTaskStatus.PENDING
CANCELLED = BackgroundTaskStatus.CANCELLED
COMPLETED = BackgroundTaskStatus.COMPLETED
FAILED = BackgroundTaskStatus.FAILED

ADA, BOB = '"ada"', '"bob"'


def is_held(record: TaskRecord) -> bool:
    return record.held


async def running(bench: BackendBench) -> list[str | None]:
    """The keys of what runs once nothing more can be started."""
    await bench.written()
    return [item.turn_key for item in bench.runner.running]


async def test_beyond_the_limit_of_its_key_a_task_is_held_and_says_so(bench: BackendBench) -> None:
    first = await bench.run("Keyed", turn_key=ADA)
    second = await bench.submit("Keyed", turn_key=ADA)
    stored = await bench.get(second)
    assert (stored.status, waiting_for(stored), stored.revision) == (PENDING, "turn", 1)
    bench.runner.end(first)
    await bench.started(second)
    assert waiting_for(await bench.get(second)) is None
    assert [item.held for item in bench.announced(second)] == [True, False, False]


async def test_keys_are_fair_to_each_other(bench: BackendBench) -> None:
    """Ada's many cost Bob nothing, though she was first."""
    await bench.backend.submit([bench.record("Paired", turn_key=ADA) for _ in range(300)])
    await bench.count_started(2)
    await bench.run("Paired", turn_key=BOB)
    assert await running(bench) == [ADA, ADA, BOB]
    bench.runner.end(bench.runner.running[0])
    await bench.count_started(4)
    assert sorted(filter(None, await running(bench))) == [ADA, ADA, BOB]


async def test_the_turn_goes_by_priority_and_then_by_age(bench: BackendBench) -> None:
    first = await bench.run("Keyed", turn_key=ADA)
    waiting = [
        (-priority, number, await bench.submit("Keyed", turn_key=ADA, priority=priority))
        for number, priority in enumerate([0, 5, 0, -3, 5, 0])
    ]
    bench.runner.end(first)
    for _, _, expected in sorted(waiting):
        record = await bench.started(expected)
        assert await running(bench) == [ADA]
        bench.runner.end(record)


async def test_tasks_without_a_key_and_of_other_types_take_no_turn(bench: BackendBench) -> None:
    await bench.run("Keyed", turn_key=ADA)
    await bench.run("Keyed")
    await bench.run("Paired", turn_key=ADA)


async def test_a_held_task_can_be_cancelled_and_costs_nobody_a_turn(bench: BackendBench) -> None:
    first = await bench.run("Keyed", turn_key=ADA)
    second, third = [await bench.submit("Keyed", turn_key=ADA) for _ in range(2)]
    cancelled = await bench.backend.request_cancel(second)
    assert cancelled is not None
    assert (cancelled.status, cancelled.held) == (CANCELLED, False)
    assert await running(bench) == [ADA]
    bench.runner.end(first)
    await bench.started(third)


async def test_a_task_that_is_cancelled_before_it_started_leaves_its_turn(
    bench: BackendBench,
) -> None:
    await bench.backend.pause("Keyed", None)
    first, second = [await bench.submit("Keyed", turn_key=ADA) for _ in range(2)]
    assert is_held(await bench.get(second))
    assert await bench.backend.request_cancel(first)
    await bench.reaches(second, lambda found: not found.held)
    await bench.backend.resume("Keyed")
    await bench.started(second)


async def test_a_cancelled_attempt_keeps_its_turn_until_it_has_ended(bench: BackendBench) -> None:
    first = await bench.run("Keyed", turn_key=ADA)
    second = await bench.submit("Keyed", turn_key=ADA)
    assert await bench.backend.request_cancel(first.id)
    await bench.written()
    assert is_held(await bench.get(second))
    bench.runner.end(first)
    await bench.started(second)


async def test_who_waits_for_another_attempt_leaves_the_turn_and_stands_in_line_again(
    bench: BackendBench,
) -> None:
    first = await bench.run("Keyed", turn_key=ADA)
    second = await bench.submit("Keyed", turn_key=ADA)
    bench.runner.end(first, Failed("no", retry_after=timedelta(seconds=5)))
    other = await bench.started(second)
    assert waiting_for(await bench.get(first.id), bench.clock.now()) == "time"
    await bench.advance(5.1)
    await bench.reaches(first.id, is_held)
    assert await running(bench) == [ADA]
    bench.runner.end(other)
    await bench.started(first.id, attempt=2)


async def test_a_delayed_task_takes_no_turn_before_its_time(bench: BackendBench) -> None:
    later = await bench.submit("Keyed", turn_key=ADA, delay=10)
    first = await bench.run("Keyed", turn_key=ADA)
    bench.runner.end(first)
    await bench.reaches(first.id, COMPLETED)
    second = await bench.run("Keyed", turn_key=ADA)
    await bench.advance(10.1)
    await bench.reaches(later, is_held)
    bench.runner.end(second)
    await bench.started(later)


async def test_a_task_that_is_retried_by_hand_stands_in_line(bench: BackendBench) -> None:
    first = await bench.run("Keyed", turn_key=ADA)
    bench.runner.end(first, Failed("no"))
    await bench.reaches(first.id, FAILED)
    second = await bench.run("Keyed", turn_key=ADA)
    assert await bench.backend.retry(first.id)
    await bench.reaches(first.id, is_held)
    assert await running(bench) == [ADA]
    bench.runner.end(second)
    await bench.started(first.id, attempt=2)


async def test_an_interrupted_task_keeps_its_turn(bench: BackendBench) -> None:
    first = await bench.run("Keyed", turn_key=ADA)
    second = await bench.submit("Keyed", turn_key=ADA)
    bench.runner.end(first, Interrupted("a stop"))
    again = await bench.started(first.id, attempt=2)
    assert is_held(await bench.get(second))
    bench.runner.end(again)
    await bench.started(second)


async def test_one_that_fails_for_good_and_one_that_is_pruned_hold_nobody_up(
    bench: BackendBench,
) -> None:
    first = await bench.run("Keyed", turn_key=ADA)
    second, third = [await bench.submit("Keyed", turn_key=ADA) for _ in range(2)]
    bench.runner.end(first, Failed("no"))
    other = await bench.started(second)
    bench.clock.advance(10)
    assert await bench.backend.prune(PruneRule(timedelta(seconds=1)), 10) == 1
    bench.runner.end(other)
    await bench.started(third)


async def test_several_of_a_key_in_one_go_keep_the_limit(bench: BackendBench) -> None:
    keys = [ADA, BOB, ADA, ADA, BOB, ADA]
    await bench.backend.submit([bench.record("Paired", turn_key=key) for key in keys])
    await bench.count_started(4)
    assert await running(bench) == [ADA, BOB, ADA, BOB]
    bench.runner.end_all()
    await bench.count_started(6)
    assert await running(bench) == [ADA, ADA]


@pytest.mark.parametrize("crash", [False, True])
async def test_whoever_has_the_turn_has_it_after_a_restart(
    durable: BackendBench, crash: bool
) -> None:
    first = await durable.run("Keyed", turn_key=ADA)
    second = await durable.submit("Keyed", turn_key=ADA)
    await durable.reopen(crash=crash)
    again = await durable.started(first.id, attempt=2)
    assert await running(durable) == [ADA]
    durable.runner.end(again)
    await durable.started(second)


async def test_a_task_that_may_not_run_again_after_a_crash_leaves_its_turn(
    durable: BackendBench,
) -> None:
    options = {"Once": {"rerun_interrupted": False, "per_key": PerKey(1)}}
    await durable.reopen(registry=make_registry(**options))
    await durable.run("Once", turn_key=ADA)
    second = await durable.submit("Once", turn_key=ADA)
    await durable.reopen(registry=make_registry(**options), crash=True)
    await durable.started(second)


@pytest.mark.parametrize("types", [{"Keyed": {}}, None])
async def test_a_limit_that_was_raised_or_left_out_holds_nobody(
    durable: BackendBench, types: dict[str, dict[str, object]] | None
) -> None:
    await durable.run("Keyed", turn_key=ADA)
    waiting = [await durable.submit("Keyed", turn_key=ADA) for _ in range(3)]
    options = types or {"Keyed": {"per_key": PerKey(4)}}
    await durable.reopen(registry=make_registry(**options))
    for task in waiting:
        await durable.started(task)


async def test_a_limit_that_was_lowered_holds_what_comes(durable: BackendBench) -> None:
    for _ in range(2):
        await durable.run("Paired", turn_key=ADA)
    await durable.reopen(registry=make_registry(Paired={"per_key": PerKey(1)}))
    await durable.count_started(2)
    third = await durable.submit("Paired", turn_key=ADA)
    durable.runner.end(durable.runner.running[0])
    assert await running(durable) == [ADA]
    durable.runner.end(durable.runner.running[0])
    await durable.started(third)
