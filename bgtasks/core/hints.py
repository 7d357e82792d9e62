"""Type hints as the codec and the TypeScript writer read them: resolved, without type variables."""

import dataclasses
import inspect
import typing
from collections.abc import Mapping
from typing import Any, NewType, TypeVar, get_args, get_origin

import attrs

from bgtasks.errors import RegistrationError

__all__ = [
    "closed",
    "field_hints",
    "field_names",
    "has_fields",
    "is_named_tuple",
    "parameters",
    "resolved",
    "substituted",
    "unwrapped",
]


def has_fields(hint: Any) -> bool:
    """Whether ``hint`` is an attrs class or a dataclass, perhaps with type arguments."""
    cls = get_origin(hint) or hint
    return isinstance(cls, type) and (attrs.has(cls) or dataclasses.is_dataclass(cls))


def field_names(hint: Any) -> list[str]:
    """The names of the fields of such a class, in their order."""
    return list(_declared(get_origin(hint) or hint))


def is_named_tuple(cls: Any) -> bool:
    """Whether ``cls`` is a NamedTuple, whose items have names."""
    return isinstance(cls, type) and issubclass(cls, tuple) and hasattr(cls, "_fields")


def field_hints(hint: Any) -> dict[str, Any]:
    """The type of each field of an attrs class, a dataclass, a TypedDict or a NamedTuple, with the
    type arguments of ``hint``: in ``Box[int]`` a field of type ``T`` is an ``int``. A type variable
    without an argument stands for ``Any``. Raises RegistrationError for a hint that cannot be
    resolved.
    """
    cls: Any = get_origin(hint) or hint
    hints = resolved(cls)
    own = dict(zip(parameters(cls), get_args(hint), strict=False))
    if is_named_tuple(cls):
        hints = {name: hints.get(name, Any) for name in cls._fields}
    elif not typing.is_typeddict(cls):
        hints = {name: hints.get(name, kind) for name, kind in _declared(cls).items()}
    return {name: _hint_in(cls, name, hint, own) for name, hint in hints.items()}


def resolved(cls: Any) -> dict[str, Any]:
    """The annotations of ``cls`` and its bases. Raises RegistrationError where they can't be
    resolved."""
    try:
        return typing.get_type_hints(cls)
    except Exception as error:
        raise RegistrationError(
            f"a type hint of {cls.__module__}.{cls.__qualname__} cannot be resolved: {error}; "
            f"the names in it must be those of its module"
        ) from error


def parameters(cls: Any) -> tuple[Any, ...]:
    """The type variables that ``cls`` takes."""
    return tuple(p for p in getattr(cls, "__parameters__", ()) if isinstance(p, TypeVar))


def substituted(hint: Any, known: Mapping[Any, Any]) -> Any:
    """``hint`` with its type variables replaced; an unknown one becomes ``Any``."""
    if isinstance(hint, TypeVar):
        return known.get(hint, Any)
    if not getattr(hint, "__parameters__", ()) or isinstance(hint, type):
        return hint
    return hint[tuple(known.get(parameter, Any) for parameter in hint.__parameters__)]


def closed(hint: Any) -> Any:
    """``hint`` without type variables."""
    return substituted(hint, {})


def unwrapped(hint: Any) -> Any:
    """The type behind a NewType, a type alias, ``Annotated`` or ``Final``; else ``None``."""
    if isinstance(hint, NewType):
        return hint.__supertype__
    if type(hint).__name__ == "TypeAliasType":  # Python 3.12's `type X = ...`
        return hint.__value__
    if get_origin(hint) in (typing.Annotated, typing.Final, typing.Required, typing.NotRequired):
        return get_args(hint)[0]
    return None


def _declared(cls: Any) -> dict[str, Any]:
    """The fields of ``cls``, with types that may still be texts."""
    fields: tuple[Any, ...] = attrs.fields(cls) if attrs.has(cls) else dataclasses.fields(cls)
    return {field.name: Any if field.type is None else field.type for field in fields}


def _hint_in(cls: Any, name: str, hint: Any, own: Mapping[Any, Any]) -> Any:
    """``hint`` of a field, perhaps of a generic base, with the type arguments of ``cls``."""
    owner = next((c for c in cls.__mro__ if name in inspect.get_annotations(c)), cls)
    return substituted(hint, own if owner is cls else _arguments(cls, own).get(owner, {}))


def _arguments(cls: Any, own: Mapping[Any, Any]) -> dict[type, dict[Any, Any]]:
    """What the type variables of each generic base stand for, those of ``cls`` being ``own``."""
    found: dict[type, dict[Any, Any]] = {}
    for base in getattr(cls, "__orig_bases__", cls.__bases__):
        origin = get_origin(base) or base
        if origin is typing.Generic or origin is object:
            continue
        arguments = [substituted(item, own) for item in get_args(base)]
        found[origin] = dict(zip(parameters(origin), arguments, strict=False))
        found |= _arguments(origin, found[origin])
    return found
