"""The snapshot as HTTP and Socket.IO send it, for programs that send it by other ways."""

import functools
from collections.abc import Callable
from typing import Annotated, Any

from bgtasks.core.codec.json_schema import json_schema
from bgtasks.core.codec.task_codec import TaskCodec
from bgtasks.models import BackgroundTaskInfo

__all__ = ["info_text", "pydantic_schema"]


def info_text(info: BackgroundTaskInfo[Any]) -> str:
    """``info`` as JSON, in ASCII and on one line."""
    codec = _codec()
    payload, result = codec.json_text(info, "payload"), codec.json_text(info, "result")
    return codec.whole_text(codec.head_text(info), payload, result)


def pydantic_schema(hint: Any, handler: Callable[[Any], Any]) -> Any:
    """How Pydantic checks, sends and documents ``BackgroundTaskInfo[Payload]``, which is ``hint``:
    it takes a snapshot, or the JSON data of one, and sends the shape of the wire.

    ``handler`` is what Pydantic gives to ``__get_pydantic_core_schema__``
    (https://docs.pydantic.dev/latest/concepts/types/#custom-types).
    """
    from pydantic import WithJsonSchema  # whoever calls this has it
    from pydantic_core import core_schema

    return core_schema.no_info_before_validator_function(
        functools.partial(_read, hint),
        handler(Annotated[Any, WithJsonSchema(json_schema(hint))]),
        serialization=core_schema.plain_serializer_function_ser_schema(_codec().wire),
    )


def _read(hint: Any, value: object) -> BackgroundTaskInfo[Any]:
    if isinstance(value, BackgroundTaskInfo):
        return value
    try:
        return _codec().read_info(hint, value)  # type: ignore[arg-type] # what is none is refused
    except Exception as error:
        raise ValueError(
            "expected a BackgroundTaskInfo, or the JSON of a task as the HTTP API sends it"
        ) from error


@functools.cache
def _codec() -> TaskCodec:
    return TaskCodec()
