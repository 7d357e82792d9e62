"""Schedules in PostgreSQL, which many processes share."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from bgtasks.backends.postgres.database import WRITTEN, Database
from bgtasks.backends.postgres.feed import schedules_message
from bgtasks.backends.postgres.schedule_rows import schedule_arrays, schedule_of, tick_of
from bgtasks.backends.postgres.statements import STATEMENTS
from bgtasks.backends.schedule_store import ScheduleHandler, ScheduleStore
from bgtasks.core.record import TaskRecord
from bgtasks.core.schedules.record import (
    MAX_TICKS,
    Fired,
    Firing,
    Outcome,
    ScheduleRecord,
    TickRecord,
    fired,
    refused,
    taken,
)
from bgtasks.errors import DuplicateTaskError

__all__ = ["PostgresSchedules"]

ALL = 2**31 - 1

Insert = Callable[[Any, Sequence[TaskRecord]], Awaitable[Mapping[int, TaskRecord]]]
"""Keeps new tasks in the transaction that is open on a connection, which can go on if that fails.
Returns, by their places, the holders of the keys of those that were not kept."""


class PostgresSchedules(ScheduleStore):
    """Whoever locks a schedule's row first writes what becomes of its tick: the others find that it
    waits for another one. ``announce`` is called with the names of what this process has changed;
    other processes are notified. ``silence``: seconds after which a process counts as dead."""

    def __init__(
        self,
        database: Database,
        process: UUID,
        insert: Insert,
        announce: ScheduleHandler,
        silence: float,
    ) -> None:
        self._database = database
        self._process = process
        self._insert = insert
        self._announce = announce
        self._silence = silence

    async def read(
        self, names: Collection[str] | None = None, *, after: str = "", limit: int | None = None
    ) -> Sequence[ScheduleRecord]:
        with self._database.asking("read"):
            if names is None:
                values: tuple[Any, ...] = (after, ALL if limit is None else limit)
                rows = await self._database.fetch(STATEMENTS["schedules"], *values)
            else:
                rows = await self._database.fetch(STATEMENTS["schedules_by_name"], list(names))
        return list(map(schedule_of, rows))

    async def registered(self, names: Collection[str]) -> Collection[str]:
        with self._database.asking("read"):
            statement = STATEMENTS["registered_schedules"]
            rows = await self._database.fetch(statement, list(names), self._silence)
        return {row[0] for row in rows}

    async def ticks(self, names: Collection[str]) -> Mapping[str, Sequence[TickRecord]]:
        with self._database.asking("read"):
            rows = await self._database.fetch(STATEMENTS["ticks_of_schedules"], list(names))
        ticks: dict[str, list[TickRecord]] = {}
        for row in rows:
            ticks.setdefault(row[0], []).append(tick_of(row))
        return ticks

    async def register(self, records: Sequence[ScheduleRecord], *, only_new: bool) -> None:
        statement = STATEMENTS["add_schedules" if only_new else "put_schedules"]
        with self._database.asking(WRITTEN):
            rows = await self._database.fetch(statement, *schedule_arrays(records))
        self._announce([row[0] for row in rows])

    async def attend(self, names: Collection[str]) -> None:
        with self._database.asking(WRITTEN):
            await self._database.fetch(STATEMENTS["attend_schedules"], list(names), self._process)

    async def fire(self, firing: Firing) -> Outcome | None:
        try:
            outcome = await self._fire(firing, None)
        except DuplicateTaskError as error:
            outcome = await self._fire(firing, refused(str(error)))
        if outcome is not None:
            self._announce([firing.name])
        return outcome

    async def _fire(self, firing: Firing, what: Fired | None) -> Outcome | None:
        with self._database.asking(WRITTEN):
            async with self._database.transaction() as connection:
                row = await connection.fetchrow(
                    STATEMENTS["lock_schedule"], firing.name, firing.digest, firing.expected
                )
                if row is None:
                    return None
                what = what or fired(firing, row["unfinished"])
                if what.task is not None:
                    holders = await self._insert(connection, [what.task])
                    what = taken(holders[0].id) if holders else what
                await self._advance(connection, firing, what)
        return what.outcome

    async def _advance(self, connection: Any, firing: Firing, what: Fired) -> None:
        await connection.execute(
            STATEMENTS["advance_schedule"],
            firing.name,
            firing.next_tick,
            firing.due_at,
            firing.tick,
            None if what.task is None else what.task.id,
            what.outcome,
            firing.missed,
            what.message,
            self._news(firing.name),
            MAX_TICKS - 1,  # and this one
        )

    async def run_now(self, name: str, task: TaskRecord) -> UUID | None:
        with self._database.asking(WRITTEN):
            async with self._database.transaction() as connection:
                if not await connection.fetch(STATEMENTS["schedules_by_name"], [name]):
                    return None
                holders = await self._insert(connection, [task])
                run = holders[0].id if holders else task.id
                await connection.fetch(STATEMENTS["note_run"], name, run, self._news(name))
        self._announce([name])
        return run

    async def pause(self, name: str, now: datetime) -> bool:
        return await self._change("pause_schedule", name, now)

    async def resume(self, record: ScheduleRecord) -> bool:
        return await self._change("resume_schedule", record.name, record.next_tick, record.due_at)

    async def release(self, names: Collection[str]) -> None:
        with self._database.asking(WRITTEN):
            await self._database.fetch(STATEMENTS["release_held"], list(names))

    async def drop(self, before: datetime) -> None:
        with self._database.asking(WRITTEN):
            await self._database.fetch(STATEMENTS["drop_schedules"], before, self._silence)

    async def _change(self, statement: str, name: str, *values: object) -> bool:
        with self._database.asking(WRITTEN):
            found = await self._database.fetch(
                STATEMENTS[statement], name, *values, self._news(name)
            )
        if found:
            self._announce([name])
        return bool(found)

    def _news(self, name: str) -> str:
        return schedules_message(self._process, [name])
