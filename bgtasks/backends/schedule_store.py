"""What a store keeps of schedules. It decides nothing: see :mod:`bgtasks.core.schedules`."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from bgtasks.core.record import TaskRecord
from bgtasks.core.schedules.record import Firing, Outcome, ScheduleRecord, TickRecord

__all__ = ["ScheduleHandler", "ScheduleStore"]

ScheduleHandler = Callable[[Collection[str]], None]
"""Is called on the event loop with the names of schedules that have changed, after the commit."""


class ScheduleStore(ABC):
    """Every method is one transaction, durable when it returns, and raises BackendError where the
    store cannot. Times are compared with the store's own clock."""

    @abstractmethod
    async def read(
        self, names: Collection[str] | None = None, *, after: str = "", limit: int | None = None
    ) -> Sequence[ScheduleRecord]:
        """Those of these schedules that there are, in the order of their names; ``None``: all
        whose names come ``after`` a name, at most ``limit`` of them."""

    @abstractmethod
    async def register(self, records: Sequence[ScheduleRecord], *, only_new: bool) -> None:
        """Write new schedules and those that were registered differently; ``only_new``: leave the
        latter alone. A pause stays as it is stored."""

    @abstractmethod
    async def attend(self, names: Collection[str]) -> None:
        """Note that this process is there, and has these schedules registered."""

    @abstractmethod
    async def registered(self, names: Collection[str]) -> Collection[str]:
        """Those of these schedules that a process has registered which is there now."""

    @abstractmethod
    async def fire(self, firing: Firing) -> Outcome | None:
        """Write what becomes of a tick, with its task; ``None``: nothing was written, as the
        schedule is no longer what was decided on, or not due."""

    @abstractmethod
    async def run_now(self, name: str, task: TaskRecord) -> UUID | None:
        """Keep a task that somebody has the schedule submit; its id, or that of the task that holds
        its key. ``None``: there is no such schedule."""

    @abstractmethod
    async def pause(self, name: str, now: datetime) -> bool:
        """Let no tick of a schedule count from now on; ``False``: there is no such schedule."""

    @abstractmethod
    async def resume(self, record: ScheduleRecord) -> bool:
        """Go on with a paused schedule at ``record.next_tick``; ``False``: there is none."""

    @abstractmethod
    async def release(self, names: Collection[str]) -> None:
        """Let tasks of these schedules start that were held until the one before had ended, where
        it has."""

    @abstractmethod
    async def ticks(self, names: Collection[str]) -> Mapping[str, Sequence[TickRecord]]:
        """The last ticks of these schedules, the newest first."""

    @abstractmethod
    async def drop(self, before: datetime) -> None:
        """Drop schedules that no process has had registered since ``before``."""
