"""What waits for one client: the newest snapshot of each task, bounded in number and size."""

from collections import OrderedDict
from uuid import UUID

from bgtasks.web.encoded_task import EncodedTask, Info, newness

__all__ = ["Backlog"]

MAX_TASKS = 10_000
"""How many tasks' newest snapshots wait for a client that reads too slowly."""

MAX_SIZE = 8 * 1024 * 1024
"""How many characters of JSON they have together; a single larger one may wait alone."""


class Backlog(OrderedDict[UUID, EncodedTask]):
    """Snapshots by the id of their task, the oldest first. Only methods of this class change it."""

    # A subclass of dict, because each update checks for each client whether it is empty.

    size: int = 0
    """How many characters of JSON wait."""

    def keep(self, encoded: EncodedTask) -> bool:
        """Keep the snapshot, unless a newer one is kept; ``False`` if there is no room."""
        task_id = encoded.info.id
        known = self.get(task_id)
        if known is not None and newness(known.info) >= newness(encoded.info):
            return True
        size = self.size + len(encoded.text) - (len(known.text) if known is not None else 0)
        if (known is None and len(self) >= MAX_TASKS) or (size > MAX_SIZE and self):
            return False
        self[task_id] = encoded
        self.size = size
        return True

    def take_oldest(self) -> EncodedTask:
        """Take out the one that has waited the longest. Raises KeyError if there is none."""
        return self.take(next(iter(self)))

    def take(self, task_id: UUID) -> EncodedTask:
        """Take out the one of this task. Raises KeyError if there is none."""
        encoded = self.pop(task_id)
        self.size -= len(encoded.text)
        return encoded

    def is_older(self, info: Info) -> bool:
        """Whether an older snapshot of the task waits."""
        known = self.get(info.id)
        return known is not None and newness(known.info) < newness(info)

    def forget(self) -> None:
        """Drop everything."""
        self.clear()
        self.size = 0
