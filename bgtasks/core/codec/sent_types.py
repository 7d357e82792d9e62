"""What there is in a Python type that the codec sends: its fields, and the types in it."""

import dataclasses
import enum
import typing
from collections.abc import Iterable
from typing import Any, Literal, get_args, get_origin

import attrs
from attrs import frozen

from bgtasks.core.codec.pydantic_models import is_pydantic
from bgtasks.core.codec.shapes import camel_case
from bgtasks.core.hints import field_hints, has_fields, is_named_tuple, parameters, unwrapped

__all__ = ["Hint", "is_named", "key_values", "parts", "sent_fields"]


@frozen
class Hint:
    """A field of a class: the key it is sent under, and its type."""

    name: str
    hint: Any
    optional: bool = False


def is_named(cls: Any) -> bool:
    if not isinstance(cls, type):
        return False
    return has_fields(cls) or is_pydantic(cls) or _is_value(cls)


def _is_value(cls: Any) -> bool:
    """Whether it is an enum whose values can be listed, or a TypedDict."""
    if typing.is_typeddict(cls):
        return True
    return issubclass(cls, enum.Enum) and not issubclass(cls, enum.Flag)


def sent_fields(hint: Any) -> list[Hint]:
    """What the codec sends of an object of a class. Without type arguments, types keep the type
    variables of the class."""
    cls = get_origin(hint) or hint
    if issubclass(cls, enum.Enum) or is_pydantic(cls):
        return []
    variables = parameters(cls)
    hints = field_hints(cls[variables] if variables and hint is cls else hint)
    if typing.is_typeddict(cls):
        required = cls.__required_keys__
        return [Hint(name, hint, name not in required) for name, hint in hints.items()]
    own: Iterable[Any] = attrs.fields(cls) if attrs.has(cls) else dataclasses.fields(cls)
    return [
        Hint(camel_case(field.name), hints[field.name])
        for field in own
        if field.init  # cattrs leaves out what the constructor does not take
    ]


def parts(hint: Any) -> list[Any]:
    """The types that ``hint`` is written with."""
    if (inner := unwrapped(hint)) is not None:
        return [inner]
    if get_origin(hint) is Literal:
        return []
    if is_named_tuple(get_origin(hint) or hint):
        return list(field_hints(hint).values())
    return list(get_args(hint))


def key_values(key: Any) -> list[Any] | None:
    """All values of a type that has only some few; else ``None``."""
    if (inner := unwrapped(key)) is not None:
        return key_values(inner)
    if get_origin(key) is Literal:
        return [v.value if isinstance(v, enum.Enum) else v for v in get_args(key)]
    if isinstance(key, type) and issubclass(key, enum.Enum) and not issubclass(key, enum.Flag):
        return [member.value for member in key]
    return None
