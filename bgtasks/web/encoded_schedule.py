"""A schedule as clients are sent it."""

import json
from datetime import UTC, datetime
from typing import Any

from bgtasks.core.codec import TaskCodec
from bgtasks.core.schedules.definition import checked_name
from bgtasks.models import ScheduleInfo, TickInfo

__all__ = ["parse_schedule", "schedule_text"]

parse_schedule = checked_name
"""The name of a schedule that a client wrote. Raises ValueError, which names it."""


def schedule_text(info: ScheduleInfo, _: TaskCodec | None = None) -> str:
    """A schedule as JSON, in ASCII."""
    return json.dumps(_data(info), separators=(",", ":"))


def _data(info: ScheduleInfo) -> dict[str, Any]:
    return {
        "name": info.name,
        "type": info.type,
        "spec": info.spec,
        "inWords": info.in_words,
        "timezone": info.timezone,
        "paused": info.paused,
        "pausedAt": _time(info.paused_at),
        "nextTick": _time(info.next_tick),
        "next": [_time(tick) for tick in info.upcoming],
        "lastTick": _time(info.last_tick),
        "lastTask": None if info.last_task is None else str(info.last_task),
        "skipped": info.skipped,
        "lastError": info.last_error,
        "last": [_tick(tick) for tick in info.ticks],
        "registered": info.registered,
    }


def _tick(info: TickInfo) -> dict[str, Any]:
    return {
        "tick": _time(info.tick),
        "outcome": info.outcome,
        "task": None if info.task is None else str(info.task),
        "missed": info.missed,
        "message": info.message,
    }


def _time(time: datetime | None) -> str | None:
    if time is None:
        return None
    return time.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"
