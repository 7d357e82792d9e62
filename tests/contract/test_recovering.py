"""What a stop or a crash leaves behind, and what the next start makes of it."""

from bgtasks.core.events import Failed
from bgtasks.core.record import TaskQuery
from bgtasks.models import BackgroundTaskStatus
from bgtasks.testing.conformance import BackendBench
from bgtasks.testing.conformance_types import make_registry

PENDING = BackgroundTaskStatus.PENDING
FAILED = BackgroundTaskStatus.FAILED


async def test_a_task_cut_off_by_a_crash_waits_again_and_is_run(durable: BackendBench) -> None:
    record = await durable.run()
    durable.save(record, 40, "half")
    await durable.reaches(record.id, lambda item: item.progress == 40)
    await durable.reopen(crash=True, serving=False)
    waiting = await durable.get(record.id)
    assert (waiting.status, waiting.interruptions, waiting.revision) == (PENDING, 1, 4)
    (announced,) = durable.announced(record.id)
    assert announced._replace(data=waiting.data) == waiting
    assert "Interrupted" in (waiting.status_message or "")
    await durable.serve()
    again = await durable.started(record.id, attempt=2)
    durable.runner.end(again)
    await durable.reaches(record.id, BackgroundTaskStatus.COMPLETED)
    (failure,) = await durable.failures(record.id)
    assert (failure.attempt, failure.outcome, failure.traceback) == (1, "interrupted", None)


async def test_what_is_cut_off_three_times_has_failed_and_says_why(durable: BackendBench) -> None:
    record = await durable.run()
    for attempt in (2, 3):
        await durable.reopen(crash=True)
        await durable.started(record.id, attempt)
    await durable.reopen(crash=True)
    final = await durable.get(record.id)
    assert (final.status, final.interruptions) == (FAILED, 3)
    assert "Interrupted 3 times" in (final.error_message or "")
    assert durable.runner.started == []
    assert len(await durable.failures(record.id)) == 3


async def test_an_orderly_stop_counts_like_a_crash(durable: BackendBench) -> None:
    record = await durable.run()
    await durable.reopen()
    again = await durable.started(record.id, attempt=2)
    assert again.interruptions == 1


async def test_a_type_that_is_not_rerun_has_failed(durable: BackendBench) -> None:
    record = await durable.run("Once")
    await durable.reopen(crash=True)
    final = await durable.get(record.id)
    assert final.status is FAILED
    assert "not run again" in (final.error_message or "")


async def test_a_cancel_asked_for_before_the_crash_is_carried_out(durable: BackendBench) -> None:
    record = await durable.run()
    assert await durable.backend.request_cancel(record.id)
    await durable.reopen(crash=True)
    assert (await durable.get(record.id)).status is BackgroundTaskStatus.CANCELLED


async def test_a_task_cut_off_whose_type_is_gone_waits_for_it(durable: BackendBench) -> None:
    record = await durable.run("Other")
    await durable.reopen(crash=True, registry=make_registry("Quick"))
    found = await durable.reaches(
        record.id, lambda item: "no worker is registered for Other" in (item.status_message or "")
    )
    assert found.status is PENDING
    await durable.reopen()
    assert (await durable.started(record.id, attempt=2)).interruptions == 1


async def test_everything_that_was_accepted_or_final_is_as_it_was(durable: BackendBench) -> None:
    await durable.finished()
    await durable.finished(Failed("no"))
    await durable.submit(delay=500)
    await durable.submit("Other", delay=900)
    before = (await durable.backend.list(TaskQuery())).records
    await durable.reopen(crash=True)
    await durable.written()
    assert (await durable.backend.list(TaskQuery())).records == before
    assert durable.changes == []


async def test_a_start_after_an_orderly_stop_changes_nothing(durable: BackendBench) -> None:
    await durable.submit(delay=500)
    await durable.finished()
    before = (await durable.backend.list(TaskQuery())).records
    for _ in range(3):
        await durable.reopen()
    assert (await durable.backend.list(TaskQuery())).records == before


async def test_waiting_tasks_keep_their_order(durable: BackendBench) -> None:
    await durable.stop_serving()
    low = [await durable.submit(priority=-1) for _ in range(3)]
    plain = [await durable.submit() for _ in range(3)]
    await durable.reopen(crash=True)
    await durable.count_started(6)
    assert [item.id for item in durable.runner.started] == plain + low


async def test_a_task_that_came_due_meanwhile_is_started(durable: BackendBench) -> None:
    task_id = await durable.submit(delay=60)
    later = await durable.submit(delay=600)
    await durable.close()
    await durable.advance(61)
    await durable.reopen()
    await durable.started(task_id)
    await durable.advance(600)
    await durable.started(later)


async def test_more_than_fits_one_step_is_taken_back_whole(durable: BackendBench) -> None:
    await durable.backend.submit([durable.record() for _ in range(1_300)])
    await durable.count_started(1_300)
    await durable.reopen(crash=True, serving=False)
    waiting = 0
    for page in await durable.pages(TaskQuery(statuses=[PENDING], limit=1000)):
        waiting += len(page.records)
    assert waiting == 1_300
    running = TaskQuery(statuses=[BackgroundTaskStatus.RUNNING])
    assert (await durable.backend.list(running)).records == []


async def test_starting_and_stopping_again_and_again_is_harmless(durable: BackendBench) -> None:
    for _ in range(3):
        await durable.close()
    for _ in range(3):
        await durable.reopen()
    await durable.finished()
