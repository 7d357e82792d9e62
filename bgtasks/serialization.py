"""Tasks, payloads and snapshots as JSON, with cattrs: one camelCase shape everywhere."""

import dataclasses
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path, PurePath
from typing import Any, TypeVar, get_origin
from uuid import UUID

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override
from cattrs.preconf.json import make_converter as make_json_converter

from bgtasks.errors import PayloadTooLargeError, SerializationError
from bgtasks.models import BackgroundTaskBase, BackgroundTaskInfo, LightTaskInfo
from bgtasks.record import LEFT_OUT, TaskRecord

__all__ = ["TaskCodec", "configure", "make_converter"]

MAX_JSON = 2 * 1024 * 1024
"""The longest JSON text, in characters, that a task or a payload may have."""

TTask = TypeVar("TTask", bound=BackgroundTaskBase)

_encode_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def configure(converter: cattrs.Converter) -> None:
    """Teach ``converter`` the shapes that bgtasks uses; apply it to a converter of your own.

    Attrs classes and dataclasses get camelCase keys, aware times become UTC with a ``Z``,
    paths, UUIDs and decimals texts, and timedeltas seconds.
    """
    converter.register_unstructure_hook_factory(
        _has_fields,
        lambda cls: make_dict_unstructure_fn(cls, converter, **_renames(cls)),
    )
    converter.register_structure_hook_factory(
        _has_fields,
        lambda cls: make_dict_structure_fn(cls, converter, **_renames(cls)),
    )
    converter.register_unstructure_hook(datetime, _time_to_text)
    converter.register_structure_hook(datetime, lambda text, _: datetime.fromisoformat(text))
    converter.register_unstructure_hook(timedelta, lambda value: value.total_seconds())
    converter.register_structure_hook(timedelta, lambda value, _: timedelta(seconds=value))
    for text_type in (UUID, Decimal, Path, PurePath):
        converter.register_unstructure_hook(text_type, str)
        converter.register_structure_hook(text_type, lambda text, cls: cls(text))


def make_converter(*, detailed_validation: bool = True) -> cattrs.Converter:
    """A JSON converter of cattrs that is configured for bgtasks."""
    converter = make_json_converter(detailed_validation=detailed_validation)
    configure(converter)
    return converter


def _has_fields(cls: Any) -> bool:
    origin = get_origin(cls) or cls
    return isinstance(origin, type) and (attrs.has(origin) or dataclasses.is_dataclass(origin))


def _field_names(cls: Any) -> list[str]:
    origin = get_origin(cls) or cls
    if attrs.has(origin):
        return [attribute.name for attribute in attrs.fields(origin)]
    return [item.name for item in dataclasses.fields(origin)]


def camel_case(name: str) -> str:
    """``copied_bytes`` → ``copiedBytes``."""
    first, *rest = name.strip("_").split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


def _renames(cls: Any) -> dict[str, Any]:
    return {name: override(rename=camel_case(name)) for name in _field_names(cls)}


def _time_to_text(value: datetime) -> str:
    if value.tzinfo is None:
        return value.isoformat()
    return value.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


