"""The log of a task as clients are sent it."""

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from bgtasks.core.codec import TaskCodec
from bgtasks.core.codec.json_schema import json_schema
from bgtasks.core.task_log import LogLine, TaskLog

__all__ = ["LINE_SCHEMA", "line_data", "log_event_text", "log_text"]


def _line_schema() -> dict[str, Any]:
    schema = json_schema(LogLine)
    schema["required"] = [name for name in schema["required"] if name != "logger"]
    return schema


LINE_SCHEMA = _line_schema()
"""The JSON Schema of a line."""


def log_text(log: TaskLog, codec: TaskCodec) -> str:
    """Lines of a log as JSON, in ASCII."""
    return f'{{"items":{_lines_text(log, codec)},"first":{log.first},"last":{log.last}}}'


def log_event_text(task_id: UUID, lines: Iterable[LogLine], codec: TaskCodec) -> str:
    """New lines of a task as JSON, in ASCII."""
    return f'{{"id":"{task_id}","lines":{_lines_text(lines, codec)}}}'


def _lines_text(lines: Iterable[LogLine], codec: TaskCodec) -> str:
    return json.dumps([line_data(line, codec) for line in lines], separators=(",", ":"))


def line_data(line: LogLine, codec: TaskCodec) -> dict[str, Any]:
    """A line as JSON data, without a ``logger`` where it is of none."""
    data = codec.data_of(line)
    if line.logger is None:
        del data["logger"]
    found: dict[str, Any] = data
    return found
