"""What may begin now, of each type that is run here."""

import json
from collections.abc import Callable, Mapping, Sequence

from bgtasks.registry import Registry

__all__ = ["Openings"]

CLOSED_FOR = 30.0
"""Seconds after which a type is looked at again of which a task of an unknown version was found."""


class Openings:
    """The types that are run here and that are not paused, each with how many of it may run in all
    processes at once. ``versions`` has, as JSON, the newest version of each type that has one above
    1."""

    def __init__(
        self,
        registry: Registry,
        types: Sequence[str],
        is_paused: Callable[[str], bool],
        monotonic: Callable[[], float],
    ) -> None:
        self.types = types
        self._is_paused = is_paused
        self._limits = {
            name: item.max_concurrency or 0
            for name in types
            if (item := registry.named(name)) is not None
        }
        newest = {name: item.version for name in types if (item := registry.named(name))}
        self.versions: str = json.dumps({name: it for name, it in newest.items() if it > 1})
        self._monotonic = monotonic
        self._closed_until: dict[str, float] = {}

    def now(self) -> Mapping[str, int]:
        """The types of which something may begin, and their limits; 0: none."""
        closed = self._closed_until
        if closed and min(closed.values()) <= (now := self._monotonic()):
            self._closed_until = closed = {name: end for name, end in closed.items() if end > now}
        return {
            name: it
            for name, it in self._limits.items()
            if name not in closed and not self._is_paused(name)
        }

    def close(self, type_name: str) -> None:
        """Begin nothing of a type for a time: a newer release has tasks of it that cannot run here,
        and would be given again and again."""
        self._closed_until[type_name] = self._monotonic() + CLOSED_FOR

    @property
    def are_limited(self) -> bool:
        """Whether the end of an attempt anywhere can make room for another one here."""
        return any(self._limits.values())
