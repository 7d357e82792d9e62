"""Schedules as a store keeps them: a tick is fired once, with its task or without."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from bgtasks.core.record import NOT_YET, TaskRecord
from bgtasks.core.schedules.record import MAX_TICKS, Firing, ScheduleRecord
from bgtasks.testing.conformance import BackendBench

HOUR = timedelta(hours=1)


def schedule(bench: BackendBench, name: str = "work", **fields: Any) -> ScheduleRecord:
    """A schedule whose first tick is now."""
    now = bench.clock.now()
    made: dict[str, Any] = {"type": "Quick", "spec": "{}", "digest": "abc", "paused_at": None}
    made |= {"next_tick": now, "due_at": now, "seen_at": now}
    return ScheduleRecord(name=name, **(made | fields))


async def registered(bench: BackendBench, name: str = "work", **fields: Any) -> ScheduleRecord:
    record = schedule(bench, name, **fields)
    await bench.backend.schedules.register([record], only_new=False)
    return record


def firing(bench: BackendBench, record: ScheduleRecord, **fields: Any) -> Firing:
    """What a process writes that found the next tick of ``record`` due."""
    tick = record.next_tick
    assert tick is not None
    made: dict[str, Any] = {
        "name": record.name,
        "digest": record.digest,
        "overlap": "skip",
        "expected": tick,
        "tick": tick,
        "missed": 0,
        "next_tick": tick + HOUR,
        "due_at": tick + HOUR,
        "task": task_of(bench, record, tick=tick),
    }
    return Firing(**(made | fields))


def task_of(bench: BackendBench, record: ScheduleRecord, **fields: Any) -> TaskRecord:
    return bench.record(record.type, schedule=record.name, **fields)


async def stored(bench: BackendBench, name: str = "work") -> ScheduleRecord:
    (record,) = await bench.backend.schedules.read([name])
    return record


async def test_a_schedule_is_read_as_it_was_registered(idle_bench: BackendBench) -> None:
    bench = idle_bench
    one = await registered(bench, "one", paused_at=bench.clock.now())
    two = await registered(bench, "two", next_tick=None, due_at=None, last_error="é\n")
    store = bench.backend.schedules
    assert list(await store.read()) == [one, two]
    assert list(await store.read(["two", "three"])) == [two]
    assert list(await store.read(after="one")) == [two]
    assert list(await store.read(limit=1)) == [one]


async def test_who_registers_last_wins_but_for_a_pause_and_what_has_come_of_it(
    idle_bench: BackendBench,
) -> None:
    bench, store = idle_bench, idle_bench.backend.schedules
    record = await registered(bench)
    assert await store.fire(firing(bench, record)) == "submitted"
    assert await store.pause("work", bench.clock.now())
    before = await stored(bench)
    other = schedule(bench, spec="[]", digest="other", next_tick=bench.clock.now() + 5 * HOUR)
    await store.register([other], only_new=True)
    assert await stored(bench) == before
    await store.register([other], only_new=False)
    after = await stored(bench)
    assert (after.digest, after.spec, after.next_tick) == ("other", "[]", other.next_tick)
    assert after.paused_at == bench.clock.now()
    assert (after.last_tick, after.last_task) == (before.last_tick, before.last_task)


async def test_a_tick_is_fired_once_with_its_task(bench: BackendBench) -> None:
    store = bench.backend.schedules
    record = await registered(bench)
    what = firing(bench, record, missed=3)
    assert what.task is not None
    assert await store.fire(what) == "submitted"
    assert await store.fire(firing(bench, record)) is None
    started = await bench.started(what.task.id)
    assert (started.schedule, started.tick) == ("work", record.next_tick)
    after = await stored(bench)
    assert (after.next_tick, after.last_tick) == (what.next_tick, record.next_tick)
    assert (after.last_task, after.skipped, after.last_error) == (what.task.id, 0, None)
    (tick,) = (await store.ticks(["work"]))["work"]
    assert (tick.tick, tick.outcome, tick.task) == (record.next_tick, "submitted", what.task.id)
    assert tick.missed == 3


async def test_of_many_that_fire_a_tick_at_once_one_does(idle_bench: BackendBench) -> None:
    bench, store = idle_bench, idle_bench.backend.schedules
    record = await registered(bench)
    outcomes = await asyncio.gather(
        *(store.fire(firing(bench, record, overlap="allow")) for _ in range(30))
    )
    assert sorted(map(str, outcomes)) == ["None"] * 29 + ["submitted"]


@pytest.mark.parametrize("change", ["digest", "expected", "paused", "early", "gone"])
async def test_nothing_is_fired_for_a_schedule_that_is_not_what_was_decided_on(
    idle_bench: BackendBench, change: str
) -> None:
    bench, store = idle_bench, idle_bench.backend.schedules
    late = bench.clock.now() + timedelta(days=3650)
    record = await registered(bench, due_at=late) if change == "early" else await registered(bench)
    fields: dict[str, dict[str, Any]] = {
        "digest": {"digest": "other"},
        "expected": {"expected": bench.clock.now() - HOUR},
    }
    if change == "paused":
        await store.pause("work", bench.clock.now())
    if change == "gone":
        record = schedule(bench, "gone")
    what = firing(bench, record, **fields.get(change, {}))
    assert await store.fire(what) is None
    assert what.task is not None
    assert await bench.backend.get(what.task.id) is None


async def test_what_submits_no_task_is_written_too(idle_bench: BackendBench) -> None:
    bench, store = idle_bench, idle_bench.backend.schedules
    record = await registered(bench)
    assert await store.fire(firing(bench, record, task=None)) == "missed"
    after = await stored(bench)
    assert (after.last_tick, after.last_task, after.last_error) == (record.next_tick, None, None)
    (tick,) = (await store.ticks(["work"]))["work"]
    assert (tick.outcome, tick.task) == ("missed", None)


async def test_a_failed_tick_says_why(idle_bench: BackendBench) -> None:
    bench, store = idle_bench, idle_bench.backend.schedules
    record = await registered(bench)
    failed = firing(bench, record, task=None, outcome="failed", message="no share")
    assert await store.fire(failed) == "failed"
    assert (await stored(bench)).last_error == "no share"
    (tick,) = (await store.ticks(["work"]))["work"]
    assert (tick.outcome, tick.message) == ("failed", "no share")


async def fire_next(bench: BackendBench, overlap: str) -> tuple[str | None, UUID]:
    """Fire the next tick, whose time has come."""
    record = await stored(bench)
    assert record.next_tick is not None
    if record.next_tick > bench.clock.now():
        await bench.advance((record.next_tick - bench.clock.now()).total_seconds())
    what = firing(bench, record, overlap=overlap)
    assert what.task is not None
    return await bench.backend.schedules.fire(what), what.task.id


async def test_skip_while_a_task_has_not_ended(bench: BackendBench) -> None:
    await registered(bench)
    outcome, first = await fire_next(bench, "skip")
    assert outcome == "submitted"
    started = await bench.started(first)
    assert [(await fire_next(bench, "skip"))[0] for _ in range(3)] == ["skipped"] * 3
    bench.runner.end(started)
    await bench.reaches(first, lambda record: record.status.is_final)
    assert (await fire_next(bench, "skip"))[0] == "submitted"
    assert (await stored(bench)).skipped == 3


async def test_wait_holds_one_until_the_one_before_has_ended(bench: BackendBench) -> None:
    store = bench.backend.schedules
    await registered(bench)
    _, first = await fire_next(bench, "wait")
    started = await bench.started(first)
    outcome, held = await fire_next(bench, "wait")
    assert outcome == "submitted"
    assert (await fire_next(bench, "wait"))[0] == "skipped"
    assert (await bench.get(held)).due_at == NOT_YET
    await store.release(["work"])
    await bench.advance(100_000)
    await bench.written()
    assert [record.id for record in bench.runner.started] == [first]
    bench.runner.end(started)
    await bench.reaches(first, lambda record: record.status.is_final)
    await store.release(["work", "other"])
    assert (await bench.started(held)).id == held


async def test_a_held_task_can_be_cancelled_and_run_again(bench: BackendBench) -> None:
    await registered(bench)
    _, first = await fire_next(bench, "wait")
    started = await bench.started(first)
    _, held = await fire_next(bench, "wait")
    cancelled = await bench.backend.request_cancel(held)
    assert cancelled is not None
    assert cancelled.status == "Cancelled"
    outcome, next_held = await fire_next(bench, "wait")
    assert outcome == "submitted"
    assert (await bench.get(next_held)).due_at == NOT_YET
    bench.runner.end(started)
    await bench.reaches(first, lambda record: record.status.is_final)
    assert await bench.backend.retry(held) is not None
    await bench.started(held)


async def test_a_tick_has_one_task_even_if_a_schedule_is_turned_back(
    idle_bench: BackendBench,
) -> None:
    bench, store = idle_bench, idle_bench.backend.schedules
    record = await registered(bench)
    assert await store.fire(firing(bench, record, overlap="allow")) == "submitted"
    await registered(bench, spec="changed")
    assert await store.fire(firing(bench, record, overlap="allow")) == "failed"
    assert (await stored(bench)).next_tick == bench.clock.now() + HOUR


async def test_pause_and_resume(idle_bench: BackendBench) -> None:
    bench, store = idle_bench, idle_bench.backend.schedules
    record = await registered(bench)
    assert not await store.pause("other", bench.clock.now())
    assert await store.pause("work", bench.clock.now())
    assert await store.pause("work", bench.clock.now() + HOUR)
    assert (await stored(bench)).paused_at == bench.clock.now()
    later = bench.clock.now() + 7 * HOUR
    assert await store.resume(record._replace(next_tick=later, due_at=later))
    assert not await store.resume(record)
    after = await stored(bench)
    assert (after.paused_at, after.next_tick, after.due_at) == (None, later, later)


async def test_a_schedule_is_run_by_hand(bench: BackendBench) -> None:
    store = bench.backend.schedules
    record = await registered(bench)
    for _ in range(2):
        task = task_of(bench, record)
        assert await store.run_now("work", task)
        assert (await bench.started(task.id)).tick is None
        assert (await stored(bench)).last_task == task.id
    assert not await store.run_now("other", task_of(bench, schedule(bench, "other")))


async def test_only_the_last_ticks_are_kept(idle_bench: BackendBench) -> None:
    bench, store = idle_bench, idle_bench.backend.schedules
    await registered(bench)
    for _ in range(MAX_TICKS + 5):
        await fire_next(bench, "allow")
    ticks = (await store.ticks(["work", "other"]))["work"]
    assert len(ticks) == MAX_TICKS
    assert ticks[0].tick == (await stored(bench)).last_tick
    assert [tick.tick for tick in ticks] == sorted((tick.tick for tick in ticks), reverse=True)


async def test_changes_are_announced_by_name(idle_bench: BackendBench) -> None:
    bench, store = idle_bench, idle_bench.backend.schedules
    told: list[str] = []
    unsubscribe = bench.backend.subscribe_schedules(told.extend)
    record = await registered(bench)
    await store.fire(firing(bench, record))
    await store.pause("work", bench.clock.now())
    await store.resume(record)
    await store.run_now("work", task_of(bench, record))
    assert told == ["work"] * 5
    unsubscribe()
    await store.pause("work", bench.clock.now())
    assert len(told) == 5


async def test_what_nobody_has_registered_for_long_is_dropped(idle_bench: BackendBench) -> None:
    bench, store = idle_bench, idle_bench.backend.schedules
    names = ["left", "kept"]
    for name in names:
        await registered(bench, name)
    await store.attend(["kept"])
    assert set(await store.registered(names)) == {"kept"}
    await store.drop(bench.clock.now())
    assert {record.name for record in await store.read()} == set(names)
    await store.drop(bench.clock.now() + timedelta(days=3650))
    assert [record.name for record in await store.read()] == ["kept"]


async def test_schedules_outlive_a_crash(durable: BackendBench) -> None:
    record = await registered(durable)
    await durable.backend.schedules.fire(firing(durable, record))
    before = await stored(durable)
    await durable.reopen(crash=True)
    assert await stored(durable) == before
