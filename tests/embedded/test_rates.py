"""A rate where time passes, or goes back, while the store looks at what may start."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from dependency_injector import providers

from bgtasks import Rate
from bgtasks.testing import FakeClock
from tests.hosts.scripted import Context, Work, container_for, running, until

EACH = timedelta(seconds=10)


class JumpingClock(FakeClock):
    """Goes on by ten seconds at the look ``jump_at``, counted from the moment when this is set."""

    looks = jump_at = 0

    def now(self) -> datetime:
        self.looks += 1
        self.jump_at -= 1
        if self.jump_at == 0:
            self.set(super().now() + EACH)
        return super().now()

    async def is_left_alone(self) -> None:
        """Wait until nobody has looked for a while."""
        quiet, looks = 0, -1
        while quiet < 20:
            quiet = quiet + 1 if looks == self.looks else 0
            looks = self.looks
            await asyncio.sleep(0.001)


@pytest.fixture
def clock() -> JumpingClock:
    return JumpingClock()


def application(clock: JumpingClock, begun: list[Any]) -> Any:
    """Begins one task each ten seconds."""

    async def script(context: Context) -> None:
        begun.append(context.task)

    container = container_for(script, rate=Rate(1, per=EACH))
    container.clock.override(providers.Object(clock))
    return container


@pytest.mark.parametrize("look", range(1, 16))
async def test_whenever_a_start_becomes_free_a_task_that_waits_for_it_gets_it(
    clock: JumpingClock, look: int
) -> None:
    begun: list[Any] = []
    async with running(application(clock, begun)) as manager:
        await manager.run_task(Work())
        await manager.run_task(Work(), delay=5)
        await clock.is_left_alone()
        clock.jump_at = look
        clock.advance(5)  # its time has come, and there is no start left for it
        await clock.is_left_alone()
        clock.advance(EACH.total_seconds())
        await until(lambda: len(begun) == 2)


async def test_a_clock_that_is_set_back_holds_up_a_rate_for_no_longer(
    clock: JumpingClock,
) -> None:
    begun: list[Any] = []
    async with running(application(clock, begun)) as manager:
        await manager.run_tasks([Work(), Work()])
        await until(lambda: len(begun) == 1)
        clock.set(clock.now() - 24 * 360 * EACH)
        for _ in range(3):
            await manager.resume("Work")  # something is written
            clock.advance(EACH.total_seconds() / 2)
        await until(lambda: len(begun) == 2)
