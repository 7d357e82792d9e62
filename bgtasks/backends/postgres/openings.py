"""What may begin now, of each type that is run here."""

from collections.abc import Callable, Mapping, Sequence

from bgtasks.registration import Registry

__all__ = ["Openings"]


class Openings:
    """The types that are run here and that are not paused, each with how many of it may run in all
    processes at once."""

    def __init__(
        self, registry: Registry, types: Sequence[str], is_paused: Callable[[str], bool]
    ) -> None:
        self.types = types
        self._is_paused = is_paused
        self._limits = {
            item.type_name: item.max_concurrency or 0
            for item in registry
            if item.type_name in types
        }

    def now(self) -> Mapping[str, int]:
        """The types of which something may begin, and their limits; 0: none."""
        return {name: it for name, it in self._limits.items() if not self._is_paused(name)}

    @property
    def are_limited(self) -> bool:
        """Whether the end of an attempt anywhere can make room for another one here."""
        return any(self._limits.values())
