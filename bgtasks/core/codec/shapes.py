"""The JSON shapes of Python's types, taught to a cattrs converter."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path, PurePath
from types import NoneType
from typing import Any, TypeVar, get_origin
from uuid import UUID

import cattrs
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override
from cattrs.preconf.json import make_converter as make_json_converter

from bgtasks.core.codec.pydantic_models import is_pydantic, structure_hook, unstructure_hook
from bgtasks.core.codec.unions import is_tagged_union, tagged_union_hook
from bgtasks.core.hints import field_hints, field_names, has_fields, is_named_tuple, parameters
from bgtasks.ids import uuid_of_text

__all__ = ["camel_case", "configure", "make_converter", "time_to_text", "unstructure_without"]


def configure(converter: cattrs.Converter) -> None:
    """Teach ``converter`` the shapes that bgtasks uses; apply it to a converter of your own.

    Attrs classes and dataclasses get camelCase keys, aware times become UTC with a ``Z``,
    paths, UUIDs and decimals texts, and timedeltas seconds. Pydantic's classes are written and
    read by Pydantic.
    """
    converter.register_unstructure_hook_factory(
        has_fields,
        lambda cls: make_dict_unstructure_fn(cls, converter, **_renames(cls)),
    )
    converter.register_structure_hook_factory(
        has_fields,
        lambda cls: make_dict_structure_fn(_with_arguments(cls), converter, **_renames(cls)),
    )
    converter.register_structure_hook_factory(
        is_tagged_union, lambda union: tagged_union_hook(union, converter, camel_case)
    )
    # An undeclared value is written by its own class, and comes back as JSON data.
    converter.register_unstructure_hook_factory(
        _is_unknown,
        # A bare `object()` has no other class.
        lambda _: lambda value: value if type(value) is object else converter.unstructure(value),
    )
    converter.register_structure_hook_func(_is_unknown, lambda data, _: data)
    converter.register_structure_hook_factory(
        _is_generic_named_tuple, lambda hint: _named_tuple_hook(hint, converter)
    )
    converter.register_structure_hook(NoneType, _nothing)
    converter.register_unstructure_hook(datetime, time_to_text)
    converter.register_structure_hook(datetime, lambda text, _: datetime.fromisoformat(text))
    converter.register_unstructure_hook(timedelta, lambda value: value.total_seconds())
    converter.register_structure_hook(timedelta, lambda value, _: timedelta(seconds=value))
    for text_type in (UUID, Decimal, Path, PurePath):
        converter.register_unstructure_hook(text_type, str)
        converter.register_structure_hook(text_type, lambda text, cls: cls(text))
    converter.register_structure_hook(UUID, _text_to_uuid)
    converter.register_unstructure_hook_factory(is_pydantic, unstructure_hook)
    converter.register_structure_hook_factory(is_pydantic, structure_hook)


def make_converter(*, detailed_validation: bool = True) -> cattrs.Converter:
    """A JSON converter of cattrs that is configured for bgtasks."""
    converter = make_json_converter(detailed_validation=detailed_validation)
    configure(converter)
    return converter


def unstructure_without(
    cls: type, fields: Iterable[str], converter: cattrs.Converter
) -> Callable[[Any], dict[str, Any]]:
    """How to turn objects of ``cls`` into JSON data without some fields, which are not read."""
    renames = _renames(cls) | {name: override(omit=True) for name in fields}
    return make_dict_unstructure_fn(cls, converter, **renames)


def camel_case(name: str) -> str:
    """``copied_bytes`` → ``copiedBytes``."""
    first, *rest = name.strip("_").split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


def _renames(cls: Any) -> dict[str, Any]:
    return {name: override(rename=camel_case(name)) for name in field_names(cls)}


def _with_arguments(cls: Any) -> Any:
    """A generic class without type arguments gets ``Any`` for each."""
    variables = () if get_origin(cls) else parameters(cls)
    return cls[(Any,) * len(variables)] if variables else cls


def _is_unknown(cls: Any) -> bool:
    return cls is object or isinstance(cls, TypeVar)


def _is_generic_named_tuple(hint: Any) -> bool:
    return is_named_tuple(get_origin(hint))


def _named_tuple_hook(hint: Any, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    """Cattrs knows named tuples, but not with type arguments."""
    cls, kinds = get_origin(hint), list(field_hints(hint).values())
    return lambda data, _: cls(*map(converter.structure, _exactly(data, len(kinds)), kinds))


def _exactly(data: list[Any], length: int) -> list[Any]:
    if len(data) != length:
        raise ValueError(f"expected {length} items, not {len(data)}")
    return data


def _nothing(data: Any, _: Any) -> None:
    if data is not None:
        raise ValueError("expected nothing")


def _text_to_uuid(text: Any, cls: type[UUID]) -> UUID:
    return uuid_of_text(text) if cls is UUID and type(text) is str else cls(text)


def time_to_text(value: datetime) -> str:
    """An aware time in UTC with a ``Z``; a naive one as it is."""
    if value.tzinfo is None:
        return value.isoformat()
    return value.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"
