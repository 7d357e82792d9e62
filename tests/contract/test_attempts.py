"""The attempts of a task: each is there from its start, with the process that began it."""

import os
import socket
from datetime import timedelta

from bgtasks.core.attempts import KEPT_ATTEMPTS, MAX_TRACEBACKS
from bgtasks.core.error_groups import group_of
from bgtasks.core.events import Cancelled, Failed
from bgtasks.core.text import MAX_TRACEBACK
from bgtasks.models import Attempt, AttemptError, BackgroundTaskStatus
from bgtasks.testing.conformance import BackendBench

AT_ONCE = timedelta(0)

NO_SPACE = Failed(
    "no space on /mnt/7",
    "Traceback …",
    AT_ONCE,
    error_type="OSError",
    frame="app/copy.py in copy",
)


async def attempts(bench: BackendBench, record_id: object) -> list[Attempt]:
    return list(await bench.backend.attempts(record_id))  # type: ignore[arg-type]


async def test_an_attempt_is_there_from_its_start_with_its_process(bench: BackendBench) -> None:
    waiting = await bench.submit(delay=10)
    assert await attempts(bench, waiting) == []
    record = await bench.run()
    (running,) = await attempts(bench, record.id)
    assert (running.attempt, running.outcome, running.ended_at) == (1, None, None)
    assert running.started_at == record.started_at
    (process,) = await bench.backend.processes()
    assert running.process is not None
    assert running.process.id == process.id
    assert (running.process.host, running.process.pid) == (socket.gethostname(), os.getpid())


async def test_an_attempt_that_completes_keeps_its_start_and_process(bench: BackendBench) -> None:
    record = await bench.run()
    (running,) = await attempts(bench, record.id)
    await bench.advance(5)
    bench.runner.end(record)
    final = await bench.reaches(record.id, BackgroundTaskStatus.COMPLETED)
    (done,) = await attempts(bench, record.id)
    assert (done.outcome, done.ended_at) == ("completed", final.completed_at)
    assert (done.started_at, done.process) == (running.started_at, running.process)
    assert (done.error, done.traceback, done.group) == (None, None, None)


async def test_why_and_where_an_attempt_failed_is_kept_beside_the_one_that_completes(
    bench: BackendBench,
) -> None:
    record = await bench.run()
    bench.runner.end(record, NO_SPACE)
    await bench.reaches(record.id, lambda item: item.failures == 1)
    await bench.advance(1)
    again = await bench.started(record.id, 2)
    failed, running = await attempts(bench, record.id)
    assert (failed.attempt, failed.outcome, failed.traceback) == (1, "failed", "Traceback …")
    assert (failed.started_at, failed.process) == (record.started_at, running.process)
    message, frame = "no space on /mnt/7", "app/copy.py in copy"
    assert failed.error == AttemptError("OSError", message, frame)
    assert failed.group == group_of("OSError", message, frame)
    assert (running.attempt, running.outcome) == (2, None)
    bench.runner.end(again)
    final = await bench.reaches(record.id, BackgroundTaskStatus.COMPLETED)
    assert final.error_group == failed.group
    outcomes = [item.outcome for item in await attempts(bench, record.id)]
    assert outcomes == ["failed", "completed"]


async def test_a_cancelled_attempt_is_kept_when_the_task_runs_again(bench: BackendBench) -> None:
    record = await bench.run()
    await bench.backend.request_cancel(record.id)
    bench.runner.end(record, Cancelled())
    await bench.reaches(record.id, BackgroundTaskStatus.CANCELLED)
    (cancelled,) = await attempts(bench, record.id)
    assert (cancelled.outcome, cancelled.error) == ("cancelled", None)
    assert cancelled.process is not None
    await bench.backend.retry(record.id)
    await bench.started(record.id, 2)
    assert [item.outcome for item in await attempts(bench, record.id)] == ["cancelled", None]


async def test_an_attempt_that_a_crash_cut_off_ends_as_interrupted_with_its_process(
    durable: BackendBench,
) -> None:
    record = await durable.run()
    (before,) = await attempts(durable, record.id)
    await durable.reopen(crash=True)
    await durable.started(record.id, 2)
    cut_off, running = await attempts(durable, record.id)
    assert (cut_off.attempt, cut_off.outcome) == (1, "interrupted")
    assert (cut_off.started_at, cut_off.process) == (before.started_at, before.process)
    assert cut_off.error is not None
    assert cut_off.error.type == "Interrupted"
    assert running.process is not None
    assert running.process != before.process


async def test_of_many_attempts_the_newest_are_kept(bench: BackendBench) -> None:
    record = await bench.run()
    for attempt in range(2, KEPT_ATTEMPTS + 4):
        bench.runner.end(record, Failed("no", None, AT_ONCE))
        await bench.reaches(record.id, lambda item: item.error_message == "no")
        await bench.advance(1)
        record = await bench.started(record.id, attempt)
    kept = await attempts(bench, record.id)
    assert [item.attempt for item in kept] == list(range(3, KEPT_ATTEMPTS + 4))
    assert kept[-1].outcome is None


async def test_what_replaces_waiting_work_has_not_failed(bench: BackendBench) -> None:
    record = await bench.run()
    bench.runner.end(record, Failed("no", None, timedelta(seconds=100)))
    failed = await bench.reaches(record.id, lambda item: item.failures == 1)
    assert failed.error_group is not None
    assert failed.failed_at == failed.changed_at


async def test_of_many_long_tracebacks_those_of_the_newest_attempts_are_told(
    bench: BackendBench,
) -> None:
    size = 3 * MAX_TRACEBACK  # in bytes
    fit = MAX_TRACEBACKS // size
    record = await bench.run()
    for attempt in range(2, fit + 4):
        bench.runner.end(record, Failed("no", "☃" * MAX_TRACEBACK, AT_ONCE))
        await bench.reaches(record.id, lambda item: item.error_message == "no")
        await bench.advance(1)
        record = await bench.started(record.id, attempt)
    *older, third, newest, running = await attempts(bench, record.id)
    assert [item.traceback for item in older[:2]] == [None, None]
    assert [item.traceback_omitted for item in older[:2]] == [True, True]
    for item in (*older[2:], third, newest):
        assert (len(item.traceback or ""), item.traceback_omitted) == (MAX_TRACEBACK, False)
    assert (running.traceback, running.traceback_omitted) == (None, False)
