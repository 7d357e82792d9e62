"""What an operator sees and controls: types, schedules, failures, numbers, processes."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from bgtasks.core.durations import Duration
from bgtasks.core.task_filter import Types
from bgtasks.core.task_types import TypeInfo
from bgtasks.manager.doors.door import Door
from bgtasks.manager.failures import failure_facets, failure_groups
from bgtasks.models import (
    FailureFacet,
    FailureGroup,
    History,
    ProcessInfo,
    ScheduleInfo,
    Stats,
)

__all__ = ["Operating"]


class Operating(Door):
    """What an operator sees and controls: types, schedules, failures, numbers, processes."""

    async def get_processes(self) -> Sequence[ProcessInfo]:
        """The processes that share the database, this one too, oldest start first; one that ended
        without a word is among them for a day."""
        return await self._switch.running().backend.processes()

    async def get_stats(self) -> Stats:
        """How many tasks wait and run, what needs attention, and the like: how things are now."""
        return await self._switch.running().statistics.now()

    async def get_history(
        self,
        from_: datetime | None = None,
        to: datetime | None = None,
        *,
        type: str | None = None,  # noqa: A002 - as filters call it
        step: Duration | Literal["auto"] = "auto",
    ) -> History:
        """What happened between two aware times (default: in the last 24 hours) to the tasks of a
        type, or to all, by points.

        ``step`` is the time of one point: whole minutes, and whole hours for what is older than 48
        hours; ``"auto"`` chooses one. Raises QueryError for times and steps that cannot be used,
        and where there would be more than 200 points.
        """
        return await self._switch.running().statistics.history(from_, to, type, step)

    async def get_failures(
        self,
        from_: datetime | None = None,
        to: datetime | None = None,
        *,
        type: Types | None = None,  # noqa: A002 - as filters call it
    ) -> Sequence[FailureGroup]:
        """Which failures there are of tasks whose newest failure was between two aware times
        (default: since 24 hours ago), of one type, several, or all: those first of which most tasks
        are still failed. At most 50, among the newest 200,000 tasks that failed then.

        ``get_tasks(error=group.group)`` gives the tasks of a group; the filter ``error`` is
        accepted wherever filters are. Raises QueryError for times and types that cannot be used.
        """
        return await failure_groups(self._switch.running().backend, from_, to, type)

    async def get_failure_facets(
        self,
        group: str,
        by: str,
        from_: datetime | None = None,
        to: datetime | None = None,
        *,
        type: Types | None = None,  # noqa: A002 - as filters call it
    ) -> Sequence[FailureFacet]:
        """What the tasks of a failure have in common: how many of those that have the same value
        failed so, those values first that most of them have.

        ``group`` is that of a :class:`~bgtasks.FailureGroup`. ``by`` is ``"owner"``,
        ``"process"``, or ``"args."`` and the path of an argument, such as ``"args.options.size"``.
        The times and types are those of ``get_failures``. At most 50 values, those that the newest
        10,000 of the tasks have; the newest 200,000 tasks are counted. Raises QueryError for what
        cannot be used.
        """
        return await failure_facets(self._switch.running().backend, group, by, from_, to, type)

    async def get_types(self) -> Sequence[TypeInfo]:
        """The types that are registered here or have tasks, in the order of their names: what
        waits and runs of each, whether it is paused, and its limits."""
        return await self._switch.running().types.all()

    async def pause(self, type_name: str, reason: str | None = None) -> TypeInfo:
        """Start nothing of a type from now on, in any process, until ``resume``; returns how the
        type is now.

        What runs goes on, and tasks may be submitted, which wait. The pause is stored: a restart
        or a deployment does not end it. ``reason`` (at most 1,000 characters) is shown with it;
        pausing a paused type gives it another reason. Raises UnregisteredTaskError for a type that
        nobody knows, SettingsError for a ``reason`` that is none.
        """
        return await self._switch.running().types.pause(type_name, reason)

    async def resume(self, type_name: str) -> TypeInfo:
        """Start tasks of a type again; harmless where it is not paused. Returns how the type is
        now. Raises UnregisteredTaskError for a type that nobody knows."""
        return await self._switch.running().types.resume(type_name)

    async def get_schedules(
        self, *, after: str = "", limit: int | None = None
    ) -> list[ScheduleInfo]:
        """The stored schedules, in the order of their names: at most ``limit`` of them, whose
        names come ``after`` a name."""
        return await self._switch.running().schedules.all(after=after, limit=limit)

    async def find_schedules(self, names: Iterable[str]) -> list[ScheduleInfo]:
        """Those of these schedules that there are, in the order of their names."""
        return await self._switch.running().schedules.some(list(names))

    async def get_schedule(self, name: str) -> ScheduleInfo:
        """One schedule. Raises ScheduleNotFoundError."""
        return await self._switch.running().schedules.one(name)

    async def run_schedule(self, name: str) -> UUID:
        """Submit a task of a schedule now, whatever its ticks are, and also while it is paused;
        returns the id of the task, whose ``tick`` is ``None``.

        Raises ScheduleNotFoundError, also for a schedule that is not registered in this process,
        and what making the task raises.
        """
        return await self._switch.running().schedules.run(name)

    async def pause_schedule(self, name: str) -> ScheduleInfo:
        """Let no tick of a schedule submit a task until it is resumed. A pause is stored, and stays
        through restarts. Returns the schedule as it is now; raises ScheduleNotFoundError."""
        return await self._switch.running().schedules.pause(name)

    async def resume_schedule(self, name: str) -> ScheduleInfo:
        """Go on with a paused schedule at its next tick: ticks of the pause count as not missed.
        Returns the schedule as it is now; raises ScheduleNotFoundError."""
        return await self._switch.running().schedules.resume(name)
