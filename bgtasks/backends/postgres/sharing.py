"""Statements that many callers share: what comes in while some are on their way goes into the next.

One caller that waits for each of its submits has a statement and a commit for each, at once. A
hundred callers have a few statements and commits for all of them. Commits that notify wait for each
other, so few large ones are quicker than many small ones, for every process.
"""

import asyncio
from collections import deque
from collections.abc import Coroutine, Sequence
from typing import Any

from bgtasks.backends.postgres.contested import Contested, Kept
from bgtasks.backends.postgres.insert_batch import Batch
from bgtasks.backends.postgres.insert_call import MOST_CHARACTERS, MOST_RECORDS, Call
from bgtasks.backends.postgres.peer import Peer
from bgtasks.backends.postgres.server_errors import answer_may_be_lost
from bgtasks.backends.postgres.tables import Tables
from bgtasks.backends.postgres.turns import Turns
from bgtasks.backends.task_store import LostAnswerError
from bgtasks.concurrency.lasting import ends_this_task
from bgtasks.core.record import TaskRecord
from bgtasks.errors import DuplicateTaskError

__all__ = ["SharedInserts"]

AT_ONCE = 2
"""Statements that are on their way: while the server works on one, the next is made."""


class SharedInserts:
    """Inserts the tasks of many callers by few statements; each caller gets its own answer."""

    def __init__(self, peer: Peer) -> None:
        self._database = peer.database
        self._process = peer.process
        self._registry = peer.registry
        self._now = peer.now
        self._waiting: deque[Call] = deque()
        self._lanes = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def insert(self, records: Sequence[TaskRecord], *, again: bool) -> Kept:
        """What became of new tasks, once it is committed.

        Raises DuplicateTaskError for these alone, LostAnswerError where they may have been stored
        all the same, and what else the server refuses. Whoever gives up while the statement is on
        its way does not stop it.
        """
        call = Call(records, again)
        if call.needs_transaction:
            self._begin(self._insert_alone(call))
        elif call.is_large:
            self._begin(self._insert([call]))
        else:
            self._waiting.append(call)
            if self._lanes < AT_ONCE:
                self._lanes += 1
                self._begin(self._lane())
        return await call.answer

    async def stop(self) -> None:
        """Give up what is on its way, after the connections were closed; every call is answered."""
        await asyncio.sleep(0)  # what is cancelled before it has begun answers nobody
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._lanes += 1
        await self._lane()  # refuses what still waits

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _lane(self) -> None:
        try:
            while calls := self._next():
                await self._insert(calls)
        finally:
            self._lanes -= 1

    def _next(self) -> list[Call]:
        """The calls for the next statement, in the order they came."""
        calls: list[Call] = []
        records = characters = 0
        while self._waiting:
            call = self._waiting[0]
            if not call.is_answered:
                records += len(call.records)
                characters += call.characters
                if calls and (records > MOST_RECORDS or characters > MOST_CHARACTERS):
                    break
                calls.append(call)
            self._waiting.popleft()
        return calls

    async def _insert_alone(self, call: Call) -> None:
        """Answer a call in a transaction of its own."""
        try:
            try:
                with answer_may_be_lost():
                    async with self._database.transaction() as connection:
                        kept = await self._batch(connection).keep(call)
                call.settle(kept)
            except DuplicateTaskError as error:
                async with self._database.connection() as connection:
                    await self._batch(connection).refuse(call, error)
        except BaseException as error:
            _fail([call], error)

    async def _insert(self, calls: Sequence[Call]) -> None:
        """Answer each of these calls."""
        try:
            async with self._database.connection() as connection:
                with answer_may_be_lost():
                    await self._batch(connection).insert(calls)
        except BaseException as error:
            _fail(calls, error)

    def _batch(self, connection: Any) -> Batch:
        tables = Tables(connection, self._process)
        turns = Turns(connection, tables, self._registry)
        contested = Contested(tables, turns, self._registry, self._now)
        return Batch(connection, tables, turns, contested, self._now)


def _fail(calls: Sequence[Call], error: BaseException) -> None:
    """Answer those that have no answer yet. Raises what ends this asyncio task."""
    for call in calls:
        call.fail(error if isinstance(error, Exception) else LostAnswerError())
    if ends_this_task(error):
        raise error
