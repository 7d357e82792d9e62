"""Unions of classes that are told apart by a field of type ``Literal``.

cattrs has the same, but looks the field up under its own name, not under its camelCase key.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import cattrs

from bgtasks.core.codec.pydantic_models import is_pydantic
from bgtasks.core.hints import field_hints, has_fields

__all__ = ["is_tagged_union", "tagged_union_hook"]


def is_tagged_union(hint: Any) -> bool:
    """Whether ``hint`` is a union of classes (and ``None``) with such a field."""
    return get_origin(hint) in (Union, UnionType) and _tag(_classes(hint)) is not None


def tagged_union_hook(
    union: Any, converter: cattrs.Converter, key_of: Callable[[str], str]
) -> Callable[[Any, Any], Any]:
    """How to structure such a union; ``key_of`` returns the key of a field."""
    found = _tag(_classes(union))
    assert found is not None  # noqa: S101 - the factory is called for tagged unions only
    name, classes = found
    key, has_none = key_of(name), NoneType in get_args(union)

    def structure(data: Any, _: Any) -> Any:
        if data is None and has_none:
            return None
        if not isinstance(data, Mapping) or data.get(key) not in classes:
            raise ValueError(f"{key!r} is none of {', '.join(map(repr, classes))}")
        return converter.structure(data, classes[data[key]])

    return structure


def _classes(union: Any) -> list[Any]:
    return [item for item in get_args(union) if item is not NoneType]


def _tag(classes: list[Any]) -> tuple[str, dict[Any, Any]] | None:
    """A field of all ``classes`` whose value narrows an object's class, and the classes left for
    each value; of several such fields the one that narrows most."""
    if len(classes) < 2 or not all(has_fields(cls) and not is_pydantic(cls) for cls in classes):
        return None
    hints = [field_hints(cls) for cls in classes]
    found: list[tuple[int, str, dict[Any, Any]]] = []
    for name in hints[0]:
        if all(get_origin(each.get(name)) is Literal for each in hints):
            by_value: dict[Any, list[Any]] = {}
            for each, cls in zip(hints, classes, strict=True):
                for value in get_args(each[name]):
                    by_value.setdefault(_plain(value), []).append(cls)
            found.append((max(map(len, by_value.values())), name, by_value))
    most, name, by_value = min(found, key=lambda item: item[:2], default=(len(classes), "", {}))
    if most == len(classes):
        return None
    return name, {value: Union[tuple(same)] for value, same in by_value.items()}  # noqa: UP007


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value
