"""What becomes of an attempt that was cut off: the same wherever tasks are kept."""

from datetime import datetime

from bgtasks.core.events import Ended, Interrupted
from bgtasks.core.lifecycle import Change, decide
from bgtasks.core.record import TaskRecord
from bgtasks.registry import Registry

__all__ = ["taken_back"]


def taken_back(
    record: TaskRecord, registry: Registry | None, by: str, now: datetime
) -> Change | None:
    """The change that ends the attempt that ``record`` is in, by the options of its type; if these
    are not known here, by the defaults. ``by`` says in words what cut the attempt off. ``None``:
    the task is in no attempt."""
    options = registry.named(record.type) if registry is not None else None
    outcome = Interrupted(by)
    if options is not None:
        outcome = Interrupted(by, options.rerun_interrupted, options.max_interruptions)
    return decide(record, Ended(record.attempt, outcome), now)
