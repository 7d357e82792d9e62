"""How attempts report and end, and who is told."""

import asyncio
import random
from datetime import timedelta

import pytest

from bgtasks.core.events import Cancelled, Completed, Ended, Failed, Interrupted, Report, Reported
from bgtasks.core.record import TaskRecord
from bgtasks.models import BackgroundTaskStatus
from bgtasks.testing.conformance import BackendBench

LAST = Report(70.0, "nearly", None, '{"n":1}')


async def test_a_completed_attempt_is_final_with_its_last_report(bench: BackendBench) -> None:
    record = await bench.run()
    await bench.advance(5)
    bench.runner.end(record, Completed('{"rows":2}'), LAST)
    final = await bench.reaches(record.id, BackgroundTaskStatus.COMPLETED)
    assert (final.progress, final.status_message, final.payload) == (100.0, "nearly", '{"n":1}')
    assert final.result == '{"rows":2}'
    assert final.completed_at == final.changed_at == bench.clock.now()
    assert final.revision == 3


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Failed("it broke"), BackgroundTaskStatus.FAILED),
        (Cancelled(), BackgroundTaskStatus.CANCELLED),
        (Interrupted("stopped", may_rerun=False), BackgroundTaskStatus.FAILED),
        (Interrupted("stopped", max_interruptions=1), BackgroundTaskStatus.FAILED),
    ],
)
async def test_another_end_is_final_too_and_keeps_the_progress(
    bench: BackendBench, outcome: Failed | Cancelled | Interrupted, status: BackgroundTaskStatus
) -> None:
    record = await bench.run()
    bench.runner.end(record, outcome, LAST)
    final = await bench.reaches(record.id, status)
    assert (final.progress, final.payload) == (70.0, '{"n":1}')
    assert final.completed_at == bench.clock.now()
    assert (final.error_message is not None) is (status is BackgroundTaskStatus.FAILED)


async def test_an_interrupted_attempt_is_followed_by_another(bench: BackendBench) -> None:
    record = await bench.run()
    for attempt in (2, 3):
        bench.runner.end(record, Interrupted("stopped"))
        record = await bench.started(record.id, attempt)
        assert record.interruptions == attempt - 1
    bench.runner.end(record, Interrupted("stopped"))
    final = await bench.reaches(record.id, BackgroundTaskStatus.FAILED)
    assert "3 times" in (final.error_message or "")


async def test_a_report_is_stored_and_announced(bench: BackendBench) -> None:
    record = await bench.run()
    bench.backend.save(record.id, Reported(1, LAST))
    stored = await bench.reaches(record.id, lambda item: item.progress == 70)
    assert stored.status is BackgroundTaskStatus.RUNNING
    assert (stored.status_message, stored.payload) == ("nearly", '{"n":1}')
    assert bench.announced(record.id)[-1] == stored


async def test_of_several_reports_the_newest_is_always_stored(bench: BackendBench) -> None:
    records = [await bench.run() for _ in range(5)]
    for progress in range(1, 100):
        for record in records:
            bench.save(record, progress)
        if progress % 10 == 0:
            await asyncio.sleep(0)
    for record in records:
        await bench.reaches(record.id, lambda item: item.progress == 99)
        shown = [item.progress for item in bench.announced(record.id)]
        assert shown == sorted(shown)
        assert shown[-1] == 99


async def test_a_report_on_its_way_does_not_outlive_the_end(bench: BackendBench) -> None:
    for _ in range(20):
        record = await bench.run()
        bench.save(record, 30)
        bench.runner.end(record, Completed(), Report(60, "end", None, None))
        final = await bench.reaches(record.id, BackgroundTaskStatus.COMPLETED)
        await bench.written()
        assert await bench.get(record.id) == final
        assert final.status_message == "end"
        assert bench.announced(record.id)[-1] == final


async def test_a_final_status_counts_while_the_worker_goes_on(bench: BackendBench) -> None:
    record = await bench.run()
    bench.backend.save(record.id, Ended(1, Failed("said so"), LAST))
    final = await bench.reaches(record.id, BackgroundTaskStatus.FAILED)
    bench.save(record, 99)
    bench.runner.end(record, Completed())
    await bench.written()
    assert await bench.get(record.id) == final
    assert bench.announced(record.id)[-1] == final


async def test_what_an_older_attempt_says_changes_nothing(bench: BackendBench) -> None:
    first = await bench.run()
    bench.runner.end(first, Failed("again", retry_after=timedelta(0)))
    await bench.reaches(first.id, lambda item: item.failures == 1)
    await bench.advance(0)
    second = await bench.started(first.id, attempt=2)
    bench.save(first, 50, "late report")
    for outcome in (Completed(), Cancelled(), Failed("late"), Interrupted("late")):
        bench.backend.save(first.id, Ended(first.attempt, outcome, LAST))
    await bench.written()
    assert await bench.get(first.id) == second
    assert bench.announced(first.id)[-1] == second
    assert len(await bench.failures(first.id)) == 1


async def test_what_is_said_of_unknown_waiting_and_final_tasks_changes_nothing(
    bench: BackendBench,
) -> None:
    final = await bench.get(await bench.finished())
    waiting = await bench.get(await bench.submit(delay=60))
    count = len(bench.changes)
    for record in (final, waiting, bench.record()):
        for attempt in (0, 1, 2):
            bench.backend.save(record.id, Reported(attempt, LAST))
            bench.backend.save(record.id, Ended(attempt, Failed("late"), LAST))
    await bench.written()
    assert await bench.get(final.id) == final
    assert await bench.get(waiting.id) == waiting
    assert len(bench.changes) == count


