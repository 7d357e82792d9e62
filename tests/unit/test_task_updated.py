"""The ``task_updated`` event: who hears what, and what a bad handler can spoil (nothing)."""

import asyncio
import functools
import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import attrs
import pytest

from bgtasks import BackgroundTaskInfo
from bgtasks import BackgroundTaskStatus as Status
from bgtasks.observing.updates import MAX_WAITING, TaskUpdatedEvent
from tests.hosts.scripted import (
    Context,
    Gate,
    Work,
    clock_of,
    container_for,
    done,
    get,
    run_to_end,
    running,
    until,
)

Info = BackgroundTaskInfo[Any]


async def an_info() -> Info:
    async with running(container_for(done)) as manager:
        return await run_to_end(manager, Work())


async def test_every_step_is_told_in_order_with_strictly_rising_revisions() -> None:
    async def script(context: Context) -> None:
        for percent in range(20):
            context.report_progress(percent)
            await asyncio.sleep(0.001)

    container = container_for(script)
    container.config.from_dict({"publish_interval": 0})
    seen: dict[Any, list[Info]] = {}
    async with running(container) as manager:
        manager.task_updated.subscribe(lambda info: seen.setdefault(info.id, []).append(info))
        ids = await manager.run_tasks([Work() for _ in range(10)])
        for task_id in ids:
            await manager.wait_for(task_id, 10)
    assert set(seen) == set(ids)
    for infos in seen.values():
        revisions = [info.revision for info in infos]
        assert revisions == sorted(set(revisions))
        assert [infos[0].status, infos[1].status] == [Status.PENDING, Status.RUNNING]
        assert infos[-1].status is Status.COMPLETED
        assert all(not info.status.is_final for info in infos[:-1])


async def test_of_a_burst_of_reports_one_an_interval_is_told_and_the_end_at_once() -> None:
    """The one throttle: the claim is told at once, what is reported once an interval from then
    on, the newest always, and no more than that though a worker reports without end."""
    gate, steps = Gate(), 0

    async def script(context: Context) -> None:
        nonlocal steps
        gate.begun.set()
        while not gate.open.is_set():
            steps += 1
            context.report_progress(steps / 1000)
            await asyncio.sleep(0)

    def is_told(count: int) -> bool:
        return len(told) == count

    def has_gone_on(since: int) -> bool:
        return steps > since + 100

    container, told = container_for(script), list[Info]()
    clock = clock_of(container)
    async with running(container) as manager:
        manager.task_updated.subscribe(told.append)
        task_id = await manager.run_task(Work())
        await gate.begun.wait()
        await until(partial(has_gone_on, 0))
        assert [(info.status, info.progress) for info in told] == [
            (Status.PENDING, 0.0),
            (Status.RUNNING, 0.0),
        ]
        for count in range(3, 8):
            clock.advance(0.2)
            newest = steps / 1000
            await until(partial(is_told, count))
            assert told[-1].progress >= newest
            await until(partial(has_gone_on, steps))
            assert len(told) == count
        gate.open.set()
        final = await manager.wait_for(task_id, 10)
    assert told[7:] == [final]
    assert final.completed_at == final.created_at + timedelta(seconds=1)


async def test_a_final_status_that_is_told_is_already_stored() -> None:
    told: list[Info] = []
    async with running(container_for(done)) as manager:

        async def look(info: Info) -> None:
            if info.status.is_final:
                told.append(await get(manager, info.id))

        manager.task_updated.subscribe(look)
        info = await run_to_end(manager, Work())
        await manager.task_updated.drain()
    assert told == [info]


async def test_coroutine_functions_are_called_one_after_the_other() -> None:
    running_now, most, seen = 0, 0, []

    async def handler(info: Info) -> None:
        nonlocal running_now, most
        running_now += 1
        most = max(most, running_now)
        await asyncio.sleep(0)
        seen.append(info.id)
        running_now -= 1

    info = await an_info()
    event = TaskUpdatedEvent()
    event.subscribe(handler)
    infos = [attrs.evolve(info, id=Work().id) for _ in range(20)]
    for item in infos:
        event.publish(item)
    await event.drain()
    assert (seen, most) == ([item.id for item in infos], 1)


