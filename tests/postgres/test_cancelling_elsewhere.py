"""A cancellation that is asked for in one process ends an attempt in another."""

import asyncio
from typing import Any

from bgtasks import BackgroundTaskStatus
from bgtasks.core.events import Cancelled
from bgtasks.testing.conformance import BackendBench, until


async def test_the_attempt_is_told_in_the_process_that_runs_it(
    worker: BackendBench, web: BackendBench
) -> None:
    record = await worker.run()
    assert await web.backend.request_cancel(record.id)
    await until(lambda: worker.runner.cancelled, "told")
    assert worker.runner.cancelled == [(record.id, 1)]
    requested = await web.get(record.id)
    assert (requested.status, requested.cancel_requested) == (record.status, True)
    worker.runner.end(record, Cancelled())
    await web.reaches(record.id, BackgroundTaskStatus.CANCELLED)
    assert web.runner.cancelled == []


async def test_a_waiting_task_is_cancelled_and_never_starts(
    web: BackendBench, worker: BackendBench, sql: Any
) -> None:
    task_id = await worker.submit(delay=60)
    assert await web.backend.request_cancel(task_id)
    await worker.reaches(task_id, BackgroundTaskStatus.CANCELLED)
    assert await sql.fetchval("SELECT count(*) FROM bgtasks_pgqueuer") == 0
    await worker.advance(61)
    await worker.written()
    assert worker.runner.started == []


async def test_a_lost_notification_is_made_up_for(worker: BackendBench, sql: Any) -> None:
    record = await worker.run()
    other = await worker.run()
    # What another process writes, but for the notifications.
    await sql.execute(
        "UPDATE bgtasks_tasks SET cancel_requested = true, revision = revision + 1 WHERE id = $1",
        record.id,
    )
    await until(lambda: worker.runner.cancelled, "noticed by the look at what is stored")
    assert {item for item, _ in worker.runner.cancelled} == {record.id}
    assert other in worker.runner.running


async def test_a_report_notices_the_request_too(worker: BackendBench, web: BackendBench) -> None:
    """The report is decided on again with what is stored, and keeps the request."""
    record = await worker.run()
    assert await web.backend.request_cancel(record.id)
    worker.save(record, 50, "half")
    shown = await web.reaches(record.id, lambda found: found.progress == 50)
    assert shown.cancel_requested
    worker.runner.end(record)
    await web.reaches(record.id, BackgroundTaskStatus.COMPLETED)


async def test_two_processes_ask_at_once(worker: BackendBench, web: BackendBench) -> None:
    ids = [await worker.submit(delay=60) for _ in range(20)]
    answers = await asyncio.gather(
        *(bench.backend.request_cancel(item) for item in ids for bench in (worker, web))
    )
    for task_id, pair in zip(ids, zip(answers[::2], answers[1::2], strict=True), strict=True):
        assert sorted(record is not None for record in pair) == [False, True]
        assert (await web.get(task_id)).revision == 2


async def test_cancel_and_retry_in_turns_leave_one_job(
    worker: BackendBench, web: BackendBench, sql: Any
) -> None:
    task_id = await web.submit(delay=60)
    await worker.stop_serving()
    for _ in range(3):
        assert await web.backend.request_cancel(task_id)
        assert await worker.backend.retry(task_id)
    assert await sql.fetchval("SELECT count(*) FROM bgtasks_pgqueuer") == 1
    await worker.serve()
    worker.runner.end(await worker.started(task_id))
    await web.reaches(task_id, BackgroundTaskStatus.COMPLETED)
    assert await sql.fetchval("SELECT count(*) FROM bgtasks_pgqueuer") == 0
