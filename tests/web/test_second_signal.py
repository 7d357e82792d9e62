"""Which signals hurry a stop, beside a server that has handlers of its own. FAULTS 37."""

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import permutations
from types import SimpleNamespace
from typing import Any

import pytest

from bgtasks.web.stop_signals import SecondSignal

INT, TERM = signal.SIGINT, signal.SIGTERM


class Server:
    """Has taken both signals, as uvicorn does."""

    def __init__(self) -> None:
        self.received: list[int] = []
        self.should_exit = False

    def handle_exit(self, number: int, _frame: Any) -> None:
        self.received.append(number)
        self.should_exit = True


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    before = {number: signal.signal(number, server.handle_exit) for number in (INT, TERM)}
    yield server
    for number, handler in before.items():
        signal.signal(number, handler)


async def hurried(*numbers: int) -> bool:
    asked: list[None] = []
    with SecondSignal(lambda: asked.append(None)):
        for number in numbers:
            signal.raise_signal(number)
        await asyncio.sleep(0)
    return bool(asked)


@pytest.mark.parametrize("numbers", [(INT, INT), (TERM, TERM), (TERM, INT), (INT, TERM, INT)])
async def test_a_second_signal_hurries(server: Server, numbers: tuple[int, ...]) -> None:
    assert await hurried(*numbers)
    assert server.received == list(numbers)


@pytest.mark.parametrize("numbers", [(), (INT,), (TERM,), (INT, TERM)])
async def test_one_signal_and_what_a_supervisor_adds_do_not(
    server: Server, numbers: tuple[int, ...]
) -> None:
    assert not await hurried(*numbers)
    assert server.received == list(numbers)


async def test_the_handlers_of_the_server_are_back_afterwards(server: Server) -> None:
    await hurried()
    assert signal.getsignal(INT) == signal.getsignal(TERM) == server.handle_exit


async def test_handlers_that_came_later_are_left_alone(server: Server) -> None:
    later = Server()
    with SecondSignal(lambda: None):
        signal.signal(INT, later.handle_exit)
    assert signal.getsignal(INT) == later.handle_exit
    assert signal.getsignal(TERM) == server.handle_exit


async def test_it_stands_for_the_server_that_it_stands_before(server: Server) -> None:
    """Event streams look there, to end before uvicorn waits for them."""
    with SecondSignal(lambda: None) as outer, SecondSignal(lambda: None) as inner:
        assert [outer.should_exit, inner.should_exit] == [False, False]
        signal.raise_signal(TERM)
        assert [outer.should_exit, inner.should_exit] == [True, True]


async def test_many_in_a_row_ask_the_server_once_each(server: Server) -> None:
    """If each of 40 asked the one before it twice, the server would be asked 10^12 times."""
    with ExitStack() as stack:
        row = [stack.enter_context(SecondSignal(lambda: None)) for _ in range(40)]
        assert (row[-1].should_exit, row[-1].config) == (False, None)
        signal.raise_signal(TERM)
        assert row[-1].should_exit
    assert signal.getsignal(TERM) == server.handle_exit


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_in_whatever_order_they_end_none_stays(
    server: Server, order: tuple[int, ...]
) -> None:
    row = [ExitStack() for _ in order]
    for stack in row:
        stack.enter_context(SecondSignal(lambda: None))
    for place in order:
        row[place].close()
    assert signal.getsignal(INT) == signal.getsignal(TERM) == server.handle_exit


async def test_signals_that_end_the_process_by_themselves_go_on_to(server: Server) -> None:
    signal.signal(TERM, signal.SIG_DFL)
    with SecondSignal(lambda: None):
        assert signal.getsignal(TERM) is signal.SIG_DFL


def test_in_another_thread_there_are_no_signals_to_hear() -> None:
    seen = SimpleNamespace(handler=None)

    async def inside() -> None:
        with SecondSignal(lambda: None):
            seen.handler = signal.getsignal(INT)

    before = signal.getsignal(INT)
    thread = threading.Thread(target=lambda: asyncio.run(inside()))
    thread.start()
    thread.join()
    assert seen.handler is before
