"""JSON Schema of what the codec sends (https://json-schema.org/draft/2020-12), for OpenAPI."""

import collections
import collections.abc
import enum
import types
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import Any, Union, get_args, get_origin
from uuid import UUID

from bgtasks.core.codec import pydantic_models
from bgtasks.core.codec.sent_types import is_named, key_values, sent_fields
from bgtasks.core.hints import closed, field_hints, is_named_tuple, unwrapped

__all__ = ["json_schema", "renamed_schema"]

Schema = dict[str, Any]

_SIMPLE: tuple[tuple[type | tuple[type, ...], Schema], ...] = (
    (bool, {"type": "boolean"}),
    (enum.Flag, {"type": "integer"}),
    (int, {"type": "integer"}),
    ((float, timedelta), {"type": "number"}),
    (datetime, {"type": "string", "format": "date-time"}),
    (date, {"type": "string", "format": "date"}),
    (UUID, {"type": "string", "format": "uuid"}),
    ((str, bytes, Decimal, PurePath), {"type": "string"}),
)

_LISTS = (collections.abc.Sequence, collections.abc.Set, collections.deque)


def json_schema(hint: Any) -> Schema:
    """The schema of what is sent for ``hint``, without references: a class inside itself is
    anything there. What the codec cannot send is anything too. Raises RegistrationError for a type
    hint that cannot be resolved."""
    return _Writer().write(closed(hint))


def renamed_schema(cls: type, sent_as: Mapping[str, str]) -> Schema:
    """The schema of an object some of whose keys are sent under another name."""
    schema = json_schema(cls)
    properties: Schema = schema["properties"]
    schema["properties"] = {sent_as.get(key, key): item for key, item in properties.items()}
    schema["required"] = [sent_as.get(key, key) for key in schema["required"]]
    return schema


class _Writer:
    """Writes one schema; remembers the classes that are being written."""

    def __init__(self) -> None:
        self._open: list[Any] = []

    def write(self, hint: Any) -> Schema:
        origin, arguments = get_origin(hint) or hint, get_args(hint)
        if (inner := unwrapped(hint)) is not None:
            return self.write(inner)
        if origin in (Union, types.UnionType):
            return {"anyOf": [self.write(item) for item in arguments]}
        if (values := key_values(hint)) is not None:
            return {"enum": values}
        if origin is None or origin is type(None):
            return {"type": "null"}
        return self._class(hint, origin, arguments) if isinstance(origin, type) else {}

    def _class(self, hint: Any, cls: Any, arguments: tuple[Any, ...]) -> Schema:
        if pydantic_models.is_pydantic(cls):
            return _inlined(pydantic_models.json_schema(hint))
        if is_named(cls):
            return self._object(hint, cls)
        for kinds, schema in _SIMPLE:
            if issubclass(cls, kinds):
                return dict(schema)
        if issubclass(cls, tuple):
            return self._tuple(hint, cls, arguments)
        if issubclass(cls, collections.abc.Mapping):
            return self._mapping(cls, arguments)
        if issubclass(cls, _LISTS):
            return self._list(arguments[0] if arguments else Any)
        return {}

    def _object(self, hint: Any, cls: Any) -> Schema:
        if hint in self._open:
            return {}
        self._open.append(hint)
        fields = sent_fields(hint)
        properties = {field.name: self.write(field.hint) for field in fields}
        self._open.pop()
        return {
            "type": "object",
            "title": cls.__name__,
            "properties": properties,
            "required": [field.name for field in fields if not field.optional],
        }

    def _list(self, item: Any) -> Schema:
        return {"type": "array", "items": self.write(item)}

    def _tuple(self, hint: Any, cls: Any, arguments: tuple[Any, ...]) -> Schema:
        if is_named_tuple(cls):  # sent as a list too
            arguments = tuple(field_hints(hint).values())
        elif len(arguments) == 2 and arguments[1] is Ellipsis:
            return self._list(arguments[0])
        elif not arguments:
            return {"type": "array"}
        items = [self.write(item) for item in arguments]
        return {
            "type": "array",
            "prefixItems": items,
            "minItems": len(items),
            "maxItems": len(items),
        }

    def _mapping(self, cls: type, arguments: tuple[Any, ...]) -> Schema:
        if issubclass(cls, collections.Counter):
            arguments = (*arguments[:1], int)
        value = arguments[1] if len(arguments) == 2 else Any
        return {"type": "object", "additionalProperties": self.write(value)}


def _inlined(schema: Mapping[str, Any]) -> Schema:
    """A schema of Pydantic with its definitions in the places where they are referred to."""
    definitions = schema.get("$defs", {})

    def inline(part: Any, open_: tuple[str, ...]) -> Any:
        if isinstance(part, list):
            return [inline(item, open_) for item in part]
        if not isinstance(part, dict):
            return part
        if "$ref" not in part:
            return {
                key: inline(item, open_)
                for key, item in part.items()
                if key != "$defs" and not _is_discriminator(key, item)
            }
        name = part["$ref"].rsplit("/", 1)[-1]
        return {} if name in open_ else inline(definitions.get(name, {}), (*open_, name))

    inlined: Schema = inline(dict(schema), ())
    return inlined


def _is_discriminator(key: str, item: Any) -> bool:
    """Whether this is what OpenAPI adds to a union: it names definitions, which are inlined."""
    return key == "discriminator" and isinstance(item, dict) and "propertyName" in item
