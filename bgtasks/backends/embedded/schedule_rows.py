"""Schedules and their ticks as rows of their tables, and back."""

from collections.abc import Callable, Sequence
from typing import Any

from bgtasks.backends.columns import Columns
from bgtasks.backends.embedded.rows import TYPES
from bgtasks.core.schedules.record import ScheduleRecord, TickRecord

__all__ = ["SCHEDULE", "schedule_of", "schedule_values", "tick_of", "tick_values"]

SCHEDULE = Columns(ScheduleRecord._fields, TYPES, ScheduleRecord)
TICK = Columns(TickRecord._fields, TYPES, TickRecord)

schedule_values: Callable[[Any], tuple[Any, ...]] = SCHEDULE.encode
"""The values of a schedule, as they are stored."""

tick_values: Callable[[Any], tuple[Any, ...]] = TICK.encode
"""The values of a tick, as they are stored."""


def schedule_of(row: Sequence[Any]) -> ScheduleRecord:
    """The schedule in a row."""
    return ScheduleRecord._make(SCHEDULE.decode(row))


def tick_of(row: Sequence[Any]) -> TickRecord:
    """The tick in a row."""
    return TickRecord._make(TICK.decode(row))
