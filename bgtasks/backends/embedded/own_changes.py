"""The feed of a store that no other process writes."""

from collections.abc import Callable, Iterable
from uuid import UUID

from bgtasks.backends.change_feed import ChangeFeed
from bgtasks.core.record import TaskRecord

__all__ = ["OwnChanges"]


class OwnChanges(ChangeFeed):
    """There is nothing to hear: calls ``tell_all`` with what this process has committed."""

    def __init__(self, tell_all: Callable[[Iterable[TaskRecord]], None]) -> None:
        self._tell_all = tell_all

    def announce(self, records: Iterable[TaskRecord]) -> None:
        self._tell_all(records)

    def doubt(self, task_ids: Iterable[UUID]) -> None:
        """A file always answers."""
