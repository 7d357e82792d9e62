"""Which of the stored tasks start next, and when."""

import logging
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from bgtasks.backends.embedded import rows
from bgtasks.backends.embedded.clock_steps import ClockSteps
from bgtasks.backends.embedded.slots import Slots
from bgtasks.backends.embedded.statements import STATEMENTS
from bgtasks.backends.task_store import Place
from bgtasks.clock import Clock
from bgtasks.core.record import TaskRecord
from bgtasks.core.text import describe
from bgtasks.models import BackgroundTaskStatus
from bgtasks.registration import Registry

__all__ = ["TaskQueue"]

logger = logging.getLogger(__name__)

BATCH = 500
"""Tasks whose time has come that are let go in one transaction."""

PENDING = BackgroundTaskStatus.PENDING


class TaskQueue:
    """By priority and then by age, as far as slots are free. Lives in the writer thread.

    ``serving`` says whether tasks are started at all; ``due_changed`` whether the next delayed
    task may be another one than before.
    """

    def __init__(
        self, connection: sqlite3.Connection, registry: Registry, slots: Slots, clock: Clock
    ) -> None:
        self.serving = False
        self.due_changed = True
        self._connection = connection
        self._registry = registry
        self._slots = slots
        self._now = clock.now
        self._steps = ClockSteps(clock)
        self._types = [item.type_name for item in registry]
        # Types that may have tasks ready to start. A hint: looking it up settles it.
        self._maybe_ready = set(self._types)
        self._unreadable: set[int] = set()

    # Which

    def first(self) -> Sequence[int]:
        """The sequences of the tasks that are to be claimed now."""
        if not (self.serving and self._maybe_ready) or self._slots.free() <= 0:
            return ()
        candidates: list[tuple[int, int, str]] = []
        for type_name in list(self._maybe_ready):
            wanted = self._slots.free_for(type_name)
            if wanted > 0:
                candidates += self._ready(type_name, wanted)
        candidates.sort()
        chosen, left = candidates[: self._slots.free()], candidates[self._slots.free() :]
        self._maybe_ready.update(type_name for _, _, type_name in left)
        return [sequence for _, sequence, _ in chosen]

    def _ready(self, type_name: str, wanted: int) -> list[tuple[int, int, str]]:
        limit = wanted + len(self._unreadable)
        ready = self._execute("ready_tasks", (type_name, limit)).fetchall()
        if len(ready) < limit:
            self._maybe_ready.discard(type_name)
        return [
            (-priority, sequence, type_name)
            for priority, sequence in ready
            if sequence not in self._unreadable
        ]

    def starts_at_once(self, record: TaskRecord) -> bool:
        """Whether a new task has a free slot, and nobody waits before it."""
        free_for = self._slots.free_for
        if record.due_at is not None or not self.serving or free_for(record.type) <= 0:
            return False
        # Of another type, too, somebody may be waiting for the last slot in this process.
        return record.type not in self._maybe_ready and not any(map(free_for, self._maybe_ready))

    # What has happened to tasks

    def changed(self, record: TaskRecord) -> None:
        """A task was written: it may wait now."""
        if record.status is not PENDING:
            return
        if record.due_at is not None:
            self.due_changed = True
        elif record.type in self._registry:
            self._maybe_ready.add(record.type)

    def claimed(self, record: TaskRecord) -> None:
        """An attempt takes a slot."""
        self._slots.take((record.sequence, record.attempt), record.type)

    def release(self, place: Place) -> None:
        """Free the slot of an attempt."""
        type_name = self._slots.release(place)
        if type_name is not None:
            self._maybe_ready.add(type_name)

    def readable(self, row: tuple[Any, ...]) -> TaskRecord | None:
        """The record in a row; ``None`` for one that somebody has changed into what is none,
        which then must not keep the others from their turn."""
        try:
            return rows.record_of(row)
        except Exception as error:
            sequence = rows.sequence_of(row)
            self._unreadable.add(sequence)
            logger.error("row %s of the table tasks cannot be read: %s", sequence, describe(error))
            return None

    @property
    def unreadable(self) -> int:
        """How many rows were found that are no tasks."""
        return len(self._unreadable)

    def is_unreadable(self, row: tuple[Any, ...]) -> bool:
        """Whether a row is known to be no task."""
        return rows.sequence_of(row) in self._unreadable

    # When

    def look(self) -> None:
        """Let tasks start whose time has come, some at a time; ``next_due`` tells if there are
        more of them. What is ready is claimed with the commit."""
        self.follow_clock()
        due = self._execute("due_tasks", (rows.from_time(self._now()), BATCH)).fetchall()
        for sequence, type_name in due:
            self._execute("release_task", (sequence,))
            self._maybe_ready.add(type_name)
        self.due_changed = True

    def next_due(self) -> datetime | None:
        """When the next delayed task may start."""
        self.due_changed = False
        return rows.to_time(self._execute("next_due").fetchone()[0])

    def follow_clock(self) -> None:
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

    # The transaction

    def committed(self) -> None:
        """What was done since the last commit stands."""
        self._steps.commit()

    def rolled_back(self, claims: Iterable[TaskRecord]) -> None:
        """Nothing since the last commit stands, and so none of these claims."""
        self._steps.rollback()
        self.unclaimed(claims)
        self._maybe_ready.update(self._types)
        self.due_changed = True

    def unclaimed(self, claims: Iterable[TaskRecord]) -> None:
        """These claims were undone."""
        for record in claims:
            self.release((record.sequence, record.attempt))

    def _execute(self, name: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        return self._connection.execute(STATEMENTS[name], values)
