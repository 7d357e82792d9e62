"""Statements that many callers share: what comes in while some are on their way goes into the next.

One caller that waits for each of its submits has a statement and a commit for each, at once. A
hundred callers have a few statements and commits for all of them. Commits that notify wait for each
other, so few large ones are quicker than many small ones, for every process.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from bgtasks.backends.postgres.contested import Contested, Kept
from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.server_errors import answer_may_be_lost, concerns_statement
from bgtasks.backends.postgres.tables import Tables, taken
from bgtasks.backends.postgres.turns import Turns
from bgtasks.backends.task_store import LostAnswerError, Stored
from bgtasks.concurrency.lasting import ends_this_task
from bgtasks.core.record import TaskRecord
from bgtasks.errors import DuplicateTaskError
from bgtasks.registry import Registry

__all__ = ["SharedInserts"]

AT_ONCE = 2
"""Statements that are on their way: while the server works on one, the next is made."""

MOST_RECORDS = 500
MOST_CHARACTERS = 1_000_000
"""What calls may share a statement for. A call that is larger goes alone, beside the others."""


class _Call:
    """The tasks of one caller, which are accepted all or none. ``again``: they may be stored
    already, by a statement whose answer was lost."""

    __slots__ = ("again", "answer", "characters", "records")

    def __init__(self, records: Sequence[TaskRecord], again: bool) -> None:
        self.records = records
        self.again = again
        self.characters = sum(len(record.data) for record in records)
        self.answer: asyncio.Future[Kept] = asyncio.get_running_loop().create_future()

    @property
    def is_large(self) -> bool:
        """Whether it is more than calls may share a statement for."""
        return len(self.records) > MOST_RECORDS or self.characters > MOST_CHARACTERS

    @property
    def needs_transaction(self) -> bool:
        """Whether one statement does not do: for tasks that take turns, and for several of which
        some may not be accepted because their keys are held."""
        takes_turns = any(record.turn_key is not None for record in self.records)
        are_unique = any(record.held_key is not None for record in self.records)
        return takes_turns or (are_unique and len(self.records) > 1)

    @property
    def ids(self) -> list[UUID]:
        """Of its tasks."""
        return [record.id for record in self.records]

    @property
    def is_answered(self) -> bool:
        """Whether the caller has an answer, or no longer waits for one."""
        return self.answer.done()

    def accept(self, sequences: Mapping[UUID, int]) -> None:
        """They are stored."""
        self.settle(Kept(self.accepted(sequences), {}))

    def accepted(self, sequences: Mapping[UUID, int]) -> Sequence[TaskRecord]:
        """Those of its tasks that have these sequences, as they are stored."""
        return [
            record._replace(sequence=sequences[record.id])
            for record in self.records
            if record.id in sequences
        ]

    def settle(self, kept: Kept) -> None:
        """It is known what became of them."""
        if not self.is_answered:
            self.answer.set_result(kept)

    def fail(self, error: BaseException) -> None:
        """None of them is stored, or nobody knows."""
        if not self.is_answered:
            self.answer.set_exception(error)


class SharedInserts:
    """Inserts the tasks of many callers by few statements; each caller gets its own answer."""

    def __init__(
        self,
        database: Database,
        process: UUID,
        registry: Registry,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._process = process
        self._registry = registry
        self._now = now
        self._waiting: deque[_Call] = deque()
        self._lanes = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def insert(self, records: Sequence[TaskRecord], *, again: bool) -> Kept:
        """What became of new tasks, once it is committed.

        Raises DuplicateTaskError for these alone, LostAnswerError where they may have been stored
        all the same, and what else the server refuses. Whoever gives up while the statement is on
        its way does not stop it.
        """
        call = _Call(records, again)
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

    def _next(self) -> list[_Call]:
        """The calls for the next statement, in the order they came."""
        calls: list[_Call] = []
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

    async def _insert_alone(self, call: _Call) -> None:
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

    async def _insert(self, calls: Sequence[_Call]) -> None:
        """Answer each of these calls."""
        try:
            async with self._database.connection() as connection:
                with answer_may_be_lost():
                    await self._batch(connection).insert(calls)
        except BaseException as error:
            _fail(calls, error)

    def _batch(self, connection: Any) -> "_Batch":
        tables = Tables(connection, self._process)
        turns = Turns(connection, tables, self._registry)
        contested = Contested(tables, turns, self._registry, self._now)
        return _Batch(connection, tables, turns, contested, self._now)


class _Batch:
    """Calls that share a connection. What the server refuses one of them for is not laid on the
    others: they are inserted without it."""

    def __init__(
        self,
        connection: Any,
        tables: Tables,
        turns: Turns,
        contested: Contested,
        now: Callable[[], datetime],
    ) -> None:
        self._connection = connection
        self._tables = tables
        self._turns = turns
        self._contested = contested
        self._now = now

    async def insert(self, calls: Sequence[_Call]) -> None:
        """Answer each of these calls. Raises what concerns all that have no answer yet."""
        if not calls:
            return
        try:
            sequences = await self._tables.insert(
                [record for call in calls for record in call.records], self._now()
            )
        except DuplicateTaskError as error:
            await self._insert_without_taken(calls, error)
        except Exception as error:
            if not concerns_statement(error):
                raise
            await self._insert_parts(calls, error)
        else:
            await self._answer(calls, sequences)

    async def _answer(self, calls: Sequence[_Call], sequences: Mapping[UUID, int]) -> None:
        """Those whose keys are held are all of one task."""
        contested = [call for call in calls if call.records[0].id not in sequences]
        for call in calls:
            if call.records[0].id in sequences:
                call.accept(sequences)
        if contested:
            await self._answer_contested(contested)

    async def _answer_contested(self, calls: Sequence[_Call]) -> None:
        """Nothing is to be written for most of them."""
        holders = await self._contested.unchanged([call.records[0] for call in calls])
        for call in calls:
            holder = None if call.again else holders.get(str(call.records[0].held_key))
            if holder is not None:
                call.settle(Kept([], {0: holder}))
            else:
                await self._insert_whole(call)

    async def _insert_whole(self, call: _Call) -> None:
        try:
            async with self._connection.transaction():
                kept = await self.keep(call)
        except DuplicateTaskError as error:
            await self.refuse(call, error)
        else:
            call.settle(kept)

    async def keep(self, call: _Call) -> Kept:
        """What becomes of a call for which one statement does not do, in an open transaction. The
        keys of some of its tasks may be held: where the others are its own that are stored, only
        for those something is left to do."""
        stored = await self._stored(call) if call.again else {}
        left = [at for at, record in enumerate(call.records) if record.id not in stored]
        if not left:
            return Kept(call.accepted(stored), {})
        records = await self._turns.in_line([call.records[at] for at in left])
        kept = await self._contested.insert(records)
        holders = {left[at]: holder for at, holder in kept.holders.items()}
        if any(call.records[at].id == holder.id for at, holder in holders.items()):
            raise LostAnswerError  # the try before this one was committed a moment ago
        return Kept([*call.accepted(stored), *kept.written], holders)

    async def _insert_without_taken(
        self, calls: Sequence[_Call], error: DuplicateTaskError
    ) -> None:
        """Refuse those whose ids are taken, by others or by another call that is before them."""
        known = await self._tables.known([item for call in calls for item in call.ids])
        fresh: list[_Call] = []
        later: list[_Call] = []
        seen: set[UUID] = set()
        for call in calls:
            ids = set(call.ids)
            if len(ids) < len(call.records) or ids & known:
                await self.refuse(call, taken(call.ids))
            elif ids & seen:
                later.append(call)
            else:
                fresh.append(call)
                seen |= ids
        if len(fresh) == len(calls):  # whoever had taken one is gone
            await self._insert_parts(calls, error)
        else:
            await self.insert(fresh)
            await self.insert(later)

    async def refuse(self, call: _Call, error: DuplicateTaskError) -> None:
        """Unless they are its own: then an answer that was lost is known now."""
        stored = await self._stored(call) if call.again else {}
        if len(stored) == len(call.records):
            call.accept(stored)
        else:
            call.fail(LostAnswerError() if stored else error)

    async def _stored(self, call: _Call) -> Mapping[UUID, int]:
        """The sequences of those of its tasks that are stored."""
        kept = await self._tables.find_whole(call.ids)
        return {
            record.id: kept[record.id].record.sequence
            for record in call.records
            if _is_same(record, kept.get(record.id))
        }

    async def _insert_parts(self, calls: Sequence[_Call], error: Exception) -> None:
        """Find the call that the server refuses, by halves."""
        if len(calls) == 1:
            calls[0].fail(error)
            return
        middle = len(calls) // 2
        await self.insert(calls[:middle])
        await self.insert(calls[middle:])


def _is_same(record: TaskRecord, stored: Stored | None) -> bool:
    """Whether the stored task is the one that was to be kept, and not another with its id."""
    if stored is None:
        return False
    kept = stored.record
    return (record.type, record.data, record.created_at) == (kept.type, kept.data, kept.created_at)


def _fail(calls: Sequence[_Call], error: BaseException) -> None:
    """Answer those that have no answer yet. Raises what ends this asyncio task."""
    for call in calls:
        call.fail(error if isinstance(error, Exception) else LostAnswerError())
    if ends_this_task(error):
        raise error
