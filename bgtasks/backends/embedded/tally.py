"""How many tasks there are of each type in each status: counted once, then kept up to date with
each commit. Lives on the event loop."""

from collections import Counter
from collections.abc import Iterable

from bgtasks.core.record import Counts, TaskRecord
from bgtasks.models import BackgroundTaskStatus

__all__ = ["Counted", "Dropped", "Move", "Tally"]

Status = BackgroundTaskStatus

Counted = Iterable[tuple[str, str, int, int]]
"""Types and statuses, with the numbers of everybody's tasks and of those without an owner."""


Move = tuple[TaskRecord | None, TaskRecord]
"""A task that came (before that it was ``None``), or that changed its status."""

Dropped = tuple[str, bool, Status]
"""A task that was dropped: its type, whether it had an owner, and its status."""


class Tally:
    """The numbers: what was there at the start, and all moves since. Nothing is counted when
    somebody asks."""

    def __init__(self) -> None:
        self._numbers: Counter[tuple[str, bool, Status]] = Counter()

    def follow(self, moves: Iterable[Move], dropped: Iterable[Dropped]) -> None:
        """A commit has moved and dropped tasks."""
        numbers = self._numbers
        for (name, has_owner, before, after), number in Counter(map(_kind_of, moves)).items():
            if before is not None:
                numbers[name, has_owner, before] -= number
            numbers[name, has_owner, after] += number
        numbers.subtract(dropped)

    def begin_with(self, counted: Counted) -> None:
        """What was there before the first move."""
        for name, status, everybodys, nobodys in counted:
            self._numbers[name, False, Status(status)] += nobodys
            self._numbers[name, True, Status(status)] += everybodys - nobodys

    def counts(self, has_owner: Iterable[bool]) -> Counts:
        """The tasks that have an owner, those that have none, or both."""
        wanted = set(has_owner)
        counts: Counter[tuple[str, Status]] = Counter()
        for (name, owned, status), number in self._numbers.items():
            if owned in wanted and number:
                counts[name, status] += number
        return counts


def _kind_of(move: Move) -> tuple[str, bool, Status | None, Status]:
    before, after = move
    was = None if before is None else before.status
    return after.type, after.owner is not None, was, after.status
