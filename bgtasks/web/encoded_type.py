"""A type of tasks as clients are sent it."""

import json
from datetime import datetime
from typing import Any

from attrs import fields, frozen

from bgtasks.core.codec import TaskCodec
from bgtasks.core.limits import Rate
from bgtasks.core.task_types import TypeInfo
from bgtasks.web.protocol import MAX_TYPE

__all__ = ["TypeNews", "parse_type", "type_data", "type_text"]


@frozen
class TypeNews:
    """How a type is after it was paused or resumed. What else is known of it is asked for."""

    name: str
    paused_at: datetime | None
    pause_reason: str | None
    waiting: int
    running: int
    max_concurrency: int | None
    rate: Rate | None


_news = [field.name for field in fields(TypeNews)]


def type_text(info: TypeInfo, codec: TaskCodec) -> str:
    """A type that was paused or resumed as JSON, in ASCII."""
    news = TypeNews(**{name: getattr(info, name) for name in _news})
    return json.dumps(codec.data_of(news), separators=(",", ":"))


def type_data(info: TypeInfo, codec: TaskCodec) -> dict[str, Any]:
    """A type as JSON data, with all that is known of it."""
    return codec.data_of(info)


def parse_type(value: object) -> str:
    """The name of a type that a client wrote as ``value``. Raises ValueError, which names it."""
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_TYPE:
        shown = repr(value[:100]) if isinstance(value, str) else type(value).__name__
        raise ValueError(f"type is {shown}; accepted: the name of a task type")
    return value