async def test_a_busy_coroutine_function_gets_the_newest_of_each_task() -> None:
    gate, seen = asyncio.Event(), []

    async def handler(info: Info) -> None:
        await gate.wait()
        seen.append(info.revision)

    info = await an_info()
    event = TaskUpdatedEvent()
    event.subscribe(handler)
    event.publish(attrs.evolve(info, revision=1))
    await asyncio.sleep(0)
    for revision in range(2, 50):
        event.publish(attrs.evolve(info, revision=revision))
    gate.set()
    await event.drain()
    assert seen == [1, 49]


async def test_what_waits_for_a_slow_handler_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    gate, told = asyncio.Event(), 0

    async def handler(_info: Info) -> None:
        nonlocal told
        await gate.wait()
        told += 1

    info = await an_info()
    event = TaskUpdatedEvent()
    event.subscribe(handler)
    with caplog.at_level(logging.WARNING):
        for _ in range(1 + MAX_WAITING + 5):  # one is being told
            event.publish(attrs.evolve(info, id=Work().id))
    assert len([record for record in caplog.records if "dropped" in record.getMessage()]) == 5
    gate.set()
    await event.drain()
    assert told == 1 + MAX_WAITING


@pytest.mark.parametrize("kind", ["function", "coroutine function"])
async def test_a_handler_that_fails_is_logged_and_spoils_nothing(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_info: Info) -> None:
        raise ValueError("handler")

    async def fail_async(_info: Info) -> None:
        raise ValueError("handler")

    seen: list[str] = []
    async with running(container_for(done)) as manager:
        manager.task_updated.subscribe(fail if kind == "function" else fail_async)
        manager.task_updated.subscribe(lambda info: seen.append(info.status))
        with caplog.at_level(logging.ERROR):
            info = await run_to_end(manager, Work())
            await manager.task_updated.drain()
    assert info.status is Status.COMPLETED
    assert seen == ["Pending", "Running", "Completed"]
    assert "handler" in caplog.text
    assert str(info.id) in caplog.text


@pytest.mark.parametrize("kind", ["function", "coroutine function"])
async def test_after_unsubscribing_nothing_is_told(kind: str) -> None:
    seen: list[Info] = []

    async def append(info: Info) -> None:
        seen.append(info)

    info = await an_info()
    event = TaskUpdatedEvent()
    unsubscribe = event.subscribe(seen.append if kind == "function" else append)
    assert event.has_subscribers
    event.publish(info)
    await event.drain()
    unsubscribe()
    unsubscribe()
    event.publish(info)
    await event.drain()
    assert len(seen) == 1
    assert not event.has_subscribers


async def test_the_same_handler_subscribed_twice_hears_twice_and_leaves_once() -> None:
    seen: list[Info] = []

    def handler(info: Info) -> None:
        seen.append(info)

    info = await an_info()
    event = TaskUpdatedEvent()
    first, second = event.subscribe(handler), event.subscribe(handler)
    event.publish(info)
    assert len(seen) == 2
    first()
    event.publish(info)
    assert len(seen) == 3
    second()
    event.publish(info)
    assert len(seen) == 3


async def test_a_handler_may_unsubscribe_and_subscribe_while_it_is_called() -> None:
    info = await an_info()
    event = TaskUpdatedEvent()
    seen: list[str] = []

    def once(_info: Info) -> None:
        seen.append("once")
        unsubscribe()
        event.subscribe(lambda _: seen.append("new"))

    unsubscribe = event.subscribe(once)
    event.subscribe(lambda _: seen.append("other"))
    event.publish(info)
    assert seen == ["once", "other"]
    event.publish(info)
    assert seen[2:] == ["other", "new"]


