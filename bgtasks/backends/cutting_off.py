"""What becomes of an attempt that was cut off: the same wherever tasks are kept."""

from bgtasks.core.events import Interrupted
from bgtasks.core.record import TaskRecord
from bgtasks.registration import Registry

__all__ = ["cut_off"]


def cut_off(record: TaskRecord, registry: Registry | None, by: str) -> Interrupted:
    """The outcome of the attempt that ``record`` is in, by the options of its type; where these
    are not known here, by the defaults. ``by`` says in words what cut it off."""
    options = registry.named(record.type) if registry is not None else None
    if options is None:
        return Interrupted(by)
    return Interrupted(by, options.rerun_interrupted, options.max_interruptions)
