"""Asking a task not to go on."""

import asyncio
from datetime import timedelta
from uuid import uuid4

from bgtasks.core.events import Cancelled, Completed, Ended, Failed, Interrupted
from bgtasks.core.record import LEFT_OUT, SMALL_PAYLOAD, listed
from bgtasks.models import BackgroundTaskStatus
from bgtasks.testing.conformance import BackendBench, until

CANCELLED = BackgroundTaskStatus.CANCELLED


async def test_a_waiting_task_is_cancelled_at_once(idle_bench: BackendBench) -> None:
    task_id = await idle_bench.submit()
    answer = await idle_bench.backend.request_cancel(task_id)
    final = await idle_bench.get(task_id)
    assert answer == listed(final)
    assert (final.status, final.cancel_requested, final.attempt) == (CANCELLED, True, 0)
    assert final.completed_at == idle_bench.clock.now()
    await idle_bench.serve()
    assert idle_bench.runner.started == []


async def test_a_cancelled_delayed_task_never_starts(bench: BackendBench) -> None:
    task_id = await bench.submit(delay=60)
    assert await bench.backend.request_cancel(task_id)
    final = await bench.get(task_id)
    assert (final.status, final.scheduled_at, final.due_at) == (CANCELLED, None, None)
    await bench.advance(61)
    await bench.written()
    assert bench.runner.started == []


async def test_a_running_task_is_told_and_shows_it(bench: BackendBench) -> None:
    record = await bench.run()
    answer = await bench.backend.request_cancel(record.id)
    asked = await bench.get(record.id)
    assert answer == listed(asked)
    assert asked.status is BackgroundTaskStatus.RUNNING
    assert (asked.cancel_requested, asked.revision) == (True, record.revision + 1)
    assert set(bench.runner.cancelled) == {(record.id, 1)}
    bench.runner.end(record, Cancelled())
    assert (await bench.reaches(record.id, CANCELLED)).cancel_requested


async def test_to_ask_again_is_fine_and_shows_nothing_new(bench: BackendBench) -> None:
    record = await bench.run()
    assert await bench.backend.request_cancel(record.id)
    once = await bench.get(record.id)
    assert await bench.backend.request_cancel(record.id) == listed(once)
    assert await bench.get(record.id) == once


async def test_there_is_nothing_to_cancel_in_final_and_unknown_tasks(bench: BackendBench) -> None:
    final = await bench.get(await bench.finished())
    assert not await bench.backend.request_cancel(final.id)
    assert not await bench.backend.request_cancel(uuid4())
    assert await bench.get(final.id) == final
    assert bench.runner.cancelled == []


async def test_what_said_it_is_final_cannot_be_cancelled(bench: BackendBench) -> None:
    record = await bench.run()
    bench.backend.save(record.id, Ended(1, Completed()))
    await bench.reaches(record.id, BackgroundTaskStatus.COMPLETED)
    assert not await bench.backend.request_cancel(record.id)


async def test_a_cancel_right_after_the_submit_is_never_lost(bench: BackendBench) -> None:
    for _ in range(50):
        await cancel_right_after_the_submit(bench)
    assert bench.runner.running == []


async def cancel_right_after_the_submit(bench: BackendBench) -> None:
    record = bench.record()
    accepted = asyncio.ensure_future(bench.backend.submit([record]))
    await asyncio.sleep(0)
    assert await bench.backend.request_cancel(record.id)
    await accepted
    stored = await bench.get(record.id)
    assert stored.cancel_requested
    if stored.status is not CANCELLED:
        started = await bench.started(record.id)
        await until(lambda: (record.id, 1) in bench.runner.cancelled, "the attempt is told to end")
        bench.runner.end(started, Cancelled())
        await bench.reaches(record.id, CANCELLED)


async def test_reports_go_on_while_a_cancelled_worker_ends(bench: BackendBench) -> None:
    record = await bench.run()
    await bench.backend.request_cancel(record.id)
    bench.save(record, 55, "cleaning up")
    stored = await bench.reaches(record.id, lambda item: item.progress == 55)
    assert stored.cancel_requested
    assert stored.status_message == "cleaning up"


async def test_a_worker_that_completes_all_the_same_has_completed(bench: BackendBench) -> None:
    record = await bench.run()
    await bench.backend.request_cancel(record.id)
    bench.runner.end(record, Completed())
    await bench.reaches(record.id, BackgroundTaskStatus.COMPLETED)


async def test_a_failure_after_a_cancel_is_not_retried(bench: BackendBench) -> None:
    record = await bench.run()
    await bench.backend.request_cancel(record.id)
    bench.runner.end(record, Failed("no", retry_after=timedelta(seconds=1)))
    await bench.reaches(record.id, BackgroundTaskStatus.FAILED)
    await bench.advance(2)
    await bench.written()
    assert len(bench.runner.started) == 1


async def test_an_interruption_after_a_cancel_is_its_end(bench: BackendBench) -> None:
    record = await bench.run()
    await bench.backend.request_cancel(record.id)
    bench.runner.end(record, Interrupted("stopped"))
    await bench.reaches(record.id, CANCELLED)


async def test_a_change_answers_with_what_lists_show(bench: BackendBench) -> None:
    record = await bench.run()
    bench.save(record, 5, payload=f'"{"x" * SMALL_PAYLOAD}"')
    await bench.reaches(record.id, lambda item: item.progress == 5)
    answers = [await bench.backend.request_cancel(record.id)]
    bench.runner.end(record, Cancelled())
    await bench.reaches(record.id, CANCELLED)
    answers.append(await bench.backend.retry(record.id))
    assert [(item.data, item.payload) for item in answers if item] == [(LEFT_OUT, LEFT_OUT)] * 2
    whole = await bench.get(record.id)
    assert whole.data == record.data
    assert len(whole.payload or "") > SMALL_PAYLOAD


async def test_failed_and_cancelled_tasks_can_be_run_again(bench: BackendBench) -> None:
    failed = await bench.finished(Failed("no"))
    cancelled = await bench.submit(delay=60)
    await bench.backend.request_cancel(cancelled)
    for task_id, attempt in ((failed, 2), (cancelled, 1)):
        assert await bench.backend.retry(task_id)
        record = await bench.started(task_id, attempt)
        assert (record.completed_at, record.cancel_requested) == (None, False)
        assert (record.failures, record.interruptions) == (0, 0)
        bench.runner.end(record, Failed("again"))
        await bench.reaches(task_id, lambda item: item.error_message == "again")
    kinds = [
        (item.attempt, item.error and item.error.message) for item in await bench.failures(failed)
    ]
    assert kinds == [(1, "no"), (2, "again")]


async def test_other_tasks_cannot_be_run_again(bench: BackendBench) -> None:
    running = await bench.run()
    waiting = await bench.submit(delay=60)
    completed = await bench.finished()
    for task_id in (running.id, waiting, completed, uuid4()):
        before = await bench.backend.get(task_id)
        assert not await bench.backend.retry(task_id)
        assert await bench.backend.get(task_id) == before
