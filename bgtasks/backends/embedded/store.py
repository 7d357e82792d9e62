"""Every statement that changes the file. Lives in the writer thread; knows no thread itself."""

import logging
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from bgtasks.backends.cutting_off import cut_off
from bgtasks.backends.embedded import rows
from bgtasks.backends.embedded.clock_steps import ClockSteps
from bgtasks.backends.embedded.reader import fetch_shown
from bgtasks.backends.embedded.slots import Slots
from bgtasks.backends.embedded.statements import STATEMENTS
from bgtasks.backends.task_store import Place, Step
from bgtasks.clock import Clock
from bgtasks.core.events import Claimed, Ended
from bgtasks.core.lifecycle import Change, decide
from bgtasks.core.record import TaskRecord
from bgtasks.core.text import describe
from bgtasks.errors import BackendError, DuplicateTaskError
from bgtasks.models import BackgroundTaskStatus
from bgtasks.registration import Registry

__all__ = ["Store"]

logger = logging.getLogger(__name__)

BATCH = 500
"""Rows that recovery, release and marking take in one go, so that none holds up the others."""

RUNNING = BackgroundTaskStatus.RUNNING


class Store:
    """Applies events to stored tasks, within a transaction that the writer begins and commits.

    ``changes`` and ``claims`` collect what the open transaction has changed and claimed;
    ``refuses`` says why no tasks may be accepted in it, if that is so.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        registry: Registry,
        slots: Slots,
        clock: Clock,
    ) -> None:
        self.connection = connection
        self.changes: list[TaskRecord] = []
        self.claims: list[TaskRecord] = []
        self.serving = False
        self.due_changed = True
        self.refuses: str | None = None
        self._registry = registry
        self._slots = slots
        self._now = clock.now
        self._steps = ClockSteps(clock)
        self._types = [item.type_name for item in registry]
        # Types that may have tasks ready to start. A hint: looking it up settles it.
        self._maybe_ready = set(self._types)
        self._unreadable: set[int] = set()

    # The transaction

    def begin(self) -> None:
        """Open a transaction."""
        self.connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> tuple[list[TaskRecord], list[TaskRecord]]:
        """Make it durable; gives back what it changed and what it claimed."""
        self.connection.execute("COMMIT")
        self._steps.commit()
        changes, claims = self.changes, self.claims
        self.changes, self.claims = [], []
        return changes, claims

    def rollback(self) -> None:
        """Undo it, and forget what was remembered of it."""
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        self._steps.rollback()
        for record in self.claims:
            self.release((record.sequence, record.attempt))
        self.changes, self.claims = [], []
        self._maybe_ready.update(self._types)
        self.due_changed = True

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Several statements that stand or fall together. One alone does so by itself."""
        changes, claims = len(self.changes), len(self.claims)
        self.connection.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK TO part")
                self.connection.execute("RELEASE part")
            for record in self.claims[claims:]:
                self.release((record.sequence, record.attempt))
            del self.changes[changes:], self.claims[claims:]
            raise
        self.connection.execute("RELEASE part")

    # What happens to tasks

    def submit(self, records: Sequence[TaskRecord]) -> None:
        """Keep new tasks; those for which a place is free are claimed in the same statement."""
        self._check_accepting()
        if any(record.due_at is not None for record in records):
            self._follow_clock()
        if len(records) == 1:
            self._insert(records[0])
            return
        with self.all_or_nothing():
            for record in records:
                self._insert(record)

    def find(self, task_ids: Sequence[UUID]) -> dict[UUID, TaskRecord]:
        """Those of these tasks that there are, without their data."""
        return {
            record.id: record for record in fetch_shown(self.connection, task_ids, payloads=True)
        }

    def write(self, changes: Sequence[Change]) -> list[UUID]:
        """Write changes, all or none; those of tasks that are still what was decided on."""
        if any(change.after.due_at is not None for change in changes):
            self._follow_clock()
        if any(change.before.status.is_final for change in changes):
            self._check_accepting()
        with self.all_or_nothing():
            return [change.after.id for change in changes if self._write(change)]

    def settle(self, steps: Sequence[Step]) -> list[Step]:
        """Write what attempts report and how they ended, all or none; the steps that are dealt
        with. Places are free in any case: the attempts have ended."""
        for step in steps:
            if step.over:
                self.release(step.place)
        if len(steps) == 1:
            step = steps[0]
            change = step.change
            if change is None or (change.failure is None and change.after.due_at is None):
                return [step] if change is None or self._write(change) else []
        if any(step.change is not None and step.change.after.due_at for step in steps):
            self._follow_clock()
        with self.all_or_nothing():
            return [step for step in steps if step.change is None or self._write(step.change)]

    def release(self, place: Place) -> None:
        """Free the place of an attempt."""
        type_name = self._slots.release(place)
        if type_name is not None:
            self._maybe_ready.add(type_name)

    # Who starts next

    def claim(self) -> None:
        """Claim what is ready, by priority and then by age, as far as places are free."""
        if not (self.serving and self._maybe_ready) or self._slots.free() <= 0:
            return
        candidates: list[tuple[int, int, str]] = []
        for type_name in list(self._maybe_ready):
            wanted = self._slots.free_for(type_name)
            if wanted <= 0:
                continue
            limit = wanted + len(self._unreadable)
            ready = self._execute("ready_tasks", (type_name, limit)).fetchall()
            candidates += [
                (-priority, sequence, type_name)
                for priority, sequence in ready
                if sequence not in self._unreadable
            ]
            if len(ready) < limit:
                self._maybe_ready.discard(type_name)
        candidates.sort()
        chosen, left = candidates[: self._slots.free()], candidates[self._slots.free() :]
        self._maybe_ready.update(type_name for _, _, type_name in left)
        for _, sequence, _ in chosen:
            self._claim_sequence(sequence)

    def look(self) -> None:
        """Let tasks start whose time has come, some at a time; ``next_due`` tells if there are
        more of them. What is ready is claimed with the commit."""
        self._follow_clock()
        due = self._execute("due_tasks", (rows.from_time(self._now()), BATCH)).fetchall()
        for sequence, type_name in due:
            self._execute("release_task", (sequence,))
            self._maybe_ready.add(type_name)
        self.due_changed = True

    def next_due(self) -> datetime | None:
        """When the next delayed task may start."""
        self.due_changed = False
        return rows.to_time(self._execute("next_due").fetchone()[0])

    # At start, and from time to time

    def recover(self) -> bool:
        """Take back tasks that nobody runs after a crash; whether there may be more of them."""
        left = self._execute("running_tasks", (BATCH,)).fetchall()
        for record in filter(None, map(self._readable, left)):
            outcome = cut_off(record, self._registry, "the process ended without a stop")
            change = decide(record, Ended(record.attempt, outcome), self._now())
            if change is not None:
                self._write(change)
        return len(left) == BATCH

    def unknown_types(self) -> list[str]:
        """Types of stored tasks that are not registered."""
        types, name = [], ""
        while (name := self._execute("next_type", (name,)).fetchone()[0]) is not None:
            types.append(name)
        return [name for name in types if name not in self._registry]

    def waiting(
        self, type_name: str, after: int, limit: int
    ) -> tuple[list[TaskRecord], int | None]:
        """See :meth:`TaskStore.waiting`."""
        found = self._execute("waiting_tasks", (type_name, after, limit)).fetchall()
        records = list(filter(None, map(self._readable, found)))
        return records, found[-1][0] if found else None

    def prune(self, before: datetime, limit: int) -> int:
        """Drop tasks that became final before a time; how many."""
        return self._execute("prune", (rows.from_time(before), limit)).rowcount

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

    def _follow_clock(self) -> None:
        """Where the computer's clock was set back, what waits for a time to pass must not wait
        for that much longer. Not within a savepoint: a step is told once."""
        if (step := self._steps.back()) is None:
            return
        moved = self._execute("move_delayed", (step // timedelta(microseconds=1),)).rowcount
        self.due_changed = True
        logger.warning(
            "the computer's clock was set back by %s: %d delayed tasks start as if it were not",
            step,
            moved,
        )

    def _insert(self, record: TaskRecord) -> None:
        claim = self._claim_at_once(record)
        stored = claim.after if claim else record
        try:
            cursor = self._execute("insert_task", rows.insert_values(stored))
        except sqlite3.IntegrityError as error:
            raise DuplicateTaskError(
                f"a task with the id {record.id} was accepted before; "
                "leave the id out to get a new one"
            ) from error
        sequence = cursor.lastrowid or 0
        self.changes.append(record._replace(sequence=sequence))
        if claim:
            self._claimed(stored._replace(sequence=sequence))
        elif record.due_at is not None:
            self.due_changed = True
        else:
            self._maybe_ready.add(record.type)

    def _claim_at_once(self, record: TaskRecord) -> Change | None:
        """A new task that nobody waits before, with a free place, is written as running."""
        free_for = self._slots.free_for
        if record.due_at is not None or not self.serving or free_for(record.type) <= 0:
            return None
        # Of another type, too, somebody may be waiting for the last place in this process.
        if record.type in self._maybe_ready or any(map(free_for, self._maybe_ready)):
            return None
        return decide(record, Claimed(), self._now())

    def _claim_sequence(self, sequence: int) -> None:
        record = self._readable(self._execute("task_by_sequence", (sequence,)).fetchone())
        change = None if record is None else decide(record, Claimed(), self._now())
        if change is not None and self._write(change):
            self.claims.append(change.after)
            self._slots.take((change.after.sequence, change.after.attempt), change.after.type)

    def _readable(self, row: tuple[Any, ...]) -> TaskRecord | None:
        """The record in a row; ``None`` for one that somebody has changed into what is none,
        which then must not keep the others from their turn."""
        try:
            return rows.record_of(row)
        except Exception as error:
            sequence = rows.sequence_of(row)
            self._unreadable.add(sequence)
            logger.error("row %s of the table tasks cannot be read: %s", sequence, describe(error))
            return None

    def _claimed(self, record: TaskRecord) -> None:
        self.changes.append(record)
        self.claims.append(record)
        self._slots.take((record.sequence, record.attempt), record.type)

    def _write(self, change: Change) -> bool:
        """Whether the task was still what was decided on, and is changed."""
        before, after = change.before, change.after
        if before.status is RUNNING is after.status and not after.cancel_requested:
            cursor = self._execute("write_report", rows.report_values(before, after))
        else:
            cursor = self._execute("write_change", rows.change_values(before, after))
        if cursor.rowcount != 1:
            return False
        if (failure := change.failure) is not None:
            self._execute(
                "write_failure",
                (
                    after.sequence,
                    failure.attempt,
                    failure.kind,
                    failure.error_message,
                    failure.traceback,
                    rows.from_time(failure.ended_at),
                ),
            )
        self._remember(after)
        return True

    def _remember(self, record: TaskRecord) -> None:
        self.changes.append(record)
        if record.status is not BackgroundTaskStatus.PENDING:
            return
        if record.due_at is not None:
            self.due_changed = True
        elif record.type in self._registry:
            self._maybe_ready.add(record.type)

    def _execute(self, name: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        return self.connection.execute(STATEMENTS[name], values)
