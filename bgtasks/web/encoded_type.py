"""A type of tasks as clients are sent it."""

import json

from bgtasks.core.codec import TaskCodec
from bgtasks.core.task_types import TypeInfo
from bgtasks.web.protocol import MAX_TYPE

__all__ = ["parse_type", "type_text"]


def type_text(info: TypeInfo, codec: TaskCodec) -> str:
    """A type as JSON, in ASCII."""
    return json.dumps(codec.data_of(info), separators=(",", ":"))


def parse_type(value: object) -> str:
    """The name of a type that a client wrote as ``value``. Raises ValueError, which names it."""
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_TYPE:
        shown = repr(value[:100]) if isinstance(value, str) else type(value).__name__
        raise ValueError(f"type is {shown}; accepted: the name of a task type")
    return value