async def test_reports_are_told_at_most_once_an_interval_the_first_at_once() -> None:
    gate = Gate()

    async def script(context: Context) -> None:
        for percent in range(1, 51):
            context.report_progress(percent)
            await asyncio.sleep(0)
        await gate(context)

    container = container_for(script)
    seen: list[float] = []
    async with running(container) as manager:
        clock = container.clock()
        task_id = await manager.run_task(Work(), delay=10)
        manager.task_updated.subscribe(lambda info: seen.append(info.progress))
        clock.advance(10)
        await gate.begun.wait()
        clock.advance(0.2)
        await until(lambda: seen[-1:] == [50.0])
        gate.open.set()
        await manager.wait_for(task_id, 10)
    assert seen == [0.0, 50.0, 100.0]


async def test_what_waits_for_a_coroutine_function_that_unsubscribed_is_not_told() -> None:
    seen: list[Info] = []

    async def handler(info: Info) -> None:
        seen.append(info)

    info = await an_info()
    event = TaskUpdatedEvent()
    unsubscribe = event.subscribe(handler)
    event.publish(info)
    unsubscribe()
    await asyncio.sleep(0)
    await event.drain()
    assert seen == []


async def test_a_stop_waits_until_every_coroutine_function_was_told_the_end() -> None:
    seen: list[str] = []

    async def handler(info: Info) -> None:
        await asyncio.sleep(0.02)  # longer than the rest of the stop takes
        seen.append(info.status)

    async with container_for(done).manager() as manager:
        manager.task_updated.subscribe(handler)
        await run_to_end(manager, Work())
    assert seen[-1] == "Completed"


# Handlers of every kind (FAULTS 8)


class Listener:
    """Hears of snapshots in each way that a class can."""

    def __init__(self, seen: list[int], gate: asyncio.Event) -> None:
        self.seen, self.gate = seen, gate

    async def __call__(self, info: Info) -> None:
        await self.gate.wait()
        self.seen.append(info.revision)

    async def method(self, info: Info) -> None:
        await self(info)

    def plain(self, info: Info) -> asyncio.Future[None]:
        return asyncio.ensure_future(self(info))

    def custom(self, info: Info) -> Any:
        class Later:
            def __await__(later) -> Any:  # noqa: N805
                return self(info).__await__()

        return Later()


async def _told(listener: Listener, info: Info) -> None:
    await listener(info)


HANDLERS: dict[str, Callable[[Listener], Any]] = {
    "an object with an async __call__": lambda listener: listener,
    "an async method": lambda listener: listener.method,
    "a lambda that returns a coroutine": lambda listener: lambda info: listener(info),
    "a partial of a coroutine function": lambda listener: functools.partial(_told, listener),
    "a partial of an async method": lambda listener: functools.partial(listener.method),
    "a function that returns a future": lambda listener: listener.plain,
    "a function that returns an awaitable object": lambda listener: listener.custom,
}


@pytest.mark.parametrize("kind", HANDLERS)
async def test_whatever_returns_an_awaitable_is_awaited_and_gets_the_newest_while_it_is_busy(
    kind: str,
) -> None:
    seen: list[int] = []
    gate = asyncio.Event()
    info = await an_info()
    event = TaskUpdatedEvent()
    event.subscribe(HANDLERS[kind](Listener(seen, gate)))
    for revision in range(1, 50):
        event.publish(attrs.evolve(info, revision=revision))
        await asyncio.sleep(0)
    gate.set()
    await event.drain()
    event.publish(attrs.evolve(info, revision=50))
    await event.drain()
    assert seen == [1, 49, 50]


class Panic(BaseException):
    """What is no Exception, as a panic of an extension module."""


class NoTruthError(Exception):
    """Asking whether it is true raises, as logging does."""

    def __bool__(self) -> bool:
        raise RuntimeError("neither")


class NoCauseError(Exception):
    """It cannot be formatted."""

    @property
    def __cause__(self) -> BaseException | None:
        raise SystemExit

    @__cause__.setter
    def __cause__(self, _: BaseException | None) -> None: ...


class NoClassError(Exception):
    """``isinstance`` of it raises."""

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        raise RuntimeError("no class")


def _cancel_oneself() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()


