"""The transaction that is open on the file, and what it has changed so far."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from bgtasks.backends.embedded.task_queue import TaskQueue
from bgtasks.core.record import TaskRecord

__all__ = ["Transaction"]


class Transaction:
    """``changes`` and ``claims`` collect what was changed and claimed since ``begin``. What is
    undone is told to ``queue``."""

    def __init__(self, connection: sqlite3.Connection, queue: TaskQueue) -> None:
        self.changes: list[TaskRecord] = []
        self.claims: list[TaskRecord] = []
        self._connection = connection
        self._queue = queue

    def begin(self) -> None:
        """Open it."""
        self._connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> tuple[list[TaskRecord], list[TaskRecord]]:
        """Make it durable; returns what it changed and what it claimed."""
        self._queue.committing()
        self._connection.execute("COMMIT")
        self._queue.committed()
        changes, claims = self.changes, self.claims
        self.changes, self.claims = [], []
        return changes, claims

    def rollback(self) -> None:
        """Undo it, and forget what was remembered of it."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._queue.rolled_back(self.claims)
        self.changes, self.claims = [], []

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Undo all statements in this block if one fails. A single statement needs no block."""
        changes, claims = len(self.changes), len(self.claims)
        self._connection.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK TO part")
                self._connection.execute("RELEASE part")
            self._queue.unclaimed(self.claims[claims:])
            del self.changes[changes:], self.claims[claims:]
            raise
        self._connection.execute("RELEASE part")
