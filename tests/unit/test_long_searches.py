"""A search that takes long: each page ends after a second, and the next one goes on."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from attrs import evolve

from bgtasks.backends.loops.searching import Searching
from bgtasks.core.record import Accepted, Search, TaskPage, TaskQuery, TaskRecord
from bgtasks.testing import FakeClock

START = datetime(2026, 1, 1, tzinfo=UTC)
LOOKED_AT = 10
"""How many tasks these reads look at in one go."""


class SlowReads:
    """A hundred tasks, of which those that are ``named`` fit; each look takes ``seconds``."""

    def __init__(self, clock: FakeClock, seconds: float, named: Sequence[int] = ()) -> None:
        self.there = list(range(1, 101))
        self.looks = 0
        self._clock = clock
        self._seconds = seconds
        self._named = named

    async def page(self, query: TaskQuery) -> TaskPage:
        self.looks += 1
        self._clock.advance(self._seconds)
        left = [number for number in self.there if query.before is None or number < query.before]
        window = left[::-1][:LOOKED_AT]
        fit = [record(number) for number in window if number in self._named]
        return TaskPage(fit, window[-1] if len(left) > LOOKED_AT else None)

    async def accepted_before(self, sequence: int) -> Accepted | None:
        number = max((number for number in self.there if number < sequence), default=None)
        return None if number is None else accepted(number)


def accepted(number: int) -> Accepted:
    return Accepted(number, START + timedelta(minutes=number), UUID(int=number))


def record(number: int) -> TaskRecord:
    _, at, task_id = accepted(number)
    return TaskRecord(task_id, "Quick", "needle", "{}", at, at, sequence=number)


QUERY = TaskQuery(search=Search(words=("needle",)), limit=5)


def searching(reads: Any, clock: FakeClock) -> Searching:
    return Searching(reads, clock.now, clock)


async def test_a_page_ends_after_a_second_and_says_how_far_it_came() -> None:
    clock = FakeClock()
    reads = SlowReads(clock, 0.4, named=(85, 3))
    first = await searching(reads, clock).page(QUERY)
    assert reads.looks == 3
    assert [item.sequence for item in first.records] == [85]
    assert (first.next_before, first.searched_to) == (71, accepted(71))
    numbers, pages, page = [85], 1, first
    while page.next_before is not None:
        page = await searching(reads, clock).page(evolve(QUERY, before=page.next_before))
        numbers += [item.sequence for item in page.records]
        pages += 1
    assert (numbers, pages, page.searched_to) == ([85, 3], 4, None)


async def test_a_quick_search_goes_on_to_the_end() -> None:
    clock = FakeClock()
    reads = SlowReads(clock, 0.01)
    page = await searching(reads, clock).page(QUERY)
    assert (reads.looks, page) == (10, TaskPage([], None))


async def test_each_page_looks_at_something_however_slow_that_is() -> None:
    clock = FakeClock()
    page = await searching(SlowReads(clock, 60.0), clock).page(QUERY)
    assert (page.next_before, page.searched_to) == (91, accepted(91))


async def test_a_page_never_ends_at_a_task_that_is_gone() -> None:
    """The next page begins after it: nobody could say where that is."""
    clock = FakeClock()
    reads = SlowReads(clock, 60.0)

    async def accepted_before(sequence: int) -> Accepted | None:
        if 91 in reads.there:
            reads.there.remove(91)  # by somebody else, after it was looked at
        return await SlowReads.accepted_before(reads, sequence)

    reads.accepted_before = accepted_before  # type: ignore[method-assign]
    page = await searching(reads, clock).page(QUERY)
    assert (reads.looks, page.searched_to) == (2, accepted(81))
