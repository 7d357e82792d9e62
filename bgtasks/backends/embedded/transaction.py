"""The transaction that is open on the file, and what it has changed so far."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import starmap

from attrs import field, frozen

from bgtasks.backends.embedded.statements import STATEMENTS
from bgtasks.backends.embedded.tally import Dropped, Move
from bgtasks.backends.embedded.task_queue import TaskQueue
from bgtasks.core.flows import flow_of
from bgtasks.core.record import TaskRecord

__all__ = ["Committed", "Transaction"]


@frozen
class Committed:
    """What a transaction has brought about."""

    changes: list[TaskRecord] = field(factory=list)
    claims: list[TaskRecord] = field(factory=list)
    moves: list[Move] = field(factory=list)
    dropped: list[Dropped] = field(factory=list)


class Transaction:
    """``changes`` and ``claims`` collect what was changed and claimed since ``begin``, ``moves``
    what came or got another status, ``dropped`` what was dropped. What is undone is told to
    ``queue``."""

    def __init__(self, connection: sqlite3.Connection, queue: TaskQueue) -> None:
        self.changes: list[TaskRecord] = []
        self.claims: list[TaskRecord] = []
        self.moves: list[Move] = []
        self.dropped: list[Dropped] = []
        self._connection = connection
        self._queue = queue

    def moved(self, before: TaskRecord | None, after: TaskRecord) -> None:
        """A task has come, or may have changed its status."""
        if before is None or before.status is not after.status:
            self.moves.append((before, after))

    def begin(self) -> None:
        """Open it."""
        self._connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> Committed:
        """Make it durable, and what is counted of it; returns what it brought about."""
        if self.moves:
            flows = Counter(filter(None, starmap(flow_of, self.moves)))
            added = [(*key, number) for key, number in flows.items()]
            self._connection.executemany(STATEMENTS["add_flows"], added)
        self._queue.committing()
        self._connection.execute("COMMIT")
        self._queue.committed()
        done = Committed(self.changes, self.claims, self.moves, self.dropped)
        self._begin_anew()
        return done

    def rollback(self) -> None:
        """Undo it, and forget what was remembered of it."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._queue.rolled_back(self.claims)
        self._begin_anew()

    def _begin_anew(self) -> None:
        self.changes, self.claims, self.moves, self.dropped = [], [], [], []

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Undo all statements in this block if one fails. A single statement needs no block."""
        changes, claims = len(self.changes), len(self.claims)
        moves, dropped = len(self.moves), len(self.dropped)
        self._connection.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK TO part")
                self._connection.execute("RELEASE part")
            self._queue.unclaimed(self.claims[claims:])
            del self.changes[changes:], self.claims[claims:]
            del self.moves[moves:], self.dropped[dropped:]
            raise
        self._connection.execute("RELEASE part")
