"""The token that a worker looks at."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from bgtasks import BackgroundTaskStatus as Status
from bgtasks import TaskCancelled, background_task
from bgtasks.cancellation import CancellationSource
from tests.hosts.scripted import (
    PATIENCE,
    Context,
    OtherWork,
    Work,
    container_of,
    done,
    running,
    worker_of,
)


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
    assert source._callbacks == []  # noqa: SLF001 - what is left behind shows nowhere else


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


# What hooks raise (FAULTS 3)


def raising(error: BaseException) -> Callable[[], None]:
    def hook() -> None:
        raise error

    return hook


ANYTHING = [
    ConnectionError("hook"),
    asyncio.CancelledError(),
    KeyboardInterrupt(),
    SystemExit(1),
    GeneratorExit(),
    BaseException("no exception"),
    StopIteration(),
]


@pytest.mark.parametrize("error", ANYTHING, ids=lambda error: type(error).__name__)
def test_a_callback_that_raises_is_logged_and_the_others_are_called(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    source = CancellationSource()
    calls: list[str] = []
    source.token.on_cancellation_requested(lambda: calls.append("first"))
    source.token.on_cancellation_requested(raising(error))
    source.token.on_cancellation_requested(lambda: calls.append("last"))
    source.cancel()
    assert calls == ["first", "last"]
    assert source.token.wait(0)
    source.token.on_cancellation_requested(raising(error))  # at once, as it is too late
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
    assert all(record.exc_info for record in caplog.records)


def test_a_coroutine_function_is_no_callback() -> None:
    async def nobody_awaits() -> None: ...

    with pytest.raises(TypeError, match=r"nobody_awaits.*wait_async"):
        CancellationSource().token.on_cancellation_requested(nobody_awaits)  # type: ignore[arg-type]


@pytest.mark.parametrize("error", ANYTHING, ids=lambda error: type(error).__name__)
async def test_a_hook_that_raises_keeps_neither_its_worker_nor_others_nor_a_stop_from_going_on(
    error: BaseException,
) -> None:
    begun = asyncio.Event()

    async def script(context: Context) -> None:
        context.cancellation_token.on_cancellation_requested(raising(error))
        begun.set()
        await asyncio.Event().wait()

    container = container_of(
        background_task(Work, worker_of(script)), background_task(OtherWork, worker_of(done))
    )
    async with running(container) as manager:
        cancelled = await manager.run_task(Work())
        await begun.wait()
        answers = await asyncio.gather(
            manager.cancel_task(cancelled), manager.run_task(OtherWork()), return_exceptions=True
        )
        assert answers[0] is True
        assert isinstance(answers[1], type(cancelled))
        assert (await manager.wait_for(answers[1], PATIENCE)).status is Status.COMPLETED
        assert (await manager.wait_for(cancelled, PATIENCE)).status is Status.CANCELLED
        begun.clear()
        await manager.run_task(Work())
        await begun.wait()