async def test_saving_before_start_and_after_stop_raises_nothing(bench: BackendBench) -> None:
    record = await bench.run()
    fresh = BackendBench(bench.home)
    fresh.save(record, 10)
    await bench.close()
    bench.save(record, 10)
    bench.backend.save(record.id, Ended(1, Completed()))


async def test_revisions_rise_by_one_and_are_announced_in_order(bench: BackendBench) -> None:
    chance = random.Random(5)
    ids = [await bench.submit(chance.choice(["Quick", "Limited"])) for _ in range(40)]
    for _ in range(300):
        if chance.random() < 0.2:
            await bench.backend.request_cancel(chance.choice(ids))
        if chance.random() < 0.2:
            await bench.backend.retry(chance.choice(ids))
        if bench.runner.running:
            record = chance.choice(bench.runner.running)
            if chance.random() < 0.6:
                bench.save(record, chance.random() * 100)
            else:
                later = timedelta(seconds=1) if chance.random() < 0.5 else None
                outcomes = (Completed(), Cancelled(), Failed("x", None, later), Interrupted("y"))
                bench.runner.end(record, chance.choice(outcomes))
        if chance.random() < 0.3:
            await bench.advance(1)
            await asyncio.sleep(0.001)
    await bench.written()
    for task_id in ids:
        announced = bench.announced(task_id)
        assert [item.revision for item in announced] == [*range(1, len(announced) + 1)]
        stored = await bench.get(task_id)
        assert announced[-1]._replace(data=stored.data) == stored
        finals = [item.revision for item in announced if item.status.is_final]
        retried = sum(item.status_message == "Waiting to run again" for item in announced)
        assert len(finals) <= retried + 1


async def test_what_is_announced_is_stored_already(bench: BackendBench) -> None:
    questions: list[asyncio.Task[tuple[TaskRecord, TaskRecord]]] = []

    async def ask(told: TaskRecord) -> tuple[TaskRecord, TaskRecord]:
        return told, await bench.get(told.id)

    bench.backend.subscribe(lambda told: questions.append(asyncio.create_task(ask(told))))
    for _ in range(20):
        await bench.finished()
    for told, stored in await asyncio.gather(*questions):
        assert stored.revision >= told.revision
        assert stored == told or not told.status.is_final


async def test_every_subscriber_is_told_until_it_unsubscribes(bench: BackendBench) -> None:
    one: list[TaskRecord] = []
    two: list[TaskRecord] = []
    stop_one = bench.backend.subscribe(one.append)
    bench.backend.subscribe(two.append)
    first = await bench.finished()
    stop_one()
    stop_one()
    second = await bench.finished()
    assert {item.id for item in one} == {first}
    assert {item.id for item in two} == {first, second}


async def test_a_handler_that_fails_keeps_nobody_from_hearing(
    bench: BackendBench, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: TaskRecord) -> None:
        raise RuntimeError("handler is broken")

    told: list[TaskRecord] = []
    bench.backend.subscribe(fail)
    bench.backend.subscribe(told.append)
    task_id = await bench.finished()
    assert [item.id for item in told] == [task_id] * 3
    assert "handler is broken" in caplog.text


async def test_one_function_subscribed_twice_is_told_twice_and_leaves_one_at_a_time(
    bench: BackendBench,
) -> None:
    told: list[TaskRecord] = []

    def handler(record: TaskRecord) -> None:
        told.append(record)

    stop = bench.backend.subscribe(handler)
    bench.backend.subscribe(handler)
    await bench.finished()
    assert len(told) == 6
    stop()
    await bench.finished()
    assert len(told) == 9


NEVER_STORED = Report(70.0, "nearly", None, '"\udcff"')
"""No store takes a lone surrogate; what a payload is encoded to never has one."""


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "ended"])
async def test_an_outcome_that_can_never_be_stored_ends_as_a_failure_that_says_so(
    bench: BackendBench, declared: bool
) -> None:
    """FAULTS 2: its place is free again, and a stop waits for nothing."""
    records = [await bench.run("Limited") for _ in range(2)]
    waiting = await bench.submit("Limited")
    for record in records:
        if declared:
            bench.backend.save(record.id, Ended(1, Completed(), NEVER_STORED))
            await bench.reaches(record.id, BackgroundTaskStatus.FAILED)
        bench.runner.end(record, Completed(), NEVER_STORED)
    for record in records:
        final = await bench.reaches(record.id, BackgroundTaskStatus.FAILED)
        assert (final.error_message or "").startswith("The outcome could not be stored: ")
    await bench.started(waiting)
    await bench.close()


async def test_a_report_that_can_never_be_stored_keeps_back_no_other(bench: BackendBench) -> None:
    """FAULTS 2"""
    bad, good = await bench.run(), await bench.run()
    bench.backend.save(bad.id, Reported(1, NEVER_STORED))
    bench.save(good, 20)
    await bench.reaches(good.id, lambda item: item.progress == 20)
    bench.save(bad, 30)
    assert (await bench.reaches(bad.id, lambda item: item.progress == 30)).payload is None
