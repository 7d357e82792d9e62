"""A schedule as clients are sent it."""

import json
from collections.abc import Mapping
from typing import Any

from bgtasks.core.codec import TaskCodec
from bgtasks.core.codec.json_schema import renamed_schema
from bgtasks.core.schedules.definition import checked_name
from bgtasks.models import ScheduleInfo

__all__ = [
    "parse_schedule",
    "read_schedule",
    "schedule_data",
    "schedule_schema",
    "schedule_text",
]

_SENT_AS = {"upcoming": "next", "ticks": "last"}

parse_schedule = checked_name
"""The name of a schedule that a client wrote. Raises ValueError, which names it."""


def schedule_text(info: ScheduleInfo, codec: TaskCodec) -> str:
    """A schedule as JSON, in ASCII."""
    return json.dumps(schedule_data(info, codec), separators=(",", ":"))


def schedule_data(info: ScheduleInfo, codec: TaskCodec) -> dict[str, Any]:
    """A schedule as JSON data."""
    return {_SENT_AS.get(name, name): value for name, value in codec.data_of(info).items()}


def read_schedule(data: Mapping[str, Any], codec: TaskCodec) -> ScheduleInfo:
    """What ``schedule_data`` made of a schedule, read back. Raises what cattrs raises."""
    names = {sent: name for name, sent in _SENT_AS.items()}
    return codec.read(ScheduleInfo, {names.get(key, key): value for key, value in data.items()})


def schedule_schema() -> dict[str, Any]:
    """The JSON Schema of that."""
    return renamed_schema(ScheduleInfo, _SENT_AS)
