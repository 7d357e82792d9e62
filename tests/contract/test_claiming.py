"""Who is given an attempt, when, and in which order."""

import asyncio
import random
from datetime import timedelta

import pytest

from bgtasks.core.events import Completed, Ended, Failed
from bgtasks.core.record import TaskQuery
from bgtasks.models import BackgroundTaskStatus
from bgtasks.testing.conformance import BackendBench, BenchMaker
from bgtasks.testing.conformance_types import make_registry

PENDING = BackgroundTaskStatus.PENDING
RUNNING = BackgroundTaskStatus.RUNNING


async def test_a_claim_is_stored_before_its_attempt_starts(bench: BackendBench) -> None:
    record = await bench.run()
    stored = await bench.get(record.id)
    assert stored == record
    assert (stored.status, stored.attempt, stored.revision) == (RUNNING, 1, 2)
    assert stored.started_at == bench.clock.now()
    assert [item.status for item in bench.announced(record.id)] == [PENDING, RUNNING]


async def test_higher_priority_goes_first_then_the_longer_wait(make_bench: BenchMaker) -> None:
    bench = make_bench(max_concurrency=1)
    await bench.open()
    first = await bench.run()
    order = random.Random(1)
    waiting = []
    for number in range(30):
        priority, type_name = order.choice([-1, 0, 0, 3]), order.choice(["Quick", "Other"])
        waiting.append((-priority, number, await bench.submit(type_name, priority=priority)))
    bench.runner.end(first)
    for _, _, expected in sorted(waiting):
        record = await bench.started(expected)
        assert bench.runner.running == [record]
        bench.runner.end(record)


async def test_a_new_task_does_not_overtake_one_that_waits_for_the_same_place(
    make_bench: BenchMaker,
) -> None:
    bench = make_bench(max_concurrency=1)
    await bench.open()
    for _ in range(30):
        running = await bench.run("Limited")
        waiting = await bench.submit("Quick")
        bench.runner.end(running)
        await asyncio.sleep(0)  # the end is handed over, the new task comes right behind it
        new = await bench.submit("Other")
        await bench.count_started(len(bench.runner.started) + 1 - bool(bench.runner.running))
        (next_one,) = bench.runner.running
        assert next_one.id == waiting
        bench.runner.end(next_one)
        bench.runner.end(await bench.started(new))


async def test_the_process_runs_no_more_than_it_may(make_bench: BenchMaker) -> None:
    bench = make_bench(max_concurrency=3)
    await bench.open()
    await bench.backend.submit([bench.record(name) for name in ("Quick", "Other") * 10])
    for done in range(20):
        await bench.count_started(min(done + 3, 20))
        await bench.written()
        assert len(bench.runner.running) == min(3, 20 - done)
        bench.runner.end(bench.runner.running[0])


async def test_a_type_runs_no_more_than_it_may_and_holds_nobody_up(bench: BackendBench) -> None:
    await bench.backend.submit([bench.record("Limited", priority=9) for _ in range(5)])
    other = await bench.run("Quick")
    await bench.written()
    assert [item.type for item in bench.runner.running] == ["Limited", "Limited", "Quick"]
    bench.runner.end(other)
    for expected in (2, 2, 2, 2, 1):
        await bench.written()
        assert len(bench.runner.running) == expected
        bench.runner.end(bench.runner.running[0])


async def test_a_place_is_free_only_when_the_attempt_has_really_ended(bench: BackendBench) -> None:
    first, _ = await bench.run("Limited"), await bench.run("Limited")
    third = await bench.submit("Limited")
    bench.backend.save(first.id, Ended(first.attempt, Completed()))
    await bench.reaches(first.id, BackgroundTaskStatus.COMPLETED)
    await bench.written()
    assert (await bench.get(third)).status is PENDING
    bench.runner.end(first)
    await bench.started(third)


