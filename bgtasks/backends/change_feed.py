"""How changes come to those in this process who want to know."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from uuid import UUID

from bgtasks.core.record import TaskRecord

__all__ = ["ChangeFeed"]


class ChangeFeed(ABC):
    """Tells subscribers of each change once and in the order of a task's revisions, whichever
    process made it. Where several processes share a store, its feed hears what the others wrote,
    reads it, and after a time without hearing looks up what it missed. Of changes made elsewhere
    only the newest revision needs to be told.
    """

    @abstractmethod
    def announce(self, records: Iterable[TaskRecord]) -> None:
        """Tell of revisions that this process has committed."""

    @abstractmethod
    def doubt(self, task_ids: Iterable[UUID]) -> None:
        """Tell of what is stored of these tasks, once that is known: this process may have changed
        them, and the answer was lost."""
