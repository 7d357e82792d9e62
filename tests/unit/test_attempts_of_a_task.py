"""Retries, timeouts, delays: the attempts of a task one after the other, on a fake clock."""

import asyncio
import threading
from datetime import timedelta

import pytest

from bgtasks import Attempt, Retry
from bgtasks import BackgroundTaskStatus as Status
from tests.hosts.scripted import (
    PATIENCE,
    Context,
    Failing,
    Gate,
    Work,
    clock_of,
    container_for,
    done,
    get,
    run_to_end,
    running,
    until,
    until_waiting_after,
)


async def test_a_failure_is_retried_after_its_wait_and_every_failure_is_kept() -> None:
    script = Failing(2)
    retry = Retry(5, backoff=10, factor=2, jitter=0)
    container = container_for(script.run, retry=retry)
    clock = clock_of(container)
    async with running(container) as manager:
        task_id = await manager.run_task(Work())
        info = await until_waiting_after(manager, task_id, 1)
        assert info.error_message == "failure 1"
        assert info.scheduled_at == clock.now() + timedelta(seconds=10)
        clock.advance(9.9)
        assert script.runs == 1
        clock.advance(0.1)
        await until_waiting_after(manager, task_id, 2)
        assert script.runs == 2
        clock.advance(20)
        final = await manager.wait_for(task_id, PATIENCE)
        assert (final.status, final.attempt, final.error_message) == (Status.COMPLETED, 3, None)
        *failures, last = await manager.get_attempts(task_id)
    assert [(item.attempt, item.outcome, message_of(item)) for item in failures] == [
        (1, "failed", "failure 1"),
        (2, "failed", "failure 2"),
    ]
    assert (last.attempt, last.outcome, last.error) == (3, "completed", None)
    assert all(wrote_where_it_failed(item) for item in failures)


def message_of(attempt: Attempt) -> str | None:
    return None if attempt.error is None else attempt.error.message


def wrote_where_it_failed(failure: Attempt) -> bool:
    text = failure.traceback or ""
    return "in run" in text and text.rstrip().endswith(f"failure {failure.attempt}")


async def test_after_the_last_attempt_the_task_has_failed() -> None:
    script = Failing(99)
    container = container_for(script.run, retry=Retry(3, backoff=0))
    async with running(container) as manager:
        task_id = await manager.run_task(Work())
        while not (await get(manager, task_id)).status.is_final:
            clock_of(container).advance(1)
            await asyncio.sleep(0.001)
        info = await get(manager, task_id)
        assert (info.status, info.attempt, info.error_message) == (Status.FAILED, 3, "failure 3")
        assert len(await manager.get_attempts(task_id)) == script.runs == 3


@pytest.mark.parametrize("options", [{}, {"retry": Retry(5, on=(TimeoutError,))}])
async def test_without_a_policy_for_it_a_failure_is_the_end(options: dict[str, Retry]) -> None:
    script = Failing(1)
    async with running(container_for(script.run, **options)) as manager:
        info = await run_to_end(manager, Work())
        assert (info.status, info.attempt) == (Status.FAILED, 1)


async def test_a_task_that_waits_for_its_retry_is_cancelled_at_once() -> None:
    container = container_for(Failing(9).run, retry=Retry(5, backoff=60))
    async with running(container) as manager:
        task_id = await manager.run_task(Work())
        await until_waiting_after(manager, task_id, 1)
        assert await manager.cancel_task(task_id)
        assert (await get(manager, task_id)).status is Status.CANCELLED


@pytest.mark.parametrize("first", ["fails", "is cancelled"])
async def test_a_failed_or_cancelled_task_runs_again_when_it_is_retried_by_hand(
    first: str,
) -> None:
    script = Failing(1)
    async with running(container_for(script.run)) as manager:
        delay = None if first == "fails" else 60
        task_id = await manager.run_task(Work(), delay=delay)
        if first == "is cancelled":
            script.times = 0
            await manager.cancel_task(task_id)
        ended = await manager.wait_for(task_id, PATIENCE)
        assert await manager.retry_task(task_id)
        final = await manager.wait_for(task_id, PATIENCE)
        assert (final.status, final.error_message) == (Status.COMPLETED, None)
        assert final.attempt == ended.attempt + 1
        assert final.revision > ended.revision
        assert not await manager.retry_task(task_id)


async def test_an_attempt_that_takes_too_long_is_ended_and_has_timed_out() -> None:
    gate = Gate()
    container = container_for(gate, timeout=30)
    async with running(container) as manager:
        task_id = await manager.run_task(Work())
        await gate.begun.wait()
        clock_of(container).advance(29.9)
        await asyncio.sleep(0)
        assert (await get(manager, task_id)).status is Status.RUNNING
        clock_of(container).advance(0.1)
        info = await manager.wait_for(task_id, PATIENCE)
        assert info.status is Status.FAILED
        assert "timeout of 30" in (info.error_message or "")
        (failure,) = await manager.get_attempts(task_id)
        assert failure.outcome == "timed out"
        assert "wait" in (failure.traceback or "")