async def test_a_task_retried_while_its_old_attempt_ends_costs_no_place(
    bench: BackendBench,
) -> None:
    for _ in range(3):
        first = await bench.run("Limited")
        bench.backend.save(first.id, Ended(first.attempt, Failed("no")))
        await bench.reaches(first.id, BackgroundTaskStatus.FAILED)
        assert await bench.backend.retry(first.id)
        second = await bench.started(first.id, attempt=2)
        bench.runner.end(first)
        await bench.written()
        assert (await bench.get(first.id)).status is RUNNING
        bench.runner.end(second)
        await bench.reaches(first.id, BackgroundTaskStatus.COMPLETED)
    await bench.run("Limited")
    await bench.run("Limited")


async def test_an_attempt_that_outlives_its_task_still_takes_its_place(
    bench: BackendBench,
) -> None:
    first = await bench.run("Limited")
    bench.backend.save(first.id, Ended(first.attempt, Failed("no")))
    await bench.reaches(first.id, BackgroundTaskStatus.FAILED)
    assert await bench.backend.retry(first.id)
    second = await bench.started(first.id, attempt=2)
    third = await bench.submit("Limited")
    await bench.written()
    assert bench.runner.running == [first, second]
    bench.runner.end(second)
    await bench.started(third)
    bench.runner.end(first)


async def test_nothing_is_claimed_before_serving(idle_bench: BackendBench) -> None:
    task_id = await idle_bench.submit()
    await idle_bench.written()
    assert idle_bench.runner.started == []
    await idle_bench.serve()
    await idle_bench.started(task_id)


async def test_nothing_is_claimed_after_serving_and_serve_waits_for_what_runs(
    idle_bench: BackendBench,
) -> None:
    bench = idle_bench
    serving = bench.begin_serving()
    running = await bench.run()
    await bench.backend.stop_serving()
    await bench.written()
    waiting = await bench.submit()
    await bench.written()
    assert not serving.done()
    bench.runner.end(running)
    await serving
    await bench.reaches(running.id, BackgroundTaskStatus.COMPLETED)
    assert (await bench.get(waiting)).status is PENDING
    await bench.serve()
    await bench.started(waiting)


async def test_to_stop_serving_before_and_again_and_after_is_harmless(
    make_bench: BenchMaker,
) -> None:
    bench = make_bench()
    await bench.backend.stop_serving()
    await bench.open()
    await bench.run()
    await bench.backend.stop_serving()
    await bench.backend.stop_serving()
    await bench.stop_serving()
    await bench.backend.stop_serving()
    await bench.backend.stop()
    await bench.backend.stop_serving()


async def test_a_stop_that_comes_before_serving_has_begun_is_not_lost(
    idle_bench: BackendBench,
) -> None:
    serving = asyncio.create_task(idle_bench.backend.serve(idle_bench.runner))
    await idle_bench.backend.stop_serving()  # the task above has not had its first step
    await asyncio.wait_for(serving, 10)


async def test_once_serving_was_stopped_no_further_attempt_is_started(bench: BackendBench) -> None:
    for _ in range(20):
        handing_in = [asyncio.ensure_future(bench.submit()) for _ in range(5)]
        await asyncio.sleep(0)
        await bench.backend.stop_serving()
        count = len(bench.runner.started)
        await asyncio.gather(*handing_in)
        await bench.written()
        assert len(bench.runner.started) == count
        await bench.stop_serving()
        await bench.serve()
        await bench.written()
        bench.runner.end_all()


async def test_a_delayed_task_starts_when_its_time_has_come(bench: BackendBench) -> None:
    task_id = await bench.submit(delay=60)
    await bench.advance(40)
    await bench.written()
    assert bench.runner.started == []
    await bench.advance(20)
    record = await bench.started(task_id)
    assert record.scheduled_at is None
    assert record.revision == 2


