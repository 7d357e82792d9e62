"""Inserting the new tasks of several callers by one statement."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from bgtasks.backends.postgres.contested import Contested, Kept
from bgtasks.backends.postgres.insert_call import Call
from bgtasks.backends.postgres.server_errors import concerns_statement
from bgtasks.backends.postgres.tables import Tables, taken
from bgtasks.backends.postgres.turns import Turns
from bgtasks.backends.task_store import LostAnswerError, Stored
from bgtasks.core.record import TaskRecord
from bgtasks.errors import DuplicateTaskError

__all__ = ["Batch"]


class Batch:
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

    async def insert(self, calls: Sequence[Call]) -> None:
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

    async def _answer(self, calls: Sequence[Call], sequences: Mapping[UUID, int]) -> None:
        """Those whose keys are held are all of one task."""
        contested = [call for call in calls if call.records[0].id not in sequences]
        for call in calls:
            if call.records[0].id in sequences:
                call.accept(sequences)
        if contested:
            await self._answer_contested(contested)

    async def _answer_contested(self, calls: Sequence[Call]) -> None:
        """Nothing is to be written for most of them."""
        holders = await self._contested.unchanged([call.records[0] for call in calls])
        for call in calls:
            holder = None if call.again else holders.get(str(call.records[0].held_key))
            if holder is not None:
                call.settle(Kept([], {0: holder}))
            else:
                await self._insert_whole(call)

    async def _insert_whole(self, call: Call) -> None:
        try:
            async with self._connection.transaction():
                kept = await self.keep(call)
        except DuplicateTaskError as error:
            await self.refuse(call, error)
        else:
            call.settle(kept)

    async def keep(self, call: Call) -> Kept:
        """What becomes of a call for which one statement does not do, in an open transaction. The
        keys of some of its tasks may be held: where the others are its own that are stored, only
        for those something is left to do."""
        stored = await self._stored(call) if call.again else {}
        holders = await self._contested.begun(call.records) if call.again else {}
        left = [
            at
            for at, record in enumerate(call.records)
            if record.id not in stored and at not in holders
        ]
        if not left:
            return Kept(call.accepted(stored), holders)
        records = await self._turns.in_line([call.records[at] for at in left])
        kept = await self._contested.insert(records)
        holders |= {left[at]: holder for at, holder in kept.holders.items()}
        if any(call.records[at].id == holder.id for at, holder in holders.items()):
            raise LostAnswerError  # the try before this one was committed a moment ago
        return Kept([*call.accepted(stored), *kept.written], holders)

    async def _insert_without_taken(self, calls: Sequence[Call], error: DuplicateTaskError) -> None:
        """Refuse those whose ids are taken, by others or by another call that is before them."""
        known = await self._tables.known([item for call in calls for item in call.ids])
        fresh: list[Call] = []
        later: list[Call] = []
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

    async def refuse(self, call: Call, error: DuplicateTaskError) -> None:
        """Unless they are its own: then an answer that was lost is known now."""
        stored = await self._stored(call) if call.again else {}
        if len(stored) == len(call.records):
            call.accept(stored)
        else:
            call.fail(LostAnswerError() if stored else error)

    async def _stored(self, call: Call) -> Mapping[UUID, int]:
        """The sequences of those of its tasks that are stored."""
        kept = await self._tables.find_whole(call.ids)
        return {
            record.id: kept[record.id].record.sequence
            for record in call.records
            if _is_same(record, kept.get(record.id))
        }

    async def _insert_parts(self, calls: Sequence[Call], error: Exception) -> None:
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