async def test_a_sync_worker_that_takes_too_long_is_asked_to_end() -> None:
    begun = threading.Event()

    def script(context: Context) -> None:
        begun.set()
        context.cancellation_token.wait(PATIENCE)

    container = container_for(script, timeout=30)
    async with running(container) as manager:
        task_id = await manager.run_task(Work())
        await until(begun.is_set)
        clock_of(container).advance(30)
        info = await manager.wait_for(task_id, PATIENCE)
        assert "timeout of 30" in (info.error_message or "")


async def test_a_timeout_is_retried_as_the_policy_says() -> None:
    gate = Gate()
    retry = Retry(2, backoff=5, jitter=0, on=(TimeoutError,))
    container = container_for(gate, timeout=30, retry=retry)
    async with running(container) as manager:
        task_id = await manager.run_task(Work())
        await gate.begun.wait()
        clock_of(container).advance(30)
        await until_waiting_after(manager, task_id, 1)
        gate.open.set()
        clock_of(container).advance(5)
        info = await manager.wait_for(task_id, PATIENCE)
        assert (info.status, info.attempt) == (Status.COMPLETED, 2)


async def test_an_attempt_in_time_leaves_no_timer_behind() -> None:
    container = container_for(done, timeout=30)
    container.config.from_dict({"retention": None})
    async with running(container) as manager:
        clock, summing_up = clock_of(container), 1
        await until(lambda: clock.pending == summing_up)
        await run_to_end(manager, Work())
        assert clock.pending == summing_up


@pytest.mark.parametrize("how", ["delay", "timedelta", "run_at"])
async def test_a_delayed_task_starts_when_its_time_has_come_and_not_before(how: str) -> None:
    gate = Gate()
    gate.open.set()
    container = container_for(gate)
    clock = clock_of(container)
    due = clock.now() + timedelta(hours=2)
    async with running(container) as manager:
        match how:
            case "delay":
                task_id = await manager.run_task(Work(), delay=7200)
            case "timedelta":
                task_id = await manager.run_task(Work(), delay=timedelta(hours=2))
            case _:
                task_id = await manager.run_task(Work(), run_at=due)
        info = await get(manager, task_id)
        assert (info.status, info.scheduled_at) == (Status.PENDING, due)
        for _ in range(7):
            clock.advance(1000)
            await get(manager, task_id)
        assert gate.runs == 0
        clock.advance(200)
        final = await manager.wait_for(task_id, PATIENCE)
        assert final.started_at == due


async def test_a_task_that_was_due_long_ago_starts_at_once() -> None:
    container = container_for(done)
    async with running(container) as manager:
        run_at = clock_of(container).now() - timedelta(days=1)
        info = await run_to_end(manager, Work(), run_at=run_at)
        assert info.status is Status.COMPLETED


async def test_delayed_tasks_start_in_the_order_of_their_times() -> None:
    order: list[str] = []

    async def script(context: Context) -> None:
        order.append(context.task.text)

    container = container_for(script, max_concurrency=1)
    async with running(container) as manager:
        ids = [
            await manager.run_task(Work(text=text), delay=delay)
            for text, delay in [("c", 30), ("a", 10), ("b", 20)]
        ]
        for _ in range(3):
            clock_of(container).advance(10)
            await get(manager, ids[0])
            await asyncio.sleep(0.01)
        for task_id in ids:
            await manager.wait_for(task_id, PATIENCE)
    assert order == ["a", "b", "c"]


async def test_a_delayed_task_is_cancelled_at_once() -> None:
    async with running(container_for(done)) as manager:
        task_id = await manager.run_task(Work(), delay=3600)
        assert await manager.cancel_task(task_id)
        info = await get(manager, task_id)
        assert (info.status, info.attempt) == (Status.CANCELLED, 0)
        assert not await manager.cancel_task(task_id)


async def test_cancelling_a_running_task_shows_before_its_worker_has_ended() -> None:
    may_end = asyncio.Event()
    begun = asyncio.Event()

    async def script(_context: Context) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await may_end.wait()

    async with running(container_for(script)) as manager:
        task_id = await manager.run_task(Work())
        await begun.wait()
        assert await manager.cancel_task(task_id)
        assert await manager.cancel_task(task_id)
        info = await get(manager, task_id)
        assert (info.status, info.cancel_requested) == (Status.RUNNING, True)
        may_end.set()
        assert (await manager.wait_for(task_id, PATIENCE)).status is Status.CANCELLED


async def test_a_final_status_that_the_worker_set_is_told_while_it_still_runs() -> None:
    gate = asyncio.Event()

    async def script(context: Context) -> None:
        context.set_status(Status.COMPLETED, "as good as done")
        await gate.wait()
        raise ValueError("too late")

    async with running(container_for(script)) as manager:
        task_id = await manager.run_task(Work())
        info = await manager.wait_for(task_id, PATIENCE)
        assert (info.status, info.status_message) == (Status.COMPLETED, "as good as done")
        gate.set()
        await until(lambda: not manager.health().running)
        assert await get(manager, task_id) == info


async def test_what_a_user_asked_for_outweighs_a_timeout() -> None:
    begun, told, may_end = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def script(_context: Context) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            told.set()
            await may_end.wait()

    container = container_for(script, timeout=30)
    async with running(container) as manager:
        task_id = await manager.run_task(Work())
        await begun.wait()
        clock_of(container).advance(30)
        await told.wait()
        assert await manager.cancel_task(task_id)
        may_end.set()
        assert (await manager.wait_for(task_id, PATIENCE)).status is Status.CANCELLED
