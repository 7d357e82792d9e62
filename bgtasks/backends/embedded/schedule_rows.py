"""Schedules and their ticks as rows of their tables, and back."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from bgtasks.backends.embedded.rows import from_time, to_time
from bgtasks.core.schedules.record import ScheduleRecord, TickRecord

__all__ = ["SCHEDULE", "schedule_of", "schedule_values", "tick_of", "tick_values"]

SCHEDULE = ScheduleRecord._fields
"""The columns of a schedule."""

_TIMES = [SCHEDULE.index(name) for name in SCHEDULE if name.endswith(("_at", "_tick"))]
_LAST_TASK = SCHEDULE.index("last_task")


def schedule_values(record: ScheduleRecord) -> list[Any]:
    """The values of a schedule, as they are stored."""
    values: list[Any] = list(record)
    for at in _TIMES:
        values[at] = from_time(values[at])
    values[_LAST_TASK] = None if record.last_task is None else record.last_task.bytes
    return values


def schedule_of(row: Sequence[Any]) -> ScheduleRecord:
    """The schedule in a row."""
    values = list(row)
    for at in _TIMES:
        values[at] = to_time(values[at])
    values[_LAST_TASK] = None if values[_LAST_TASK] is None else UUID(bytes=values[_LAST_TASK])
    return ScheduleRecord._make(values)


def tick_values(record: TickRecord) -> list[Any]:
    """The values of a tick, as they are stored."""
    task = None if record.task is None else record.task.bytes
    tick = from_time(record.tick)
    return [record.schedule, tick, record.outcome, task, record.missed, record.message]


def tick_of(row: Sequence[Any]) -> TickRecord:
    """The tick in a row."""
    schedule, tick, outcome, task, missed, message = row
    came = to_time(tick)
    assert came is not None  # noqa: S101 - the column cannot be NULL
    made = None if task is None else UUID(bytes=task)
    return TickRecord(schedule, came, outcome, made, missed, message)
