"""Takes back what a crash or a stop left running."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from bgtasks.backends.cutting_off import taken_back
from bgtasks.backends.task_store import TaskStore
from bgtasks.clock import Clock, sleep
from bgtasks.core.lifecycle import Change
from bgtasks.core.record import TaskRecord
from bgtasks.registry import Registry

__all__ = ["Recovery"]

BATCH = 200
"""Tasks in one transaction, so that others come in between."""

LOOK_AGAIN = 0.25
"""Seconds between two looks while the store cannot say yet whether anybody runs them."""


class Recovery:
    """Lets running tasks that nobody runs wait to run again, or end, by the options of their
    types."""

    def __init__(
        self, store: TaskStore, registry: Registry, clock: Clock, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._registry = registry
        self._clock = clock
        self._now = now
        self._one_at_a_time = asyncio.Lock()

    async def take_back(self) -> int | None:
        """Take back what there is now; returns how many tasks. ``None``: the store could not say
        of all of them whether anybody runs them."""
        count = 0
        async with self._one_at_a_time:
            while found := await self._store.take_back(BATCH, self._decide):
                count += found
        return None if found is None else count

    async def complete(self) -> None:
        """Take back all that was left before this was called, however long the store needs to be
        sure of it. What another process is taking back at this moment is left to that process."""
        while await self.take_back() is None:
            await sleep(self._clock, LOOK_AGAIN)

    def _decide(self, record: TaskRecord) -> Change | None:
        return taken_back(record, self._registry, self._store.cut_off_by, self._now())
