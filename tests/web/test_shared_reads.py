"""One read for many who ask the same: never older than the question, ended with its last asker."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from bgtasks.web.hub.shared_reads import SharedReads


class SlowStore:
    """What is found is what was stored when the read began; it is told a little later."""

    def __init__(self) -> None:
        self.stored = 0
        self.begun: list[asyncio.Event] = []
        self.withdrawn = 0

    async def find_tasks(self, ids: Any) -> Any:
        found, may_end = self.stored, asyncio.Event()
        self.begun.append(may_end)
        try:
            await may_end.wait()
        except asyncio.CancelledError:
            self.withdrawn += 1
            raise
        if found < 0:
            raise OSError("the store is gone")
        return found


@pytest.fixture
def store() -> SlowStore:
    return SlowStore()


def ask(reads: SharedReads, ids: list[UUID]) -> "asyncio.Task[Any]":
    return asyncio.create_task(reads.find_tasks(ids))


async def turn() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_nobody_is_told_what_is_older_than_the_question(store: SlowStore) -> None:
    reads, ids = SharedReads(store), [uuid4()]  # type: ignore[arg-type]
    first = ask(reads, ids)
    await turn()
    store.stored = 1
    later = [ask(reads, ids) for _ in range(50)]
    await turn()
    assert len(store.begun) == 1
    store.begun[0].set()
    assert await first == 0
    await turn()
    store.begun[1].set()
    assert await asyncio.gather(*later) == [1] * 50
    assert len(store.begun) == 2


async def test_different_questions_are_read_eight_at_a_time(store: SlowStore) -> None:
    reads = SharedReads(store)  # type: ignore[arg-type]
    asked = [ask(reads, [uuid4()]) for _ in range(20)]
    for least in (8, 16, 20):
        await turn()
        assert len(store.begun) == least
        for may_end in store.begun:
            may_end.set()
    await asyncio.gather(*asked)


async def test_what_nobody_waits_for_any_more_is_not_read(store: SlowStore) -> None:
    reads, ids = SharedReads(store), [uuid4()]  # type: ignore[arg-type]
    first = ask(reads, ids)
    await turn()
    impatient = [ask(reads, ids) for _ in range(3)]
    await turn()
    for asking in (*impatient, first):
        asking.cancel()
    await asyncio.gather(*impatient, first, return_exceptions=True)
    await turn()
    assert (len(store.begun), store.withdrawn) == (1, 1)
    again = ask(reads, ids)
    await turn()
    store.begun[1].set()
    assert await again == 0


async def test_one_who_goes_away_ends_it_for_nobody_else(store: SlowStore) -> None:
    reads, ids = SharedReads(store), [uuid4()]  # type: ignore[arg-type]
    leaving, staying = ask(reads, ids), ask(reads, ids)
    await turn()
    leaving.cancel()
    await turn()
    store.begun[0].set()
    assert await staying == 0


async def test_all_who_asked_are_told_that_it_failed(store: SlowStore) -> None:
    store.stored = -1
    reads, ids = SharedReads(store), [uuid4()]  # type: ignore[arg-type]
    asked = [ask(reads, ids) for _ in range(3)]
    await turn()
    store.begun[0].set()
    told = await asyncio.gather(*asked, return_exceptions=True)
    assert [str(error) for error in told] == ["the store is gone"] * 3
