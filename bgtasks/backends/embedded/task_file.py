"""The tasks in the file, as what happens to them changes them. Lives in the writer thread; knows no
thread itself."""

import sqlite3
from collections.abc import Sequence
from itertools import compress
from uuid import UUID

from bgtasks.backends.embedded import rows
from bgtasks.backends.embedded.bulk import Bulk, frees_key, is_plain_end, is_report
from bgtasks.backends.embedded.held_keys import HeldKeys
from bgtasks.backends.embedded.openings import Openings
from bgtasks.backends.embedded.reader import fetch_shown
from bgtasks.backends.embedded.side_tables import SIDE_TABLES
from bgtasks.backends.embedded.statements import STATEMENTS
from bgtasks.backends.embedded.task_queue import TaskQueue
from bgtasks.backends.embedded.transaction import Transaction
from bgtasks.backends.embedded.turns import MOST, Turns
from bgtasks.backends.task_store import Step
from bgtasks.clock import Clock
from bgtasks.core.conflicts import frees_for_follower, key_is_held, resolve
from bgtasks.core.events import Claimed, Event, Held, Released, TurnCame, VersionUnknown
from bgtasks.core.lifecycle import Change, decide
from bgtasks.core.record import TaskRecord, turn_of
from bgtasks.errors import BackendError, DuplicateTaskError
from bgtasks.models import BackgroundTaskStatus
from bgtasks.registry import Registry

__all__ = ["TaskFile"]

RUNNING = BackgroundTaskStatus.RUNNING


