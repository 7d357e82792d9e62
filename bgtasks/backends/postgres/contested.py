"""New tasks whose keys other tasks hold."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from bgtasks.backends.postgres.tables import Tables
from bgtasks.backends.postgres.turns import Turns, moved_turns
from bgtasks.core.conflicts import is_begun_by, resolve
from bgtasks.core.keys import has_expired, key_behind
from bgtasks.core.lifecycle import Change
from bgtasks.core.record import TaskRecord
from bgtasks.core.unique import Conflict
from bgtasks.registry import Registry

__all__ = ["Contested", "Kept"]


class Kept(NamedTuple):
    """What became of new tasks: what was written, and by their places the holders of the keys of
    those that were not accepted."""

    written: Sequence[TaskRecord]
    holders: Mapping[int, TaskRecord]


class Contested:
    """Keeps new tasks, or does what their types say where their keys are held. Whoever submits the
    same at the same time, in whichever process, meets the unique index: nothing is decided by what
    was read before."""

    def __init__(
        self,
        tables: Tables,
        turns: Turns,
        registry: Registry,
        now: Callable[[], datetime],
    ) -> None:
        self._tables = tables
        self._turns = turns
        self._registry = registry
        self._now = now

    async def insert(self, records: Sequence[TaskRecord]) -> Kept:
        """Keep new tasks, in an open transaction, which can only be rolled back if this raises.
        Raises DuplicateTaskError."""
        sequences = await self._tables.insert(records, self._now())
        written: list[TaskRecord] = []
        holders = {}
        for place, record in enumerate(records):
            if record.id in sequences:
                written.append(record._replace(sequence=sequences[record.id]))
            elif (holder := await self._keep(record, written)) is not None:
                holders[place] = holder
        return Kept(written, holders)

    async def unchanged(self, records: Sequence[TaskRecord]) -> Mapping[str, TaskRecord]:
        """Of new tasks whose keys are held: the holders, by their keys, where that is all there is
        to say. The others are to be inserted in a transaction."""
        keys = [str(item.held_key) for item in records if self._conflict(item) == "existing"]
        found = await self._tables.holders(keys) if keys else {}
        now = self._now()
        stored = ((key, item.record) for key, item in found.items())
        return {key: holder for key, holder in stored if not has_expired(holder, now)}

    async def begun(self, records: Sequence[TaskRecord]) -> dict[int, TaskRecord]:
        """Of new tasks that may have been submitted before, by an answer that was lost: the holders
        that do by now what they say, by their places."""
        replacing = {
            place: str(record.held_key)
            for place, record in enumerate(records)
            if record.held_key is not None and self._conflict(record) == "replace"
        }
        if not replacing:
            return {}
        holders = await self._tables.holders(list(replacing.values()))
        whole = await self._tables.find_whole([item.record.id for item in holders.values()])
        found = {str(item.record.held_key): item.record for item in whole.values()}
        return {
            place: found[key]
            for place, key in replacing.items()
            if key in found and is_begun_by(records[place], found[key])
        }

    async def _keep(self, record: TaskRecord, written: list[TaskRecord]) -> TaskRecord | None:
        """The holder of the key of a new task that is not accepted; what is written is added."""
        while True:
            try:
                # What a try in vain has locked is free again: others wait for it.
                async with self._tables.part():
                    kept = await self._try(record)
            except _MovedOnError:
                continue
            written += kept.written
            return kept.holders.get(0)

    async def _try(self, record: TaskRecord) -> Kept:
        """Raises _MovedOnError where somebody else was quicker."""
        key, now = str(record.held_key), self._now()
        found = await self._tables.holders([key, key_behind(key)])
        holder, follower = found.get(key), found.get(key_behind(key))
        if holder is None:
            return await self._accept(record, now)
        if has_expired(holder.record, now):
            await self._tables.free_expired(key, now)
            return await self._accept(record, now)
        behind_it = None if follower is None else follower.record
        outcome = resolve(record, holder.record, behind_it, self._conflict(record), now)
        if outcome is None:
            return Kept([], {0: holder.record})
        if isinstance(outcome, Change):
            return await self._replace(outcome, (follower or holder).place, now)
        await self._stay_behind(holder.record)
        return await self._accept(outcome, now)

    async def _accept(self, record: TaskRecord, now: datetime) -> Kept:
        sequences = await self._tables.insert([record], now)
        if record.id not in sequences:
            raise _MovedOnError
        return Kept([record._replace(sequence=sequences[record.id])], {})

    async def _replace(self, change: Change, job: int, now: datetime) -> Kept:
        await self._turns.lock(moved_turns([change]))
        if not await self._tables.replace(change, job, now):
            raise _MovedOnError
        followed = await self._turns.follow([change], now)
        return Kept([change.after, *followed], {0: change.after})

    async def _stay_behind(self, holder: TaskRecord) -> None:
        """From now on the holder cannot end before this transaction does: whoever ends it then sees
        the task that waits behind it."""
        locked = await self._tables.lock_holder(str(holder.held_key))
        if locked is None or (locked.id, locked.status) != (holder.id, holder.status):
            raise _MovedOnError

    def _conflict(self, record: TaskRecord) -> Conflict:
        return self._registry.conflict(record.type)


class _MovedOnError(Exception):
    """Another process was quicker."""
