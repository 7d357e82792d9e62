"""What the writer is given to do, and what it gives to the event loop."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import define, frozen

from bgtasks.backends.embedded.task_file import TaskFile
from bgtasks.backends.embedded.transaction import Committed
from bgtasks.core.record import TaskRecord

__all__ = ["Delivery", "Done", "Job", "Operation", "Submit", "settle"]

Operation = Callable[[TaskFile], Any]
"""What the writer thread does to the file, within a transaction."""


class Submit:
    """The operation that keeps new tasks, all or none."""

    __slots__ = ("records",)

    def __init__(self, records: Sequence[TaskRecord]) -> None:
        self.records: Sequence[TaskRecord] = records

    def __call__(self, file: TaskFile) -> Mapping[int, TaskRecord]:
        return file.submit(self.records)


Done = Callable[[Any, Exception | None], None]
"""Is told of the result, or of the error."""


@frozen
class Delivery:
    """The results of one commit. ``next_due`` is only valid with ``due_changed``."""

    done: Committed
    results: list[tuple[Done, Any, Exception | None]]
    due_changed: bool
    next_due: datetime | None


@define
class Job:
    """An operation that waits to be written, and who is told what became of it."""

    operation: Operation
    done: Done
    result: Any = None
    error: Exception | None = None
    give_up_at: float | None = None


def settle(future: "asyncio.Future[Any]", result: Any, error: Exception | None) -> None:
    """Tell a future, unless nobody waits for it."""
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