class TaskCodec:
    """Turns tasks, payloads and records into JSON and back, and says what is wrong with them."""

    def __init__(self) -> None:
        self._converter = make_converter(detailed_validation=False)
        self._strict = make_converter()

    def check_type(self, cls: Any) -> None:
        """Raise SerializationError if objects of ``cls`` can never be read back."""
        try:
            self._strict.get_structure_hook(cls)
        except Exception as error:
            raise SerializationError(
                f"{getattr(cls, '__name__', cls)} cannot be read back from JSON: {error}"
            ) from error

    def encode_task(self, task: BackgroundTaskBase) -> str:
        """The JSON of ``task``, tried: it can be read back. Raises SerializationError, which
        names the field, or PayloadTooLargeError."""
        return self.encode_and_read_back(task)[0]

    def encode_and_read_back(self, task: TTask) -> tuple[str, TTask]:
        """What ``encode_task`` gives, and the copy that was made in trying it."""
        data = self._encode(task, type(task).__name__)
        return data, self.decode_task(type(task), data)

    def decode_task(self, cls: type[TTask], data: str) -> TTask:
        """The task that was stored as ``data``. Raises SerializationError with the reason."""
        try:
            return self._converter.structure(json.loads(data), cls)
        except Exception as error:
            raise self._unreadable(cls, data, error) from error

    def encode_payload(self, payload: object) -> str | None:
        """The JSON of ``payload``; ``None`` for ``None``. Raises as ``encode_task`` does."""
        return None if payload is None else self._encode(payload, "payload")

    def decode_payload(self, payload_type: Any, text: str | None) -> Any:
        """The payload that was stored as ``text``: an object of ``payload_type``, or plain JSON
        data where it no longer fits that type or the type is unknown."""
        if text is None:
            return None
        data = json.loads(text)
        if payload_type is None or payload_type is Any:
            return data
        try:
            return self._converter.structure(data, payload_type)
        except Exception:
            return data

    def info(self, record: TaskRecord, payload_type: Any) -> BackgroundTaskInfo[Any]:
        """The public snapshot of a stored task."""
        is_light = record.payload == LEFT_OUT
        return (LightTaskInfo if is_light else BackgroundTaskInfo)(
            record.id,
            record.type,
            record.name,
            None if is_light else self.decode_payload(payload_type, record.payload),
            record.status,
            record.progress,
            record.status_message,
            record.error_message,
            record.created_at,
            record.started_at,
            record.completed_at,
            record.revision,
            record.attempt,
            record.cancel_requested,
            record.scheduled_at,
            record.owner,
        )

    def wire(self, info: BackgroundTaskInfo[Any]) -> dict[str, Any]:
        """``info`` as the JSON data that HTTP and Socket.IO send."""
        data: dict[str, Any] = self._converter.unstructure(info)
        if info.payload_omitted:
            data["payloadOmitted"] = True
        return data

    def _encode(self, value: object, name: str) -> str:
        try:
            text = _encode_json(self._converter.unstructure(value))
        except (Exception, RecursionError) as error:
            raise self._unwritable(value, name, error) from error
        if len(text) > MAX_JSON:
            raise PayloadTooLargeError(
                f"{name} is {len(text):,} characters of JSON; at most {MAX_JSON:,} are stored. "
                f"Keep large data in a file or table of your own and report where it is"
            )
        return text

    def _unwritable(self, value: object, name: str, error: BaseException) -> SerializationError:
        path, culprit = self._blame(value, name, depth=0)
        if isinstance(error, RecursionError):
            reason = "it refers to itself or is nested too deeply"
        else:
            reason = f"{type(culprit).__name__} {culprit!r:.100}"
        return SerializationError(
            f"{path} cannot be turned into JSON: {reason}. Use text, finite numbers, bool, None, "
            f"dates, UUIDs, paths, enums, attrs classes, dataclasses, and lists or dicts of those"
        )

    def _blame(self, value: object, path: str, depth: int) -> tuple[str, object]:
        """The path to the innermost part of ``value`` that alone cannot be encoded."""
        if depth < 20:
            for step, part in _parts(value):
                try:
                    _encode_json(self._converter.unstructure(part))
                except (Exception, RecursionError):
                    return self._blame(part, path + step, depth + 1)
        return path, value

    def _unreadable(self, cls: type, data: str, error: Exception) -> SerializationError:
        reason = str(error)
        try:
            self._strict.structure(json.loads(data), cls)
        except Exception as detailed:
            reason = "; ".join(cattrs.transform_error(detailed, path=cls.__name__))
        return SerializationError(f"{cls.__name__} cannot be read back from JSON: {reason}")


def _parts(value: object) -> list[tuple[str, object]]:
    """The fields, items or values that ``value`` is made of, with how to write the way there."""
    if isinstance(value, type):
        return []
    if _has_fields(type(value)):
        return [(f".{name}", getattr(value, name)) for name in _field_names(type(value))]
    if isinstance(value, Mapping):
        return [(f"[{key!r}]", item) for key, item in value.items()]
    if isinstance(value, (list, tuple, set, frozenset)):
        return [(f"[{index}]", item) for index, item in enumerate(value)]
    return []
