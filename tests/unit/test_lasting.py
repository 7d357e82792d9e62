"""A loop that serves everybody outlives what one of its rounds raises (FAULTS 5, 50)."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bgtasks.clock import SystemClock
from bgtasks.concurrency.lasting import LastingLoop, ends_this_task


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


class Rounds:
    """Rounds that raise one error each, and then wait for ever."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.succeeded = asyncio.Event()

    async def __call__(self) -> None:
        if self.errors:
            raise self.errors.pop(0)
        if self.succeeded.is_set():
            await asyncio.Event().wait()
        self.succeeded.set()


def lasting(one_round: Callable[[], Awaitable[object]]) -> LastingLoop:
    return LastingLoop("telling clients", one_round, SystemClock(), pause=0.001)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("no"),
        asyncio.CancelledError(),
        GeneratorExit(),
        SystemExit(1),
        BaseException("panic"),
        BaseExceptionGroup("several", [BaseException("panic")]),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_the_loop_goes_on_whatever_a_round_raises(error: BaseException) -> None:
    await goes_on_after(error)


@pytest.mark.parametrize("error", [NoTruthError, NoCauseError, NoClassError])
async def test_the_loop_goes_on_after_an_error_that_cannot_be_looked_at(
    error: type[Exception],
) -> None:
    await goes_on_after(error())


async def goes_on_after(error: BaseException) -> None:
    rounds = Rounds(error, error)
    loop = lasting(rounds)
    loop.start()
    await asyncio.wait_for(rounds.succeeded.wait(), 5)
    await loop.stop()
    assert rounds.errors == []


async def test_trouble_is_said_while_rounds_fail_and_ends_with_a_round_that_succeeds() -> None:
    troubles: list[str | None] = []
    over = asyncio.Event()

    async def one_round() -> None:
        troubles.append(loop.trouble)
        if len(troubles) < 3:
            raise ValueError("no")
        if len(troubles) == 4:
            over.set()
            await asyncio.Event().wait()

    loop = lasting(one_round)
    loop.start()
    await asyncio.wait_for(over.wait(), 5)
    await loop.stop()
    assert [None if item is None else item.split(" (")[0] for item in troubles] == [
        None,
        "telling clients: failed 1 times in a row",
        "telling clients: failed 2 times in a row",
        None,
    ]


async def test_starting_and_stopping_twice_are_harmless() -> None:
    loop = lasting(Rounds())
    await loop.stop()
    loop.start()
    loop.start()
    await loop.stop()
    await loop.stop()
    assert loop.trouble is None


async def test_a_loop_that_somebody_else_ended_is_trouble() -> None:
    rounds = Rounds()
    loop = lasting(rounds)
    loop.start()
    await rounds.succeeded.wait()
    (task,) = (item for item in asyncio.all_tasks() if item.get_name() == "telling clients")
    task.cancel()
    await asyncio.wait([task])
    assert "has ended" in str(loop.trouble)
    await loop.stop()


async def test_only_what_is_meant_for_the_task_ends_it() -> None:
    assert ends_this_task(KeyboardInterrupt())
    assert not ends_this_task(asyncio.CancelledError())
    assert not ends_this_task(GeneratorExit())
    assert not ends_this_task(SystemExit())


def test_a_coroutine_that_is_thrown_away_ends() -> None:
    assert ends_this_task(GeneratorExit())
    assert ends_this_task(asyncio.CancelledError())
