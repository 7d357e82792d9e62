"""What people do with schedules: register them, look at them, run, pause and resume them."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import islice
from uuid import UUID

from bgtasks.backends.base import Backend
from bgtasks.core.schedules.definition import Schedules, checked_name
from bgtasks.core.schedules.due import new_records, resumed
from bgtasks.core.schedules.record import ScheduleRecord, TickRecord
from bgtasks.core.schedules.specs import Spec, spec_of
from bgtasks.core.text import shown
from bgtasks.errors import ScheduleNotFoundError, SettingsError
from bgtasks.manager.schedules.making import TaskMaker
from bgtasks.models import ScheduleInfo, TickInfo

__all__ = ["ScheduleControl"]

UPCOMING = 5
"""How many of the ticks that come next are told."""

TURN = 100
"""Schedules that are made ready to be shown in one turn of the event loop."""


class ScheduleControl:
    """The schedules of a running manager."""

    def __init__(
        self,
        backend: Backend,
        schedules: Schedules,
        maker: TaskMaker,
        now: Callable[[], datetime],
    ) -> None:
        self._backend = backend
        self._schedules = schedules
        self._maker = maker
        self._now = now

    async def register(self, *, fires: bool) -> None:
        """Write those that are new or differ. A process that does not run schedules leaves alone
        what another one has registered."""
        if not self._schedules:
            return
        store = self._backend.schedules
        names = [item.name for item in self._schedules]
        stored = {record.name: record for record in await store.read(names)}
        if records := new_records(self._schedules, stored, self._now()):
            await store.register(records, only_new=not fires)
        await store.attend(names)

    async def all(self, *, after: str = "", limit: int | None = None) -> list[ScheduleInfo]:
        """All schedules, or some of them, in the order of their names."""
        return await self._infos(await self._backend.schedules.read(after=after, limit=limit))

    async def some(self, names: Sequence[str]) -> list[ScheduleInfo]:
        """Those of these schedules that there are."""
        return await self._infos(await self._backend.schedules.read(names))

    async def one(self, name: str) -> ScheduleInfo:
        """One schedule; raises ScheduleNotFoundError."""
        return (await self._infos([await self._record(name)]))[0]

    async def run(self, name: str) -> UUID:
        """Submit a task of a schedule now; its id."""
        item = self._schedules.named(name)
        if item is None:
            await self._record(name)
            raise ScheduleNotFoundError(
                f"the schedule {name!r} is not registered in this process, which so cannot make "
                "its task; run it where it is"
            )
        task = await self._maker.once(item)
        run = await self._backend.schedules.run_now(name, task)
        if run is None:
            raise _not_found(name)
        return run

    async def pause(self, name: str) -> ScheduleInfo:
        """Let no tick count from now on."""
        checked_name(name)
        if not await self._backend.schedules.pause(name, self._now()):
            raise _not_found(name)
        return await self.one(name)

    async def resume(self, name: str) -> ScheduleInfo:
        """Let ticks count again, from the next one on."""
        record = await self._record(name)
        if record.paused_at is not None:
            going_on = resumed(record, spec_of(record.spec), self._now())
            await self._backend.schedules.resume(going_on)
        return await self.one(name)

    async def _record(self, name: str) -> ScheduleRecord:
        found = await self._backend.schedules.read([checked_name(name)])
        if not found:
            raise _not_found(name)
        return found[0]

    async def _infos(self, records: Sequence[ScheduleRecord]) -> list[ScheduleInfo]:
        infos: list[ScheduleInfo] = []
        for start in range(0, len(records), TURN):
            some = records[start : start + TURN]
            names = [record.name for record in some]
            ticks = await self._backend.schedules.ticks(names)
            there = await self._backend.schedules.registered(names)
            infos += [
                _info(record, ticks.get(record.name, ()), self._now(), record.name in there)
                for record in some
            ]
            await asyncio.sleep(0)
        return infos


def _info(
    record: ScheduleRecord, ticks: Sequence[TickRecord], now: datetime, is_registered: bool
) -> ScheduleInfo:
    try:
        spec = spec_of(record.spec)
    except SettingsError:  # of a newer release, or of a zone that this system does not have
        spec = None
    return ScheduleInfo(
        name=record.name,
        type=record.type,
        spec=record.spec if spec is None else spec.text,
        timezone="" if spec is None else spec.timezone,
        paused=record.paused_at is not None,
        next_tick=record.next_tick if record.paused_at is None else None,
        last_tick=record.last_tick,
        last_task=record.last_task,
        skipped=record.skipped,
        last_error=record.last_error,
        in_words=record.spec if spec is None else spec.in_words,
        paused_at=record.paused_at,
        upcoming=_upcoming(record, spec, now),
        ticks=tuple(
            TickInfo(
                tick=item.tick,
                outcome=item.outcome,
                task=item.task,
                missed=item.missed,
                message=item.message,
            )
            for item in ticks
        ),
        registered=is_registered,
    )


def _upcoming(record: ScheduleRecord, spec: Spec | None, now: datetime) -> tuple[datetime, ...]:
    if record.paused_at is not None or record.next_tick is None or spec is None:
        return ()
    return (record.next_tick, *islice(spec.ticks(max(record.next_tick, now)), UPCOMING - 1))


def _not_found(name: str) -> ScheduleNotFoundError:
    return ScheduleNotFoundError(f"there is no schedule named {shown(name)}")
