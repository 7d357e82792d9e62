"""Schedules and their ticks as rows of their tables, and back."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from bgtasks.backends.columns import Columns
from bgtasks.backends.postgres.rows import TYPES, array_parameters
from bgtasks.core.record import NOT_YET
from bgtasks.core.schedules.record import ScheduleRecord, TickRecord

__all__ = ["PARTS", "schedule_arrays", "schedule_of", "tick_of"]

SCHEDULE = Columns(ScheduleRecord._fields, TYPES, ScheduleRecord)

PARTS = {
    "schedule": SCHEDULE.each(),
    "schedule_arrays": array_parameters(SCHEDULE, 1),
    "held": f"'{NOT_YET.isoformat()}'::timestamptz",
}
"""What statements are completed with, by the names that it has there."""


schedule_arrays: Callable[[Iterable[Any]], list[Sequence[Any]]] = SCHEDULE.arrays
"""One array for each column of some schedules (not none)."""


def schedule_of(row: Sequence[Any]) -> ScheduleRecord:
    """The schedule in a row."""
    return ScheduleRecord._make(SCHEDULE.decode(row))


def tick_of(row: Sequence[Any]) -> TickRecord:
    """The tick in a row."""
    return TickRecord._make(row)
