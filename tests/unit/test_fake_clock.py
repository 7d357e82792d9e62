"""The clock that tests move."""

import asyncio
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bgtasks.clock import SystemClock, sleep
from bgtasks.testing import FakeClock
from tests.hosts.scripted import PATIENCE


def test_it_stands_still_until_it_is_moved(clock: FakeClock) -> None:
    start = clock.now()
    assert start == clock.now() == datetime(2026, 1, 1, tzinfo=UTC)
    clock.advance(90.5)
    assert clock.now() == start + timedelta(seconds=90.5)
    assert clock.monotonic() == 90.5


def test_it_starts_where_it_is_told_to() -> None:
    start = datetime(2030, 5, 5, tzinfo=UTC)
    assert FakeClock(start).now() == start


@given(st.lists(st.integers(0, 20), max_size=20), st.lists(st.integers(0, 10), max_size=10))
def test_calls_come_in_the_order_of_their_times_each_at_its_time(
    delays: list[int], steps: list[int]
) -> None:
    clock, made = FakeClock(), []
    for number, delay in enumerate(delays):
        clock.call_later(delay, lambda n=number: made.append((clock.monotonic(), n)))  # type: ignore[misc]
    for step in steps:
        clock.advance(step)
    expected = sorted((float(delay), n) for n, delay in enumerate(delays) if delay <= sum(steps))
    assert made == (expected if steps else [])
    assert clock.pending == len(delays) - len(made)


def test_a_call_that_was_taken_back_is_not_made(clock: FakeClock) -> None:
    made: list[int] = []
    timer = clock.call_later(1, lambda: made.append(1))
    timer.cancel()
    timer.cancel()
    assert clock.pending == 0
    clock.advance(2)
    assert made == []


def test_a_call_may_ask_for_another_that_comes_due_in_the_same_move(clock: FakeClock) -> None:
    made: list[float] = []

    def again() -> None:
        made.append(clock.monotonic())
        clock.call_later(1, again)

    clock.call_later(1, again)
    clock.advance(3.5)
    assert made == [1.0, 2.0, 3.0]


async def test_sleeping_on_it_takes_no_time_of_ones_own(clock: FakeClock) -> None:
    sleeping = asyncio.create_task(sleep(clock, 3600))
    await asyncio.sleep(0)
    clock.advance(3599)
    await asyncio.sleep(0)
    assert not sleeping.done()
    clock.advance(1)
    await asyncio.wait_for(sleeping, PATIENCE)


async def test_a_sleep_that_is_cancelled_leaves_no_timer(clock: FakeClock) -> None:
    sleeping = asyncio.create_task(sleep(clock, 3600))
    await asyncio.sleep(0)
    sleeping.cancel()
    await asyncio.gather(sleeping, return_exceptions=True)
    assert clock.pending == 0


async def test_the_computers_clock_tells_aware_utc_and_calls_back() -> None:
    clock, called = SystemClock(), asyncio.Event()
    assert clock.now().tzinfo is UTC
    before = clock.monotonic()
    clock.call_later(0.001, called.set)
    clock.call_later(0, called.clear).cancel()
    await asyncio.wait_for(called.wait(), PATIENCE)
    assert clock.monotonic() > before


def test_setting_it_changes_what_it_shows_and_nothing_else(clock: FakeClock) -> None:
    made: list[float] = []
    clock.call_later(10, lambda: made.append(clock.monotonic()))
    clock.set(datetime(2020, 1, 1, tzinfo=UTC))
    assert (clock.now(), clock.monotonic()) == (datetime(2020, 1, 1, tzinfo=UTC), 0.0)
    clock.advance(10)
    assert clock.now() == datetime(2020, 1, 1, 0, 0, 10, tzinfo=UTC)
    assert made == [10.0]