class TaskFile:
    """Applies events to stored tasks, within a transaction that the writer begins and commits.

    ``refuses`` says why no tasks may be accepted in the open transaction, if that is so.
    ``process`` is kept with the attempts that begin.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        registry: Registry,
        openings: Openings,
        clock: Clock,
        process: str | None = None,
    ) -> None:
        self.connection = connection
        self.queue: TaskQueue = TaskQueue(connection, registry, openings, clock)
        self._turns = Turns(connection, registry)
        self.transaction: Transaction = Transaction(connection, self.queue)
        self._keys = HeldKeys(connection)
        self._claim = claim = Claimed(process)
        self._bulk = Bulk(connection, self.queue, self._keys, self.transaction, claim, clock.now)
        self.refuses: str | None = None
        self._registry = registry
        self._now = clock.now

    # What happens to tasks

    def submit(self, records: Sequence[TaskRecord]) -> dict[int, TaskRecord]:
        """Keep new tasks; those for which a slot is free are claimed in the same statement.
        Returns, by their places, the holders of the keys of those that were not kept."""
        self._check_accepting()
        if any(record.due_at is not None for record in records):
            self.queue.follow_clock()
        if len(records) > 1 and all(self._bulk.fit([records])) and self._bulk.insert(records):
            return {}
        if len(records) == 1:
            record = self._in_line(records[0])
            claim = self._claim_at_once(record)
            is_one_statement = claim is None or not claim.beside
            if is_one_statement and self._insert(record, claim):
                return {}
        with self.transaction.all_or_nothing():
            kept = [self._keep(self._in_line(record)) for record in records]
        return {place: holder for place, holder in enumerate(kept) if holder is not None}

    def submit_together(self, submits: Sequence[Sequence[TaskRecord]]) -> list[bool]:
        """Keep new tasks of several callers at once. Says of each whether its tasks are kept: try
        the others alone."""
        if self.refuses is not None:
            return [False] * len(submits)
        fit = self._bulk.fit(submits)
        together = [record for records in compress(submits, fit) for record in records]
        return fit if self._bulk.insert(together) else [False] * len(submits)

    def find(self, task_ids: Sequence[UUID]) -> dict[UUID, TaskRecord]:
        """Those of these tasks that there are, without their data."""
        return {
            record.id: record for record in fetch_shown(self.connection, task_ids, payloads=True)
        }

    def write(self, changes: Sequence[Change]) -> list[UUID]:
        """Write changes, all or none; those of tasks that are still what was decided on."""
        if any(change.after.due_at is not None for change in changes):
            self.queue.follow_clock()
        if any(change.before.status.is_final for change in changes):
            self._check_accepting()
        with self.transaction.all_or_nothing():
            return [change.after.id for change in changes if self._write_asked(change)]

    def settle(self, steps: Sequence[Step]) -> list[Step]:
        """Write what attempts report and how they ended, all or none; the steps that are dealt
        with. Slots are free in any case: the attempts have ended."""
        for step in steps:
            if step.over:
                self.queue.ended(step.place)
        if len(steps) == 1:
            step = steps[0]
            change = step.change
            if change is None or _is_one_statement(change):
                return [step] if change is None or self._write(change) else []
        if any(step.change is not None and step.change.after.due_at for step in steps):
            self.queue.follow_clock()
        with self.transaction.all_or_nothing():
            plain = [step for step in steps if _is_plain(step.change)]
            if len(plain) > 1 and self._bulk.write([step.change for step in plain if step.change]):
                written = set(plain)
                left = [step for step in steps if step not in written]
            else:
                plain, left = [], list(steps)
            return plain + [step for step in left if not step.change or self._write(step.change)]

    def claim(self) -> None:
        """Claim what starts next. Before that, turns that were given up go to the next of their
        keys."""
        if self._turns.freed:
            self._give_turns()
        for sequence in self.queue.first():
            row = self._execute("task_by_sequence", (sequence,)).fetchone()
            record = self.queue.readable(row)
            if record is None:
                continue
            if (why := self._registry.why_too_new(record)) is not None:
                self._leave(record, why)
                continue
            change = decide(record, self._claim, self._now())
            if change is not None and self._write(change):
                self._claimed(change.after)

    def _leave(self, record: TaskRecord, why: str) -> None:
        """Pass over a task that a newer release can run, and this one cannot."""
        self._apply(record, VersionUnknown(why))
        self.queue.leave(record)

    # At start, and from time to time

    def prepare(self) -> None:
        """Know what is kept of types, since when flows are counted, and give the turns that are
        free with the commit."""
        self._execute("note_known_since", (rows.from_time(self._now()),))
        self.queue.load()
        self._turns.look_at_all()

    def gives_turns(self) -> bool:
        """Whether there are turns to be given with the commit."""
        return bool(self._turns.freed)

    def look(self) -> None:
        """Let tasks start whose time has come, with the commit; whose turn has not come as well is
        held."""
        for sequence, type_name, turn_key in self.queue.due():
            if turn_key is not None and self._turns.free((type_name, turn_key)) <= 0:
                row = self._execute("shown_by_sequence", (sequence,)).fetchone()
                self._apply(self.queue.readable(row), Held())
            else:
                self.queue.let_go(sequence, type_name)

    # Types

    def pause(self, type_name: str, reason: str | None) -> None:
        """Claim nothing of a type from this transaction on."""
        self.queue.pause(type_name, reason)

    def resume(self, type_name: str) -> bool:
        """Claim tasks of a type again; whether it was paused."""
        return self.queue.resume(type_name)

    # For the writer

    def idle(self) -> None:
        """Nothing: an operation whose only purpose is the commit that it is part of."""

    def touch(self) -> None:
        """Write something that changes nothing, which shows whether the file can be written."""
        version = self.connection.execute("PRAGMA user_version").fetchone()[0]
        self.connection.execute(f"PRAGMA user_version = {version}")

    # Inside

    def _check_accepting(self) -> None:
        if self.refuses is not None:
            raise BackendError(self.refuses)

    def _in_line(self, record: TaskRecord) -> TaskRecord:
        """A new task as it is kept: held, where its key has no turn free."""
        turn = None if record.turn_key is None else turn_of(record)
        return record if turn is None else record._replace(held=self._turns.free(turn) <= 0)

    def _claim_at_once(self, record: TaskRecord) -> Change | None:
        if not self.queue.starts_at_once(record):
            return None
        claim = decide(record, self._claim, self._now())
        # A key that the claim frees has to be free before it, too.
        return claim if claim and claim.after.held_key == record.held_key else None

    def _insert(self, record: TaskRecord, claim: Change | None) -> bool:
        """Keep a new task; with a ``claim``, as one that runs. ``False`` if its key is held."""
        stored = claim.after if claim else record
        statement = "insert_task" if record.held_key is None else "insert_unique_task"
        try:
            cursor = self._execute(statement, rows.insert_values(stored))
        except sqlite3.IntegrityError as error:
            raise DuplicateTaskError(
                f"a task with the id {record.id} was accepted before; "
                "leave the id out to get a new one",
                record.id,
            ) from error
        if cursor.rowcount != 1:
            return False
        accepted = record._replace(sequence=cursor.lastrowid or 0)
        self.transaction.changes.append(accepted)
        self.transaction.moved(None, accepted)
        if claim is None:
            self.queue.changed(accepted)
            return True
        started = stored._replace(sequence=accepted.sequence)
        if claim.beside:
            SIDE_TABLES.write(self.connection, accepted.sequence, claim.beside)
        self.transaction.changes.append(started)
        self.transaction.moved(accepted, started)
        self._claimed(started)
        return True

    def _keep(self, record: TaskRecord) -> TaskRecord | None:
        """Keep a new task, or do what its type says where its key is held: then the holder."""
        if self._insert(record, self._claim_at_once(record)):
            return None
        key, now = str(record.held_key), self._now()
        if self._keys.free_expired(key, now):
            return self._keep(record)
        holder, follower = self._keys.holder(key), self._keys.waiting_behind(key)
        assert holder is not None  # noqa: S101 - nobody else writes
        outcome = resolve(record, holder, follower, self._registry.conflict(record.type), now)
        if isinstance(outcome, TaskRecord):
            self._insert(outcome, None)
            return None
        if outcome is None:
            return holder
        self._write(outcome, replaces=True)
        return outcome.after

    def _write_asked(self, change: Change) -> bool:
        """Write what somebody asked for; a retry takes the key again."""
        key = change.after.held_key
        if key is not None and change.before.status.is_final:
            self._keys.free_expired(key, self._now())
            holder = self._keys.holder(key)
            if holder is not None and holder.id != change.after.id:
                raise key_is_held(change.after.id, holder.id)
        return self._write(change)

    def _write(self, change: Change, *, replaces: bool = False) -> bool:
        """Whether the task was still what was decided on, and is changed; to other work, if it
        ``replaces`` it."""
        before, after = change.before, change.after
        if is_report(change):
            cursor = self._execute("write_report", rows.report_values(before, after))
        elif is_plain_end(change):
            statement = "write_freeing_end" if frees_key(change) else "write_end"
            cursor = self._execute(statement, rows.end_values(before, after))
        elif replaces:
            cursor = self._execute("write_replacement", rows.replacement_values(before, after))
        else:
            cursor = self._execute("write_change", rows.change_values(before, after))
        if cursor.rowcount != 1:
            return False
        if change.beside:
            SIDE_TABLES.write(self.connection, after.sequence, change.beside)
        self.transaction.changes.append(after)
        self.queue.changed(after)
        self.transaction.moved(before, after)
        if frees_for_follower(change):
            self._pass_on(str(before.held_key), after)
        if after.turn_key is not None:
            self._follow_turn(before, after)
        return True

    def _follow_turn(self, before: TaskRecord, after: TaskRecord) -> None:
        """A task that gives up its turn leaves it to the next of its key; one that takes a turn
        that is not free is held."""
        had, has = turn_of(before), turn_of(after)
        if had is not None and had != has:
            self._turns.freed[had] = None
        if has is not None and had != has and self._turns.free(has) < 0:
            self._apply(after, Held())

    def _give_turns(self) -> None:
        """Let the next of each key start in which a turn is free, some at a time."""
        freed, self._turns.freed = self._turns.freed, {}
        for key in freed:
            free = self._turns.free(key)
            found = self._turns.next_rows(key, free + self.queue.unreadable) if free > 0 else []
            for record in list(filter(None, map(self.queue.readable, found)))[:free]:
                self._apply(record, Released())
            if free == MOST and len(found) >= free:
                self._turns.freed[key] = None

    def _apply(self, record: TaskRecord | None, event: Event) -> None:
        change = None if record is None else decide(record, event, self._now())
        if change is not None:
            self._write(change)

    def _pass_on(self, key: str, ended: TaskRecord) -> None:
        """The task that waits behind this one gets its key."""
        follower = self._keys.waiting_behind(key)
        if follower is None:
            return
        if ended.held_key is not None:
            self._keys.hand_over(key)
        change = decide(follower, TurnCame(ended.key_until), self._now())
        if change is not None:
            self._write(change)

    def _claimed(self, record: TaskRecord) -> None:
        self.transaction.claims.append(record)
        self.queue.claimed(record)

    def _execute(self, name: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        return self.connection.execute(STATEMENTS[name], values)


def _is_plain(change: Change | None) -> bool:
    """Whether it can be written together with others: a report or the usual end."""
    if change is None or change.beside:
        return False
    return is_report(change) or is_plain_end(change)


def _is_one_statement(change: Change) -> bool:
    """Whether nothing but the row of the task is written."""
    return not (change.beside or change.after.due_at or frees_for_follower(change))
