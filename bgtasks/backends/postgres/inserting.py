"""New tasks, though an answer of the server may be lost."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from bgtasks.backends.loops.unknown_fate import find_out
from bgtasks.backends.postgres.contested import Contested, Kept
from bgtasks.backends.postgres.database import WRITTEN
from bgtasks.backends.postgres.peer import Peer
from bgtasks.backends.postgres.sharing import SharedInserts
from bgtasks.backends.postgres.tables import NOBODY, Tables, some_ids
from bgtasks.backends.postgres.turns import Turns
from bgtasks.backends.task_store import TaskStore
from bgtasks.core.record import TaskRecord, turn_of

__all__ = ["Inserting"]


class Inserting:
    """Keeps new tasks of this process."""

    def __init__(self, owner: TaskStore, peer: Peer) -> None:
        self._owner = owner
        self._database = peer.database
        self._shared = SharedInserts(peer)
        self._registry = peer.registry
        self._now = peer.now
        self._feed = peer.feed
        self._untold = peer.untold

    async def insert(self, records: Sequence[TaskRecord]) -> Mapping[int, TaskRecord]:
        """Keep new tasks; the holders of the keys of those that were not kept."""
        ids = [record.id for record in records]
        with self._untold.while_changing(ids) as (done, _), self._database.asking(WRITTEN):
            kept = await self._insert(records, done)
            self._feed.announce(kept.written)
            return kept.holders

    async def insert_in(
        self, connection: Any, records: Sequence[TaskRecord]
    ) -> Mapping[int, TaskRecord]:
        """Keep new tasks as part of the caller's transaction, which can go on if that fails."""
        with self._database.asking(WRITTEN):
            # Whose turn it is, is decided when they are claimed: the keys must not be locked for as
            # long as the caller's transaction takes.
            now = self._now()
            later = [
                record if turn_of(record) is None else record._replace(due_at=now)
                for record in records
            ]
            async with connection.transaction():
                tables = Tables(connection, NOBODY)
                turns = Turns(connection, tables, self._registry)
                kept = await Contested(tables, turns, self._registry, self._now).insert(later)
                return kept.holders

    async def stop(self) -> None:
        """Give up what is on its way, after the connections were closed."""
        await self._shared.stop()

    async def _insert(self, records: Sequence[TaskRecord], done: asyncio.Event) -> Kept:
        """Their ids make it harmless to insert them again: the second time they are taken."""
        ids = [record.id for record in records]

        async def insert(again: bool) -> Kept:
            return await self._shared.insert(records, again=again)

        def doubt() -> None:
            done.set()  # attempts of them need not wait for what becomes of this
            self._feed.doubt(ids)

        unknown = f"task {some_ids(ids)} was accepted: look it up, or submit it again with its id"
        return await find_out(
            self._owner, self._database.clock, insert, doubt=doubt, unknown=unknown
        )
