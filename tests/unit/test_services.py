"""What starts and stops with the manager: in one order, whatever one of them does."""

import asyncio
import contextlib
import logging
from collections.abc import Callable

import pytest

from bgtasks import ManagerStateError
from bgtasks.clock import SystemClock
from bgtasks.concurrency.lasting import LastingLoop
from bgtasks.concurrency.services import Services, take_steps
from tests.hosts.scripted import PATIENCE, container_for, done, running


class Noted:
    """A service that notes what is asked of it, and raises what it is given."""

    def __init__(
        self, name: str, calls: list[str], error: Callable[[], BaseException] | None = None
    ) -> None:
        self.name, self.calls, self.error = name, calls, error
        self.trouble: str | None = None

    def start(self) -> None:
        self.calls.append(f"start {self.name}")

    async def stop(self) -> None:
        self.calls.append(f"stop {self.name}")
        if self.error is not None:
            raise self.error()


ERRORS = [ValueError, SystemExit, asyncio.CancelledError, GeneratorExit]


@pytest.mark.parametrize("error", ERRORS)
async def test_services_stop_in_the_opposite_order_whatever_one_of_them_raises(
    error: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[str] = []
    services = Services([Noted("first", calls), Noted("second", calls, error)])
    services.add(Noted("third", calls))
    services.start()
    with caplog.at_level(logging.ERROR):
        await services.stop()
    assert calls == [
        *["start first", "start second", "start third"],
        *["stop third", "stop second", "stop first"],
    ]
    assert "a step of the stop failed, the stop goes on" in caplog.text


async def test_a_cancel_ends_one_step_and_not_the_stop() -> None:
    begun, taken = asyncio.Event(), asyncio.Event()

    async def long_step() -> None:
        begun.set()
        await asyncio.Event().wait()

    async def last_step() -> None:
        taken.set()

    stopping = asyncio.create_task(take_steps([long_step, last_step]))
    await begun.wait()
    stopping.cancel()
    await asyncio.wait_for(stopping, PATIENCE)
    assert taken.is_set()


async def test_ctrl_c_goes_through() -> None:
    calls: list[str] = []
    services = Services([Noted("first", calls), Noted("second", calls, KeyboardInterrupt)])
    with pytest.raises(KeyboardInterrupt):
        await services.stop()
    assert calls == ["stop second"]


def test_the_trouble_of_the_first_is_told() -> None:
    first, second = Noted("first", []), Noted("second", [])
    told = []
    for first.trouble, second.trouble in [(None, None), (None, "no 2"), ("no 1", "no 2")]:
        told.append(Services([first, second]).trouble)
    assert told == [None, "no 2", "no 1"]


async def test_a_service_runs_as_long_as_the_manager_and_finds_the_store_open() -> None:
    container = container_for(done)
    calls: list[str] = []

    class Asking(Noted):
        async def stop(self) -> None:
            await container.manager().get_tasks()
            await super().stop()

    early, late = Asking("early", calls), Asking("late", calls)
    async with running(container) as manager:
        manager.accompany(early)
        manager.accompany(late)
        late.trouble = "it is late"
        assert calls == []
        await asyncio.sleep(0)
        assert manager.health().trouble == "it is late"
        assert calls == ["start early", "start late"]
    assert calls[2:] == ["stop late", "stop early"]


async def test_a_service_that_comes_after_the_stop_waits_for_the_next_start() -> None:
    calls: list[str] = []
    manager = container_for(done).manager()
    async with manager:
        pass
    manager.accompany(Noted("service", calls))
    with pytest.raises(ManagerStateError):
        await manager.get_tasks()
    assert calls == []
    async with manager:
        assert calls == ["start service"]


async def test_a_stop_that_was_cancelled_goes_on_and_the_next_start_waits_for_it() -> None:
    calls: list[str] = []
    begun, may_end = asyncio.Event(), asyncio.Event()

    class Slow(Noted):
        async def stop(self) -> None:
            begun.set()
            await may_end.wait()
            await super().stop()

    manager = container_for(done).manager()
    manager.accompany(Slow("slow", calls))
    await manager.start()
    stopping = asyncio.create_task(manager.stop())
    await begun.wait()
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    starting = asyncio.create_task(manager.start())
    await asyncio.sleep(0.01)
    assert not starting.done()
    assert calls == ["start slow"]
    may_end.set()
    await asyncio.wait_for(starting, PATIENCE)
    assert calls == ["start slow", "stop slow", "start slow"]
    await manager.stop()


async def test_a_loop_that_cannot_be_cancelled_is_left_behind(
    caplog: pytest.LogCaptureFixture,
) -> None:
    may_end = asyncio.Event()

    async def stubborn() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await may_end.wait()
        raise asyncio.CancelledError

    loop = LastingLoop("being stubborn", stubborn, SystemClock(), stop_within=0.01)
    loop.start()
    await asyncio.sleep(0)
    await loop.stop()
    assert "being stubborn: did not end within 0.01 seconds" in caplog.text
    may_end.set()
