"""What any process does for all of them, while others may die, and may come with other types."""

from bgtasks.backends.loops.marking import Marking
from bgtasks.backends.loops.periodic import Periodic
from bgtasks.backends.loops.recovery import Recovery
from bgtasks.backends.task_store import TaskStore
from bgtasks.clock import Clock

__all__ = ["RARELY", "Tending"]

RARELY = 60.0
"""Seconds between two rounds of the rare duties."""


class Tending:
    """Takes back what dead processes left, every so many seconds, and marks waiting tasks of
    types that nobody knows, once a minute and after something was taken back."""

    def __init__(
        self, store: TaskStore, recovery: Recovery, marking: Marking, clock: Clock, every: float
    ) -> None:
        self._recovery = recovery
        self._marks = Periodic(
            store, "does not say which types are known", marking.mark, RARELY, clock
        )
        refused = "does not let dead workers' tasks be taken back"
        self.duties: list[Periodic] = [
            Periodic(store, refused, self._recover, every, clock),
            self._marks,
        ]

    async def taken_back(self) -> None:
        """Wait until all that dead processes had left is taken back."""
        await self._recovery.complete()
        self._marks.soon()

    async def _recover(self) -> None:
        if await self._recovery.take_back():
            self._marks.soon()  # they may be of types that nobody knows
