"""The transaction that is open on the file, and what it has changed so far."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from attrs import field, frozen

from bgtasks.backends.embedded.tally import Move
from bgtasks.backends.embedded.task_queue import TaskQueue
from bgtasks.core.record import TaskRecord
from bgtasks.models import BackgroundTaskStatus as Status

__all__ = ["Committed", "Transaction"]


@frozen
class Committed:
    """What a transaction has brought about."""

    changes: list[TaskRecord] = field(factory=list)
    claims: list[TaskRecord] = field(factory=list)
    moves: list[Move] = field(factory=list)


class Transaction:
    """``changes`` and ``claims`` collect what was changed and claimed since ``begin``, ``moves``
    from which status to which. What is undone is told to ``queue``."""

    def __init__(self, connection: sqlite3.Connection, queue: TaskQueue) -> None:
        self.changes: list[TaskRecord] = []
        self.claims: list[TaskRecord] = []
        self.moves: list[Move] = []
        self._connection = connection
        self._queue = queue

    def moved(self, record: TaskRecord, before: Status | None, after: Status | None) -> None:
        """A task has come, changed its status, or gone."""
        self.moves.append(Move(record.type, record.owner is not None, before, after))

    def begin(self) -> None:
        """Open it."""
        self._connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> Committed:
        """Make it durable; returns what it brought about."""
        self._queue.committing()
        self._connection.execute("COMMIT")
        self._queue.committed()
        done = Committed(self.changes, self.claims, self.moves)
        self.changes, self.claims, self.moves = [], [], []
        return done

    def rollback(self) -> None:
        """Undo it, and forget what was remembered of it."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._queue.rolled_back(self.claims)
        self.changes, self.claims, self.moves = [], [], []

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Undo all statements in this block if one fails. A single statement needs no block."""
        changes, claims, moves = len(self.changes), len(self.claims), len(self.moves)
        self._connection.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK TO part")
                self._connection.execute("RELEASE part")
            self._queue.unclaimed(self.claims[claims:])
            del self.changes[changes:], self.claims[claims:], self.moves[moves:]
            raise
        self._connection.execute("RELEASE part")
