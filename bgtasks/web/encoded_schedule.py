"""A schedule as clients are sent it."""

import json

from bgtasks.core.codec import TaskCodec
from bgtasks.core.schedules.definition import checked_name
from bgtasks.models import ScheduleInfo

__all__ = ["parse_schedule", "schedule_text"]

_SENT_AS = {"upcoming": "next", "ticks": "last"}

parse_schedule = checked_name
"""The name of a schedule that a client wrote. Raises ValueError, which names it."""


def schedule_text(info: ScheduleInfo, codec: TaskCodec) -> str:
    """A schedule as JSON, in ASCII."""
    data = {_SENT_AS.get(name, name): value for name, value in codec.data_of(info).items()}
    return json.dumps(data, separators=(",", ":"))
