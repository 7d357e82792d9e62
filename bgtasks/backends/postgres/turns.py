"""Which tasks of a key may start: at most so many have their turn at once, the others are held."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from bgtasks.backends.postgres import rows
from bgtasks.backends.postgres.peer import Peer
from bgtasks.backends.postgres.statements import STATEMENTS
from bgtasks.backends.postgres.tables import Tables
from bgtasks.core.events import Held, Released
from bgtasks.core.lifecycle import Change, decide
from bgtasks.core.record import TaskRecord, Turn, turn_of
from bgtasks.registry import Registry

__all__ = ["Turns", "give_free_turns", "moved_turns"]

MOST = 500
"""Tasks of one key whose turn comes in one go."""

KEYS = 100
"""Keys that are looked at in one transaction."""


def moved_turns(changes: Iterable[Change]) -> set[Turn]:
    """The keys of which these changes give up or take a turn."""
    moved: set[Turn] = set()
    for change in changes:
        if change.after.turn_key is None and change.before.turn_key is None:
            continue
        turns = {turn_of(change.before), turn_of(change.after)}
        if len(turns) == 2:
            moved.update(turn for turn in turns if turn is not None)
    return moved


class Turns:
    """The turns of keys, in an open transaction, counted in the tables themselves.

    Whoever gives up or takes a turn locks its key first, until the transaction ends: whoever waits,
    waits only for transactions of the same key. A claim has locked jobs already, which others lock
    after the key: it does not wait for a key, and leaves those tasks for its next look.
    """

    def __init__(self, connection: Any, tables: Tables, registry: Registry) -> None:
        self._connection = connection
        self._tables = tables
        self._registry = registry

    async def lock(self, turns: Collection[Turn]) -> None:
        """Wait until no other transaction has these keys."""
        if turns:
            await self._connection.execute(STATEMENTS["lock_turns"], *_columns(turns))

    async def try_lock(self, turns: Collection[Turn]) -> set[Turn]:
        """Those of these keys that no other transaction has; it is not waited for the others."""
        if not turns:
            return set()
        found = await self._connection.fetch(STATEMENTS["try_lock_turns"], *_columns(turns))
        return {(row[0], row[1]) for row in found}

    async def free(self, turns: Collection[Turn]) -> dict[Turn, int]:
        """How many more tasks of each key may have their turn; below 0: so many have it too
        much. The keys are locked."""
        if not turns:
            return {}
        found = await self._connection.fetch(STATEMENTS["turns_taken"], *_columns(turns))
        return {(name, key): self._limit(name) - taken for name, key, taken in found}

    async def in_line(self, records: Sequence[TaskRecord]) -> list[TaskRecord]:
        """New tasks as they are to be kept: held, where their keys have no turn free."""
        wanted = {turn for record in records if (turn := turn_of(record)) is not None}
        await self.lock(wanted)
        free = await self.free(wanted)
        kept = []
        for record in records:
            if (turn := turn_of(record)) is not None:
                free[turn] -= 1
                record = record._replace(held=free[turn] < 0)
            kept.append(record)
        return kept

    async def follow(self, written: Sequence[Change], now: datetime) -> list[TaskRecord]:
        """After these changes, whose keys are locked: hold what has taken a turn that was not
        free, and give those that were given up to the next of their keys. Returns what that
        changed."""
        moved = moved_turns(written)
        if not moved:
            return []
        free = await self.free([turn for turn in moved if turn[0] in self._registry])
        # A process that does not know how many may passes on what was given up.
        free |= {turn: _given_up(written, turn) for turn in moved - free.keys()}
        over = {turn: -count for turn, count in free.items() if count < 0}
        held = await self._hold([change.after for change in written], over, now) if over else []
        return held + await self.give({turn: n for turn, n in free.items() if n > 0}, now)

    async def give(self, free: Mapping[Turn, int], now: datetime) -> list[TaskRecord]:
        """Give so many turns of keys, which are locked, to those who wait for them; returns the
        tasks that may start."""
        given: list[TaskRecord] = []
        left = {turn: min(count, MOST) for turn, count in free.items()}
        while left:
            found = await self._connection.fetch(
                STATEMENTS["next_held"], *_columns(left), list(left.values())
            )
            waiting = [rows.record_of(row) for row in found]
            changes = [change for record in waiting if (change := decide(record, Released(), now))]
            if not changes:
                break
            jobs = await self._tables.jobs.enqueue_all([change.after for change in changes])
            written = await self._tables.write(changes, jobs)
            done = [change.after for change in changes if change.after.sequence in written]
            given += done
            if len(done) == len(changes):
                break
            for record in done:  # what was marked meanwhile is read again
                left[record.type, str(record.turn_key)] -= 1
            left = {turn: count for turn, count in left.items() if count > 0}
        return given

    async def _hold(
        self, records: Sequence[TaskRecord], over: dict[Turn, int], now: datetime
    ) -> list[TaskRecord]:
        changes = []
        for record in reversed(records):
            turn = turn_of(record)
            if turn is None or over.get(turn, 0) <= 0:
                continue
            if (change := decide(record, Held(), now)) is not None:
                over[turn] -= 1
                changes.append(change)
        if not changes:
            return []
        places = await self._tables.find([change.after.id for change in changes])
        await self._tables.write(changes)
        await self._tables.jobs.release([stored.place for stored in places.values()])
        return [change.after for change in changes]

    def _limit(self, type_name: str) -> int:
        registered = self._registry.named(type_name)
        per_key = None if registered is None else registered.per_key
        return MOST if per_key is None else per_key.limit


async def give_free_turns(peer: Peer) -> None:
    """Give the turns that are free though somebody waits for them: a limit may be higher than when
    these tasks were held."""
    found = await peer.database.fetch(STATEMENTS["held_turns"])
    keys = [(row[0], row[1]) for row in found if row[0] in peer.registry]
    for at in range(0, len(keys), KEYS):
        async with peer.database.transaction() as connection:
            turns = Turns(connection, Tables(connection, peer.process), peer.registry)
            part = keys[at : at + KEYS]
            await turns.lock(part)
            free = await turns.free(part)
            given = await turns.give({turn: n for turn, n in free.items() if n > 0}, peer.now())
        peer.feed.announce(given)


def _given_up(changes: Iterable[Change], turn: Turn) -> int:
    count = 0
    for change in changes:
        count += (turn_of(change.before) == turn) - (turn_of(change.after) == turn)
    return max(count, 0)


def _columns(turns: Iterable[Turn]) -> tuple[list[str], list[str]]:
    return [turn[0] for turn in turns], [turn[1] for turn in turns]
