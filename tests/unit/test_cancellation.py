"""The token that a worker looks at."""

import asyncio
import threading

import pytest

from bgtasks import TaskCancelled
from bgtasks.cancellation import CancellationSource

from .support import PATIENCE


def test_a_token_says_nothing_before_cancellation_is_asked_for() -> None:
    source = CancellationSource()
    assert not source.token.is_cancellation_requested
    source.token.raise_if_cancellation_requested()
    assert not source.seen


def test_a_token_says_so_afterwards_and_the_source_knows_that_it_was_seen() -> None:
    source = CancellationSource()
    source.cancel()
    assert (source.is_cancelled, source.seen) == (True, False)
    assert source.token.is_cancellation_requested
    assert source.seen


def test_a_token_raises_for_workers_that_ask_it_to() -> None:
    source = CancellationSource()
    source.cancel()
    with pytest.raises(TaskCancelled, match="requested"):
        source.token.raise_if_cancellation_requested()


def test_a_thread_waits_for_cancellation() -> None:
    source = CancellationSource()
    told: list[bool] = []
    thread = threading.Thread(target=lambda: told.append(source.token.wait(PATIENCE)))
    thread.start()
    source.cancel()
    thread.join(PATIENCE)
    assert told == [True]


def test_a_wait_that_is_over_says_that_nothing_was_asked() -> None:
    assert CancellationSource().token.wait(0) is False


def test_waiting_for_what_was_asked_before_returns_at_once() -> None:
    source = CancellationSource()
    source.cancel()
    assert source.token.wait() is True


async def test_a_coroutine_waits_for_cancellation_from_another_thread() -> None:
    source = CancellationSource()
    waiting = asyncio.create_task(source.token.wait_async())
    await asyncio.sleep(0)
    assert not waiting.done()
    await asyncio.to_thread(source.cancel)
    await asyncio.wait_for(waiting, PATIENCE)
    assert source.seen


async def test_a_coroutine_that_stops_waiting_leaves_no_callback_behind() -> None:
    source = CancellationSource()
    waiting = asyncio.create_task(source.token.wait_async())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert source._callbacks == []


def test_callbacks_run_once_and_at_once_where_it_is_too_late() -> None:
    source = CancellationSource()
    calls: list[str] = []
    source.token.on_cancellation_requested(lambda: calls.append("early"))
    forget = source.token.on_cancellation_requested(lambda: calls.append("taken back"))
    forget()
    source.cancel()
    source.cancel()
    source.token.on_cancellation_requested(lambda: calls.append("late"))
    assert calls == ["early", "late"]
