"""Every statement on the tables of schedules. Lives in the writer thread."""

import json
import sqlite3
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from bgtasks.backends.embedded import rows
from bgtasks.backends.embedded.schedule_rows import schedule_values, tick_values
from bgtasks.backends.embedded.statements import STATEMENTS
from bgtasks.backends.embedded.task_file import TaskFile
from bgtasks.clock import Clock
from bgtasks.core.record import NOT_YET, TaskRecord
from bgtasks.core.schedules.record import (
    MAX_TICKS,
    Fired,
    Firing,
    Outcome,
    ScheduleRecord,
    fired,
    refused,
    taken,
)
from bgtasks.errors import DuplicateTaskError

__all__ = ["ScheduleTables"]

HELD_UNTIL = rows.from_time(NOT_YET)


class _MovedOnError(Exception):
    """The schedule is no longer what was decided on."""


class ScheduleTables:
    """Operations for the writer: each is given the file, and one statement or all or nothing."""

    def __init__(self, clock: Clock) -> None:
        self._now = clock.now

    def register(
        self, file: TaskFile, records: Sequence[ScheduleRecord], *, only_new: bool
    ) -> None:
        """Write schedules that are new or were registered differently."""
        statement = STATEMENTS["add_schedule" if only_new else "put_schedule"]
        with file.transaction.all_or_nothing():
            file.connection.executemany(statement, map(schedule_values, records))

    def attend(self, file: TaskFile, names: Collection[str]) -> None:
        """Note that these schedules are registered now."""
        _run(file, "attend_schedules", rows.from_time(self._now()), json.dumps([*names]))

    def fire(self, file: TaskFile, firing: Firing) -> Outcome | None:
        """Write what becomes of a tick, with its task."""
        file.queue.follow_clock()
        unfinished = [row[0] == HELD_UNTIL for row in self._unfinished(file, firing)]
        what = fired(firing, unfinished)
        try:
            return self._fire(file, firing, what)
        except DuplicateTaskError as error:
            return self._fire(file, firing, refused(str(error)))

    def _unfinished(self, file: TaskFile, firing: Firing) -> Sequence[tuple[int | None]]:
        return _run(file, "unfinished_of_schedule", firing.name).fetchall()

    def _fire(self, file: TaskFile, firing: Firing, what: Fired) -> Outcome | None:
        with suppress(_MovedOnError), file.transaction.all_or_nothing():
            if what.task is not None and (holders := file.submit([what.task])):
                what = taken(holders[0].id)
            if not self._advance(file, firing, what):
                raise _MovedOnError
            _run(file, "add_tick", *tick_values(what.tick_of(firing)))
            _run_named(file, "forget_ticks", schedule=firing.name, kept=MAX_TICKS)
            return what.outcome
        return None

    def _advance(self, file: TaskFile, firing: Firing, what: Fired) -> bool:
        """The compare-and-set: whether the schedule still waited for this tick, and is due."""
        cursor = _run(
            file,
            "advance_schedule",
            rows.from_time(firing.next_tick),
            rows.from_time(firing.due_at),
            rows.from_time(firing.tick),
            None if what.task is None else what.task.id.bytes,
            int(what.outcome == "skipped"),
            what.message if what.outcome == "failed" else None,
            firing.name,
            firing.digest,
            rows.from_time(firing.expected),
            rows.from_time(self._now()),
        )
        return cursor.rowcount == 1

    def run_now(self, file: TaskFile, name: str, task: TaskRecord) -> UUID | None:
        """Keep a task that somebody has the schedule submit."""
        with suppress(_MovedOnError), file.transaction.all_or_nothing():
            holders = file.submit([task])
            run = holders[0].id if holders else task.id
            if _run(file, "note_run", run.bytes, name).rowcount != 1:
                raise _MovedOnError
            return run
        return None

    def pause(self, file: TaskFile, name: str, now: datetime) -> bool:
        """Pause a schedule, unless it is paused; whether there is one."""
        return _run(file, "pause_schedule", rows.from_time(now), name).rowcount == 1

    def resume(self, file: TaskFile, record: ScheduleRecord) -> bool:
        """Go on with a schedule that is paused; whether it was."""
        times = map(rows.from_time, (record.next_tick, record.due_at))
        return _run(file, "resume_schedule", *times, record.name).rowcount == 1

    def release(self, file: TaskFile, names: Collection[str]) -> None:
        """Let held tasks start whose turn has come."""
        now = rows.from_time(self._now())
        released = 0
        for name in names:
            values = {"schedule": name, "held_until": HELD_UNTIL, "now": now}
            released += _run_named(file, "release_held", **values).rowcount
        if released:
            file.queue.due_changed = True

    def drop(self, file: TaskFile, before: datetime, registered: Collection[str]) -> None:
        """Drop schedules that were last registered before a time; never these."""
        _run(file, "drop_schedules", rows.from_time(before), json.dumps([*registered]))


def _run(file: TaskFile, name: str, *values: object) -> sqlite3.Cursor:
    return file.connection.execute(STATEMENTS[name], values)


def _run_named(file: TaskFile, name: str, **values: object) -> sqlite3.Cursor:
    return file.connection.execute(STATEMENTS[name], values)
