"""Attempts that begin and end on command, for tests of a backend."""

from collections.abc import Callable
from uuid import UUID

from bgtasks.core.events import Completed, Ended, Outcome, Report
from bgtasks.core.record import LEFT_OUT, TaskRecord

__all__ = ["ScriptedRunner"]


class ScriptedRunner:
    """Runs no workers: the test says when and how each attempt ends."""

    def __init__(self) -> None:
        self.started: list[TaskRecord] = []
        self.cancelled: list[tuple[UUID, int]] = []
        self._attempts: dict[tuple[UUID, int], tuple[TaskRecord, Callable[[Ended], None]]] = {}

    def start(self, record: TaskRecord, over: Callable[[Ended], None]) -> None:
        """Note the attempt; it runs until ``end``."""
        if record.data == LEFT_OUT:
            raise ValueError(f"task {record.id} is to be run, but its data was not read")
        self.started.append(record)
        self._attempts[record.id, record.attempt] = (record, over)

    def cancel(self, task_id: UUID, attempt_number: int) -> None:
        """Note that the attempt is to end."""
        self.cancelled.append((task_id, attempt_number))

    def end(
        self, record: TaskRecord, outcome: Outcome | None = None, report: Report | None = None
    ) -> None:
        """End the attempt that was started with ``record``; the default outcome is Completed."""
        _, over = self._attempts.pop((record.id, record.attempt))
        over(Ended(record.attempt, outcome or Completed(), report))

    def end_all(self, outcome: Outcome | None = None) -> None:
        """End everything that runs."""
        for record in self.running:
            self.end(record, outcome)

    @property
    def running(self) -> list[TaskRecord]:
        """The records of attempts that have not ended, the first started first."""
        return [record for record, _ in self._attempts.values()]
