"""Statements for many tasks at once, where each of them needs no more than its own row.

One statement with the values of many rows costs a third less than one statement for each. It stands
or falls as a whole, so where it falls nothing is written, and whoever asked goes one by one: then
each learns its own fate.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from operator import and_

from bgtasks.backends.columns import Columns, are_none
from bgtasks.backends.embedded import rows
from bgtasks.backends.embedded.held_keys import HeldKeys
from bgtasks.backends.embedded.statements import STATEMENTS
from bgtasks.backends.embedded.task_queue import TaskQueue
from bgtasks.backends.embedded.transaction import Transaction
from bgtasks.core.conflicts import frees_for_follower
from bgtasks.core.events import Claimed
from bgtasks.core.lifecycle import Change, decide
from bgtasks.core.record import TaskRecord, changing
from bgtasks.models import BackgroundTaskStatus

__all__ = ["Bulk", "frees_key", "is_plain_end", "is_report"]

RUNNING = BackgroundTaskStatus.RUNNING

_numbered = changing("sequence")


class _MovedOnError(Exception):
    """A task is no longer what was decided on."""


class Bulk:
    """Writes within the open transaction. ``insert`` and ``write`` return whether all is written;
    if not, nothing is."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        queue: TaskQueue,
        keys: HeldKeys,
        transaction: Transaction,
        claim: Claimed,
        now: Callable[[], datetime],
    ) -> None:
        self._connection = connection
        self._queue = queue
        self._keys = keys
        self._transaction = transaction
        self._claim = claim
        self._now = now

    def insert(self, records: Sequence[TaskRecord]) -> bool:
        """Keep new tasks; those for which a slot is free are claimed in the same statement. Each
        has to be ``fit``."""
        return not records or self._together(lambda: self._insert(records))

    def fit(self, submits: Sequence[Sequence[TaskRecord]]) -> list[bool]:
        """For each of some callers, whether ``insert`` takes its new tasks together with those of
        the others: none waits for a time or a turn, or has a key that another task has."""
        plain = [all(map(_is_plain, records)) for records in submits]
        keys = [item.held_key for each in submits for item in each if item.held_key is not None]
        return list(map(and_, plain, self._meet_nobody(submits, keys))) if keys else plain

    def write(self, changes: Sequence[Change]) -> bool:
        """Write reports and plain ends."""
        return self._together(lambda: self._write(changes))

    def _meet_nobody(
        self, submits: Sequence[Sequence[TaskRecord]], keys: Sequence[str]
    ) -> Iterator[bool]:
        """For each caller, whether no other task has a key of its tasks: none that is stored, none
        of a caller before it, none of its own."""
        taken = self._keys.taken(keys)
        for records in submits:
            own = [item.held_key for item in records if item.held_key is not None]
            yield len(set(own)) == len(own) and taken.isdisjoint(own)
            taken.update(own)

    def _together(self, write: Callable[[], None]) -> bool:
        try:
            with self._transaction.all_or_nothing():
                write()
        except Exception:  # whoever goes one by one meets it again, and is told
            if not self._connection.in_transaction:
                raise  # SQLite has rolled back everything, not only this
            return False
        return True

    def _insert(self, records: Sequence[TaskRecord]) -> None:
        (last,) = self._connection.execute(STATEMENTS["last_sequence"]).fetchone()
        now, transaction, queue = self._now(), self._transaction, self._queue
        kept = []
        for sequence, record in enumerate(records, (last or 0) + 1):
            stored = _numbered(record, sequence)
            transaction.changes.append(stored)
            transaction.moved(None, stored)
            claim = decide(stored, self._claim, now) if queue.starts_at_once(stored) else None
            if claim is None or claim.beside or claim.after.held_key != stored.held_key:
                queue.changed(stored)
            else:
                stored = claim.after
                transaction.changes.append(stored)
                transaction.moved(claim.before, stored)
                transaction.claims.append(stored)
                queue.claimed(stored)
            kept.append(stored)
        self._execute("insert_numbered_task", rows.NUMBERED.arrays(kept))

    def _write(self, changes: Sequence[Change]) -> None:
        reports = [item for item in changes if item.after.status is RUNNING]
        ends = [item for item in changes if item.after.status is not RUNNING]
        freeing = [item for item in ends if frees_key(item)]
        others = [item for item in ends if not frees_key(item)] if freeing else ends
        self._execute_fenced("write_report", rows.REPORTED, reports)
        self._execute_fenced("write_end", rows.ENDED, others)
        self._execute_fenced("write_freeing_end", rows.ENDED, freeing)
        self._transaction.changes += [item.after for item in changes]
        for before, after, _ in ends:
            self._transaction.moved(before, after)

    def _execute_fenced(self, name: str, columns: Columns, changes: Sequence[Change]) -> None:
        if changes:
            values = columns.arrays([item.after for item in changes])
            fence = rows.FENCE.arrays([item.before for item in changes])
            self._execute(name, [*values, *fence])

    def _execute(self, name: str, columns: Sequence[Sequence[object]]) -> None:
        """Execute a statement for each row of these columns; each has to write one row."""
        empty = tuple(map(are_none, columns))
        filled = [column for column, is_empty in zip(columns, empty, strict=True) if not is_empty]
        statement = _with_nulls(name, empty)
        if self._connection.executemany(statement, zip(*filled, strict=True)).rowcount != len(
            columns[0]
        ):
            raise _MovedOnError


@lru_cache(maxsize=64)
def _with_nulls(name: str, empty: tuple[bool, ...]) -> str:
    """The statement with a written NULL where the values of all rows are ``None``: sqlite3 looks
    for an adapter of each ``None`` that it is given, which costs more than all else of it."""
    first, *others = STATEMENTS[name].split("?")
    marks = ["NULL" if is_empty else "?" for is_empty in empty]
    return first + "".join(map("".join, zip(marks, others, strict=True)))


def _is_plain(record: TaskRecord) -> bool:
    """Whether a new task waits for no time and no turn."""
    return record.due_at is None and record.turn_key is None


def is_report(change: Change) -> bool:
    """Whether a running task goes on running, and nobody asks for its end."""
    before, after, _ = change
    return before.status is RUNNING is after.status and not after.cancel_requested


def is_plain_end(change: Change) -> bool:
    """Whether a running task ends, and nothing else is written, handed on or waited for."""
    before, after, beside = change
    return (
        before.status is RUNNING
        and after.status.is_final
        and not beside
        and before.turn_key is None
        and (before.held_key is None or not frees_for_follower(change))
    )


def frees_key(change: Change) -> bool:
    """Whether the key of a task that ends is free from then on."""
    return change.before.held_key is not None and change.after.held_key is None
