"""How many attempts may run at once: in this process, and of each type."""

from collections import Counter
from collections.abc import Collection

from bgtasks.backends.task_store import Place
from bgtasks.registration import Registry

__all__ = ["Slots"]


class Slots:
    """Counts the places that running attempts take. Used by the writer thread alone."""

    def __init__(self, registry: Registry, max_concurrency: int, types: Collection[str]) -> None:
        self._limit = max_concurrency
        self._type_limits = {
            item.type_name: min(item.max_concurrency or max_concurrency, max_concurrency)
            for item in registry
            if item.type_name in types
        }
        # By attempt, not by task: one that was retried may still have its old attempt running.
        self._busy: dict[Place, str] = {}
        self._busy_by_type: Counter[str] = Counter()

    def free(self) -> int:
        """How many more attempts may run in this process."""
        return self._limit - len(self._busy)

    def free_for(self, type_name: str) -> int:
        """How many more attempts of this type may run; 0 for a type that is not run here."""
        of_type = self._type_limits.get(type_name, 0) - self._busy_by_type[type_name]
        return min(of_type, self.free())

    def take(self, place: Place, type_name: str) -> None:
        """A task was claimed."""
        self._busy[place] = type_name
        self._busy_by_type[type_name] += 1

    def release(self, place: Place) -> str | None:
        """An attempt has really ended, or its claim was not committed; returns its type."""
        type_name = self._busy.pop(place, None)
        if type_name is not None:
            self._busy_by_type[type_name] -= 1
        return type_name
