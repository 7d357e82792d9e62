"""Schedules and their ticks as rows of their tables, and back."""

from collections.abc import Iterable, Sequence
from typing import Any

from bgtasks.core.record import NOT_YET
from bgtasks.core.schedules.record import ScheduleRecord, TickRecord

__all__ = ["PARTS", "schedule_arrays", "schedule_of", "tick_of"]

_TYPES = {"last_task": "uuid", "skipped": "bigint"}


def _type_of(name: str) -> str:
    is_time = name.endswith(("_at", "_tick"))
    return "timestamp with time zone" if is_time else _TYPES.get(name, "text")


PARTS = {
    "schedule": ", ".join(ScheduleRecord._fields),
    "schedule_arrays": ", ".join(
        f"${at}::{_type_of(name)}[]" for at, name in enumerate(ScheduleRecord._fields, 1)
    ),
    "held": f"'{NOT_YET.isoformat()}'::timestamptz",
}
"""What statements are completed with, by the names that it has there."""


def schedule_arrays(records: Iterable[ScheduleRecord]) -> Sequence[Sequence[Any]]:
    """One array for each column of some schedules (not none)."""
    return list(zip(*records, strict=True))


def schedule_of(row: Sequence[Any]) -> ScheduleRecord:
    """The schedule in a row."""
    return ScheduleRecord._make(row)


def tick_of(row: Sequence[Any]) -> TickRecord:
    """The tick in a row."""
    return TickRecord._make(row)
