"""Marks waiting tasks that no process can run."""

from collections.abc import Callable
from datetime import datetime

from bgtasks.backends.task_store import TaskStore
from bgtasks.core.events import TypeUnknown
from bgtasks.core.lifecycle import decide

__all__ = ["Marking"]

BATCH = 200
"""Tasks in one transaction, so that other writes come in between."""


class Marking:
    """Looks at each waiting task once. The next round continues behind the last one seen."""

    def __init__(self, store: TaskStore, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._seen: dict[str, int] = {}

    async def mark(self) -> None:
        """Write into waiting tasks that no living process has registered their type."""
        unknown = await self._store.unknown_types()
        self._seen = {name: self._seen.get(name, -1) for name in unknown}
        for type_name in unknown:
            while await self._mark_some(type_name):
                pass

    async def _mark_some(self, type_name: str) -> bool:
        """Whether there may be more of this type."""
        found, seen = await self._store.waiting(type_name, self._seen[type_name], BATCH)
        if seen is None:
            return False
        decided = ((decide(item.record, TypeUnknown(), self._now()), item.place) for item in found)
        changes = [(change, place) for change, place in decided if change is not None]
        if changes:
            await self._store.write(changes)
        self._seen[type_name] = seen
        return True
