"""Writes whose answer is lost: looked up, continued and announced, never guessed."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from bgtasks import BackendError, BackgroundTaskStatus
from bgtasks.core.events import Completed, Failed, Outcome
from bgtasks.core.record import TaskQuery
from bgtasks.testing.conformance import BackendBench, until

from .proxy import Proxy
from .test_feed import in_order

PENDING = BackgroundTaskStatus.PENDING
CANCELLED = BackgroundTaskStatus.CANCELLED
COMPLETED = BackgroundTaskStatus.COMPLETED
FAILED = BackgroundTaskStatus.FAILED

COMMIT = b"COMMIT"


async def claims_of(bench: BackendBench) -> bytes:
    """What is in each claim of a process that writes nothing else."""
    (process,) = [item for item in await bench.backend.processes() if item.runs_tasks]
    return process.id.hex.encode()


@pytest.fixture
async def opened(far: BackendBench) -> BackendBench:
    await far.open()
    return far


# Claims


@pytest.mark.parametrize("type_name", ["Quick", "Once"])
@pytest.mark.parametrize("arrives", [True, False])
async def test_a_claim_whose_answer_is_lost_is_started_and_not_counted(
    opened: BackendBench, web: BackendBench, proxy: Proxy, type_name: str, arrives: bool
) -> None:
    """FAULTS 45."""
    loss = proxy.lose(await claims_of(opened), arrives=arrives)
    task_id = await web.submit(type_name)
    record = await opened.started(task_id)
    assert loss.happened.is_set()
    assert (record.attempt, record.interruptions) == (1, 0)
    opened.runner.end(record)
    final = await web.reaches(task_id, COMPLETED)
    assert (final.attempt, final.interruptions) == (1, 0)
    assert [item.id for item in opened.runner.started] == [task_id]
    await opened.written()  # what others can read is announced here right after
    assert in_order(opened)
    assert [item.revision for item in opened.announced(task_id)][-2:] == [2, 3]


async def test_tasks_start_though_every_answer_to_a_claim_of_their_worker_is_cut(
    opened: BackendBench, web: BackendBench, proxy: Proxy
) -> None:
    """FAULTS 45."""
    proxy.lose(await claims_of(opened), times=1_000_000)
    ids = [await web.submit("Once") for _ in range(20)]
    await opened.count_started(20)
    assert sorted(item.id for item in opened.runner.started) == sorted(ids)
    opened.runner.end_all()
    for task_id in ids:
        final = await web.reaches(task_id, COMPLETED)
        assert (final.attempt, final.interruptions) == (1, 0)


@pytest.mark.parametrize("type_name", ["Quick", "Once"])
async def test_a_claim_whose_answer_was_lost_is_handed_back_by_a_process_that_stops(
    opened: BackendBench, web: BackendBench, proxy: Proxy, type_name: str
) -> None:
    """FAULTS 45."""
    loss = proxy.lose(await claims_of(opened), cuts=True)
    task_id = await web.submit(type_name)
    await loss.happened.wait()
    stopping = asyncio.create_task(opened.stop_serving())
    proxy.heal()
    waiting = await web.reaches(task_id, lambda item: item.status is PENDING and item.attempt == 1)
    assert (waiting.interruptions, waiting.failures) == (0, 0)
    assert [item.outcome for item in await web.failures(task_id)] == ["not begun"]
    await stopping
    assert opened.runner.started == []
    await opened.serve()
    assert (await opened.started(task_id, attempt=2)).interruptions == 0


async def test_a_cancel_between_the_claim_and_the_start_reaches_the_attempt(
    opened: BackendBench, web: BackendBench, proxy: Proxy
) -> None:
    """FAULTS 53."""
    held = proxy.lose(await claims_of(opened), holds=True)
    task_id = await web.submit()
    await held.happened.wait()
    assert await web.backend.request_cancel(task_id)
    assert opened.runner.started == []
    held.release.set()
    record = await opened.started(task_id)
    await until(lambda: opened.runner.cancelled, "the attempt was told")
    assert opened.runner.cancelled[0] == (record.id, 1)


# Ends and reports


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Completed(), COMPLETED),
        (Failed("no", "Traceback …"), FAILED),
        (Failed("no", "Traceback …", retry_after=timedelta(hours=1)), PENDING),
    ],
    ids=["well", "badly", "to be retried"],
)
async def test_an_end_whose_answer_is_lost_is_told_to_the_watchers_here(
    opened: BackendBench,
    web: BackendBench,
    proxy: Proxy,
    outcome: Outcome,
    status: BackgroundTaskStatus,
) -> None:
    """FAULTS 48."""
    record = await opened.run()
    await opened.written()
    loss = proxy.lose(COMMIT if status is PENDING else record.id.hex.encode())
    opened.runner.end(record, outcome)
    after = await opened.reaches(record.id, lambda item: item.revision == 3)
    assert after.status is status
    assert loss.happened.is_set()
    assert in_order(opened)
    await opened.written()
    assert len(await web.failures(record.id)) == (status is not COMPLETED)


async def test_a_report_whose_answer_is_lost_is_told(
    opened: BackendBench, web: BackendBench, proxy: Proxy
) -> None:
    record = await opened.run()
    await opened.written()
    loss = proxy.lose(record.id.hex.encode())
    opened.save(record, 40, "half")
    await web.reaches(record.id, lambda item: item.progress == 40)
    await opened.reaches(record.id, lambda item: item.progress == 40)
    assert loss.happened.is_set()


# What callers ask for


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_submit_whose_answer_is_lost_is_accepted_once(
    far: BackendBench, web: BackendBench, proxy: Proxy, arrives: bool
) -> None:
    """FAULTS 48."""
    await far.open(serving=False)
    record = far.record()
    loss = proxy.lose(record.id.bytes, arrives=arrives)
    await far.backend.submit([record])
    assert loss.happened.is_set()
    assert [item.id for item in (await web.backend.list(TaskQuery())).records] == [record.id]
    assert [item.revision for item in far.announced(record.id)] == [1]


async def test_a_submit_of_unknown_fate_says_so_and_is_told_when_it_is_known(
    far: BackendBench, web: BackendBench, proxy: Proxy
) -> None:
    """FAULTS 48."""
    await far.open(serving=False)
    record = far.record()
    proxy.lose(record.id.bytes, cuts=True)
    with pytest.raises(BackendError, match=f"not known whether task {record.id} was accepted"):
        await far.backend.submit([record])
    assert far.announced(record.id) == []
    proxy.heal()
    await far.reaches(record.id, PENDING)
    assert (await web.get(record.id)).revision == 1


async def test_a_cancelled_submit_that_was_carried_out_is_told(
    far: BackendBench, proxy: Proxy
) -> None:
    """FAULTS 48."""
    await far.open(serving=False)
    record = far.record()
    held = proxy.lose(record.id.bytes, holds=True)
    submitting = asyncio.create_task(far.backend.submit([record]))
    await held.happened.wait()
    submitting.cancel()
    await asyncio.gather(submitting, return_exceptions=True)
    held.release.set()
    await far.reaches(record.id, PENDING)


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_cancel_whose_answer_is_lost_is_carried_out(
    far: BackendBench, proxy: Proxy, arrives: bool
) -> None:
    """FAULTS 48."""
    await far.open(serving=False)
    task_id = await far.submit(delay=60)
    loss = proxy.lose(task_id.hex.encode(), arrives=arrives)
    assert await far.backend.request_cancel(task_id)
    assert loss.happened.is_set()
    assert (await far.reaches(task_id, CANCELLED)).revision == 2


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_retry_whose_answer_is_lost_is_carried_out_once(
    opened: BackendBench, sql: Any, proxy: Proxy, arrives: bool
) -> None:
    """FAULTS 48."""
    task_id = await opened.finished(Failed("no"))
    await opened.stop_serving()
    loss = proxy.lose(COMMIT, arrives=arrives)
    assert await opened.backend.retry(task_id)
    assert loss.happened.is_set()
    assert (await opened.reaches(task_id, lambda item: item.revision == 4)).status is PENDING
    assert await sql.fetchval("SELECT count(*) FROM bgtasks_pgqueuer") == 1


async def test_a_submit_that_is_not_answered_does_not_hold_its_attempt_up(
    opened: BackendBench, proxy: Proxy
) -> None:
    record = opened.record()
    held = proxy.lose(record.id.bytes, holds=True)
    submitting = asyncio.create_task(opened.backend.submit([record]))
    await held.happened.wait()
    opened.runner.end(await opened.started(record.id))
    await opened.reaches(record.id, COMPLETED)
    assert not submitting.done()
    held.release.set()
    await submitting
    assert in_order(opened)
