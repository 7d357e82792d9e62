"""Schedules in an SQLite file, whose only process this is."""

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from bgtasks.backends.embedded.file_reads import FileReads
from bgtasks.backends.embedded.schedule_rows import schedule_of, tick_of
from bgtasks.backends.embedded.schedule_tables import ScheduleTables
from bgtasks.backends.embedded.statements import STATEMENTS
from bgtasks.backends.embedded.writer import Writer
from bgtasks.backends.schedule_store import ScheduleHandler, ScheduleStore
from bgtasks.clock import Clock
from bgtasks.core.record import TaskRecord
from bgtasks.core.schedules.record import Firing, Outcome, ScheduleRecord, TickRecord

__all__ = ["FileSchedules"]


class FileSchedules(ScheduleStore):
    """Everything that is written goes through the writer thread; ``announce`` is called with the
    names of what has changed."""

    def __init__(
        self, writer: Writer, reads: FileReads, clock: Clock, announce: ScheduleHandler
    ) -> None:
        self._writer = writer
        self._reads = reads
        self._tables = ScheduleTables(clock)
        self._announce = announce
        self._registered: set[str] = set()

    async def read(
        self, names: Collection[str] | None = None, *, after: str = "", limit: int | None = None
    ) -> Sequence[ScheduleRecord]:
        if names is None:
            values: tuple[Any, ...] = (after, -1 if limit is None else limit)
            question = partial(_fetch, name="schedules", values=values)
        else:
            question = partial(_fetch, name="schedules_by_name", values=(json.dumps([*names]),))
        rows = await self._reads.ask(question)
        return list(map(schedule_of, rows))

    async def registered(self, names: Collection[str]) -> Collection[str]:
        return self._registered.intersection(names)

    async def ticks(self, names: Collection[str]) -> Mapping[str, Sequence[TickRecord]]:
        return await self._reads.ask(partial(_fetch_ticks, names=names))

    async def register(self, records: Sequence[ScheduleRecord], *, only_new: bool) -> None:
        await self._writer.run(partial(self._tables.register, records=records, only_new=only_new))
        self._announce([record.name for record in records])

    async def attend(self, names: Collection[str]) -> None:
        self._registered = set(names)
        await self._writer.run(partial(self._tables.attend, names=names))

    async def fire(self, firing: Firing) -> Outcome | None:
        outcome: Outcome | None = await self._writer.run(partial(self._tables.fire, firing=firing))
        if outcome is not None:
            self._announce([firing.name])
        return outcome

    async def run_now(self, name: str, task: TaskRecord) -> UUID | None:
        run: UUID | None = await self._writer.run(
            partial(self._tables.run_now, name=name, task=task)
        )
        if run is not None:
            self._announce([name])
        return run

    async def pause(self, name: str, now: datetime) -> bool:
        return await self._change(name, partial(self._tables.pause, name=name, now=now))

    async def resume(self, record: ScheduleRecord) -> bool:
        return await self._change(record.name, partial(self._tables.resume, record=record))

    async def release(self, names: Collection[str]) -> None:
        await self._writer.run(partial(self._tables.release, names=names))

    async def drop(self, before: datetime) -> None:
        await self._writer.run(
            partial(self._tables.drop, before=before, registered=self._registered)
        )

    async def _change(self, name: str, operation: "partial[bool]") -> bool:
        changed: bool = await self._writer.run(operation)
        if changed:
            self._announce([name])
        return changed


def _fetch(
    connection: sqlite3.Connection, name: str, values: tuple[Any, ...]
) -> list[tuple[Any, ...]]:
    return connection.execute(STATEMENTS[name], values).fetchall()


def _fetch_ticks(
    connection: sqlite3.Connection, names: Collection[str]
) -> dict[str, list[TickRecord]]:
    ticks: dict[str, list[TickRecord]] = {}
    for row in connection.execute(STATEMENTS["ticks_of_schedules"], (json.dumps([*names]),)):
        ticks.setdefault(row[0], []).append(tick_of(row))
    return ticks