ERRORS: dict[str, Callable[[], BaseException]] = {
    "CancelledError": asyncio.CancelledError,
    "GeneratorExit": GeneratorExit,
    "SystemExit": SystemExit,
    "BaseExceptionGroup": lambda: BaseExceptionGroup("several", [Panic()]),
    "a panic": Panic,
    "no truth": NoTruthError,
    "no cause": NoCauseError,
    "no class": NoClassError,
}


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("kind", ["function", "coroutine function", "late"])
async def test_whatever_a_handler_raises_it_goes_on_and_so_do_the_others(
    error: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[int] = []
    others: list[int] = []

    def fail(info: Info) -> None:
        calls.append(info.revision)
        raise ERRORS[error]()

    async def fail_async(info: Info) -> None:
        fail(info)

    async def fail_late(info: Info) -> None:
        await asyncio.sleep(0)
        fail(info)

    info = await an_info()
    event = TaskUpdatedEvent()
    event.subscribe({"function": fail, "coroutine function": fail_async}.get(kind, fail_late))
    event.subscribe(lambda info: others.append(info.revision))
    for revision in (1, 2, 3):
        event.publish(attrs.evolve(info, revision=revision))
        await event.drain()
    assert calls == others == [1, 2, 3]
    assert caplog.text.count("task_updated handler") == 3


async def test_a_handler_that_cancels_the_task_it_runs_in_is_called_again() -> None:
    calls: list[int] = []

    async def handler(info: Info) -> None:
        calls.append(info.revision)
        _cancel_oneself()
        await asyncio.sleep(0)

    info = await an_info()
    event = TaskUpdatedEvent()
    event.subscribe(handler)
    for revision in (1, 2, 3):
        event.publish(attrs.evolve(info, id=Work().id, revision=revision))
    await event.drain()
    assert calls == [1, 2, 3]


async def test_a_handler_that_unsubscribes_itself_is_carried_out_to_its_end() -> None:
    done_: list[int] = []

    async def once(info: Info) -> None:
        unsubscribe()
        await asyncio.sleep(0)
        done_.append(info.revision)

    info = await an_info()
    event = TaskUpdatedEvent()
    unsubscribe = event.subscribe(once)
    event.publish(attrs.evolve(info, revision=1))
    event.publish(attrs.evolve(info, revision=2))
    await until(lambda: done_)
    assert done_ == [1]


@pytest.mark.parametrize("stubborn", [False, True])
async def test_a_handler_that_hangs_holds_up_a_stop_for_a_bounded_time_and_is_named(
    stubborn: bool, caplog: pytest.LogCaptureFixture
) -> None:
    may_end = asyncio.Event()

    async def hanging_handler(_info: Info) -> None:
        while not may_end.is_set():
            try:
                await may_end.wait()
            except asyncio.CancelledError:
                if not stubborn:
                    raise

    container = container_for(done)
    manager = container.manager()
    await manager.start()
    manager.task_updated.subscribe(hanging_handler)
    await run_to_end(manager, Work())
    clock = clock_of(container)
    stopping = asyncio.create_task(manager.stop())
    await until(lambda: manager.event_loop is None and clock.pending)
    clock.advance(4.9)
    await asyncio.sleep(0.01)
    assert not stopping.done()
    clock.advance(0.1)
    await asyncio.wait_for(stopping, 10)
    assert "hanging_handler" in caplog.text
    may_end.set()


async def test_a_hurried_stop_does_not_wait_for_handlers() -> None:
    async def hanging_handler(_info: Info) -> None:
        await asyncio.Event().wait()

    container = container_for(done)
    manager = container.manager()
    await manager.start()
    manager.task_updated.subscribe(hanging_handler)
    await run_to_end(manager, Work())
    manager.hurry()
    await asyncio.wait_for(manager.stop(), 10)


async def test_what_cannot_be_called_is_refused() -> None:
    with pytest.raises(TypeError, match="handler is None"):
        TaskUpdatedEvent().subscribe(None)  # type: ignore[arg-type]
