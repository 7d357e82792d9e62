"""How many tasks there are of each type in each status: counted once, then kept up to date with
each commit. Lives on the event loop."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from bgtasks.core.record import Counts
from bgtasks.models import BackgroundTaskStatus

__all__ = ["Counted", "Move", "Tally"]

Status = BackgroundTaskStatus

Counted = Iterable[tuple[str, str, int, int]]
"""Types and statuses, with the numbers of everybody's tasks and of those without an owner."""


class Move(NamedTuple):
    """A task came (``before`` is ``None``), changed its status, or was dropped (``after``)."""

    type: str
    has_owner: bool
    before: Status | None
    after: Status | None


class Tally:
    """The numbers: what was there at the start, and all moves since. Nothing is counted when
    somebody asks."""

    def __init__(self) -> None:
        self._numbers: Counter[tuple[str, bool, Status]] = Counter()

    def follow(self, moves: Iterable[Move]) -> None:
        """A commit has moved tasks."""
        numbers = self._numbers
        for name, has_owner, before, after in moves:
            if before is not None:
                numbers[name, has_owner, before] -= 1
            if after is not None:
                numbers[name, has_owner, after] += 1

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