async def test_delayed_tasks_start_in_the_order_of_their_times(bench: BackendBench) -> None:
    delays = [50, 10, 40, 14.5, 30, 20]
    ids = {delay: await bench.submit(delay=delay) for delay in delays}
    for delay in sorted(delays):
        await bench.advance(delay - (bench.clock.monotonic()))
        await bench.started(ids[delay])
        await bench.written()
        assert bench.runner.started[-1].id == ids[delay]
    assert len(bench.runner.started) == len(delays)


async def test_many_delayed_tasks_may_come_due_at_once(bench: BackendBench) -> None:
    await bench.backend.submit([bench.record(delay=5) for _ in range(1_300)])
    await bench.advance(5)
    for _ in range(13):
        await bench.count_started(len(bench.runner.started) + 100 - len(bench.runner.running))
        bench.runner.end_all()
    assert len({item.id for item in bench.runner.started}) == 1_300


async def test_an_attempt_that_failed_is_followed_by_another_later(bench: BackendBench) -> None:
    first = await bench.run()
    bench.runner.end(first, Failed("no luck", retry_after=timedelta(seconds=8)))
    waiting = await bench.reaches(first.id, lambda item: item.failures == 1)
    assert waiting.status is PENDING
    assert waiting.scheduled_at == bench.clock.now() + timedelta(seconds=8)
    assert waiting.error_message == "no luck"
    await bench.advance(4)
    await bench.written()
    assert len(bench.runner.started) == 1
    await bench.advance(4)
    second = await bench.started(first.id, attempt=2)
    assert second.error_message is None
    bench.runner.end(second)
    final = await bench.reaches(first.id, BackgroundTaskStatus.COMPLETED)
    assert (final.attempt, final.failures) == (2, 1)


async def test_tasks_of_unregistered_types_wait_and_say_so(durable: BackendBench) -> None:
    waiting = [await durable.submit("Other", delay=3600) for _ in range(3)]
    await durable.reopen(registry=make_registry("Quick"))
    for task_id in waiting:
        found = await durable.reaches(
            task_id, lambda item: "no worker is registered" in (item.status_message or "")
        )
        assert found.status is PENDING
    await durable.advance(3600)
    other = await durable.run("Quick")
    await durable.written()
    assert durable.runner.started == [other]
    await durable.reopen()
    for task_id in waiting:
        record = await durable.started(task_id)
        assert record.status_message is None


async def test_a_task_of_an_unregistered_type_can_be_cancelled(durable: BackendBench) -> None:
    task_id = await durable.submit("Other", delay=1)
    await durable.reopen(registry=make_registry("Quick"))
    assert await durable.backend.request_cancel(task_id)
    assert (await durable.get(task_id)).status is BackgroundTaskStatus.CANCELLED


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_happens_the_limits_hold_and_everything_ends(
    make_bench: BenchMaker, seed: int
) -> None:
    bench = make_bench(max_concurrency=5)
    await bench.open()
    chance = random.Random(seed)
    names = ["Quick", "Other", "Limited"]
    handed_in = 0
    while handed_in < 150 or sum(item.status.is_final for item in bench.changes) < handed_in:
        if handed_in < 150:
            await bench.backend.submit(
                [bench.record(chance.choice(names)) for _ in range(chance.randint(1, 4))]
            )
            handed_in = len({item.id for item in bench.changes})
        assert len(bench.runner.running) <= 5
        assert sum(item.type == "Limited" for item in bench.runner.running) <= 2
        for record in chance.sample(
            bench.runner.running, chance.randint(0, len(bench.runner.running))
        ):
            again = chance.random() < 0.2
            bench.runner.end(
                record, Failed("again", retry_after=timedelta(seconds=1)) if again else None
            )
        if chance.random() < 0.5:
            await bench.written()
        await asyncio.sleep(0)
        await bench.advance(chance.choice([0, 0.5]))
    query = TaskQuery(limit=1000, statuses=[BackgroundTaskStatus.COMPLETED])
    assert len((await bench.backend.list(query)).records) == handed_in
