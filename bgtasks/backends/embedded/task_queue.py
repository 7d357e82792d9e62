"""Which of the stored tasks start next, and when."""

import logging
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from bgtasks.backends.embedded import rows
from bgtasks.backends.embedded.clock_steps import ClockSteps
from bgtasks.backends.embedded.openings import Openings
from bgtasks.backends.embedded.statements import STATEMENTS
from bgtasks.backends.task_store import Place
from bgtasks.clock import Clock
from bgtasks.core.limits import TokenBucket
from bgtasks.core.record import TaskRecord
from bgtasks.core.text import describe
from bgtasks.models import BackgroundTaskStatus
from bgtasks.registry import Registry

__all__ = ["TaskQueue"]

logger: logging.Logger = logging.getLogger(__name__)

BATCH = 500
"""Tasks whose time has come that are let go in one transaction."""

PENDING = BackgroundTaskStatus.PENDING


class TaskQueue:
    """By priority and then by age, as far as slots are free. Lives in the writer thread.

    ``serving`` says whether tasks are started at all; ``due_changed`` whether the next delayed
    task may be another one than before.
    """

    def __init__(
        self, connection: sqlite3.Connection, registry: Registry, openings: Openings, clock: Clock
    ) -> None:
        self.serving = False
        self.due_changed: bool = True
        self._connection = connection
        self._registry = registry
        self._openings = openings
        self._now = clock.now
        self._steps = ClockSteps(clock)
        self._types = list(registry.claimed())
        # Types that may have tasks ready to start. A hint: looking it up settles it.
        self._maybe_ready = set(self._types)
        self._unreadable: set[int] = set()
        # Both are passed over. What is too new may be replaced by work that is not.
        self._too_new: set[int] = set()
        self._looks_again = False

    # Which

    def first(self) -> Sequence[int]:
        """The sequences of the tasks that are to be claimed now."""
        if not (self.serving and self._maybe_ready) or self._openings.free() <= 0:
            return ()
        candidates: list[tuple[int, int, str]] = []
        for type_name in list(self._maybe_ready):
            wanted = self._openings.free_for(type_name)
            if wanted > 0:
                candidates += self._ready(type_name, wanted)
        candidates.sort()
        free = self._openings.free()
        chosen, left = candidates[:free], candidates[free:]
        self._maybe_ready.update(type_name for _, _, type_name in left)
        return [sequence for _, sequence, _ in chosen]

    def _ready(self, type_name: str, wanted: int) -> list[tuple[int, int, str]]:
        passed_over = self._unreadable | self._too_new
        limit = wanted + len(passed_over)
        ready = self._execute("ready_tasks", (type_name, limit)).fetchall()
        if len(ready) < limit:
            self._maybe_ready.discard(type_name)
        return [
            (-priority, sequence, type_name)
            for priority, sequence in ready
            if sequence not in passed_over
        ]

    def starts_at_once(self, record: TaskRecord) -> bool:
        """Whether a new task has a free slot, and nobody waits before it."""
        free_for = self._openings.free_for
        is_late = record.due_at is not None or record.held
        is_late = is_late or self._registry.why_too_new(record) is not None
        if is_late or not self.serving or free_for(record.type) <= 0:
            return False
        # Of another type, too, somebody may be waiting for the last slot in this process.
        return record.type not in self._maybe_ready and not any(map(free_for, self._maybe_ready))

    # What has happened to tasks

    def changed(self, record: TaskRecord) -> None:
        """A task was written: it may wait now."""
        self._too_new.discard(record.sequence)
        if record.status is not PENDING or record.held:
            return
        if record.due_at is not None:
            self.due_changed = True
        elif record.type in self._registry:
            self._maybe_ready.add(record.type)

    def claimed(self, record: TaskRecord) -> None:
        """An attempt takes a slot."""
        self._openings.take((record.sequence, record.attempt), record.type)

    def ended(self, place: Place) -> None:
        """An attempt has really ended: its slot is free, whether or not that is written yet."""
        self._has_room(self._openings.ended(place))

    def let_go(self, sequence: int, type_name: str) -> None:
        """A task whose time has come may start."""
        self._execute("release_task", (sequence,))
        self._maybe_ready.add(type_name)

    def _has_room(self, type_name: str | None) -> None:
        if type_name is not None:
            self._maybe_ready.add(type_name)

    def readable(self, row: tuple[Any, ...]) -> TaskRecord | None:
        """The record in a row. ``None`` if somebody has damaged the row: the other tasks go on."""
        try:
            return rows.record_of(row)
        except Exception as error:
            sequence = rows.sequence_of(row)
            self._unreadable.add(sequence)
            self._look_again()
            logger.error("row %s of the table tasks cannot be read: %s", sequence, describe(error))
            return None

    def leave(self, record: TaskRecord) -> None:
        """Pass over a task from now on, until it is changed."""
        self._too_new.add(record.sequence)
        self._look_again()

    def _look_again(self) -> None:
        """A slot that was meant for what cannot start is for the next one."""
        self._looks_again = self.due_changed = True

    @property
    def unreadable(self) -> int:
        """How many rows were found that are no tasks."""
        return len(self._unreadable)

    def is_unreadable(self, row: tuple[Any, ...]) -> bool:
        """Whether a row is known to be no task."""
        return rows.sequence_of(row) in self._unreadable

    # When

    def due(self) -> Sequence[tuple[int, str, str | None]]:
        """The sequences, types and keys of tasks whose time has come, some at a time; ``next_due``
        tells if there are more of them."""
        self.follow_clock()
        self.due_changed = True
        return self._execute("due_tasks", (rows.from_time(self._now()), BATCH)).fetchall()

    def next_due(self) -> datetime | None:
        """When the next delayed task may start, or the next of a type whose rate is used up; now,
        where a slot is still to be given to the next one."""
        self.due_changed = False
        again = self._now() if self._looks_again else None
        self._looks_again = False
        due = rows.to_time(self._execute("next_due").fetchone()[0])
        start = self._openings.next_start(self._maybe_ready) if self.serving else None
        return min(filter(None, (due, start, again)), default=None)

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

    # Types

    def load(self) -> None:
        """Know what the file has of types."""
        kept = self._execute("types").fetchall()
        paused = [name for name, paused_at, *_ in kept if paused_at is not None]
        buckets = {
            name: TokenBucket(tokens, at)
            for name, _, _, tokens, refilled_at in kept
            if (at := rows.to_time(refilled_at)) is not None
        }
        self._openings.load(paused, buckets)

    def pause(self, type_name: str, reason: str | None) -> None:
        """Start nothing of a type."""
        self._execute("pause_type", (type_name, rows.from_time(self._now()), reason))
        self._openings.pause(type_name)

    def resume(self, type_name: str) -> bool:
        """Start tasks of a type again; whether it was paused."""
        self._openings.resume(type_name)
        self._maybe_ready.update({type_name}.intersection(self._types))
        return self._execute("resume_type", (type_name,)).rowcount == 1

    # The transaction

    def committing(self) -> None:
        """Keep what rates have left, with what was started."""
        for name, bucket in self._openings.spent.items():
            self._execute("keep_tokens", (name, bucket.tokens, rows.from_time(bucket.at)))
        if self._openings.next_start(self._maybe_ready) is not None:
            self.due_changed = True

    def committed(self) -> None:
        """Keep what was done since the last commit."""
        self._openings.committed()
        self._steps.commit()

    def rolled_back(self, claims: Iterable[TaskRecord]) -> None:
        """Forget what was done since the last commit, these claims too."""
        self._steps.rollback()
        self.unclaimed(claims)
        self._openings.rolled_back()
        self._too_new.clear()
        self._maybe_ready.update(self._types)
        self.due_changed = True

    def unclaimed(self, claims: Iterable[TaskRecord]) -> None:
        """These claims were undone."""
        for record in claims:
            self._has_room(self._openings.undo((record.sequence, record.attempt)))

    def _execute(self, name: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        return self._connection.execute(STATEMENTS[name], values)
