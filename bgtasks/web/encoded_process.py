"""A process as clients are sent it."""

from collections.abc import Mapping
from typing import Any

from bgtasks.core.codec import TaskCodec
from bgtasks.core.codec.json_schema import renamed_schema
from bgtasks.models import ProcessInfo

__all__ = ["process_data", "process_schema", "read_process"]

_SENT_AS = {"maxConcurrency": "places"}


def process_data(info: ProcessInfo, codec: TaskCodec) -> dict[str, Any]:
    """A process as JSON data."""
    return {_SENT_AS.get(name, name): value for name, value in codec.data_of(info).items()}


def process_schema() -> dict[str, Any]:
    """The JSON Schema of that."""
    return renamed_schema(ProcessInfo, _SENT_AS)


def read_process(data: Mapping[str, Any], codec: TaskCodec) -> ProcessInfo:
    """What ``process_data`` made of a process, read back. Raises what cattrs raises."""
    names = {sent: name for name, sent in _SENT_AS.items()}
    return codec.read(ProcessInfo, {names.get(key, key): value for key, value in data.items()})
