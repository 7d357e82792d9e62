"""Finds where a value read back from JSON differs from the one that was written."""

import collections.abc
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from operator import attrgetter, itemgetter
from typing import Any, get_args, get_origin

import attrs
from attrs import frozen

from bgtasks.core.codec.pydantic_models import is_pydantic, model_fields
from bgtasks.core.hints import field_hints, field_names, has_fields, unwrapped
from bgtasks.core.text import shown
from bgtasks.errors import RegistrationError

__all__ = ["Difference", "Part", "find_difference", "parts_of"]

_SEQUENCES = (collections.abc.Sequence, collections.abc.Collection, collections.abc.Iterable)


@frozen
class Difference:
    """``path`` leads to the part that was ``sent`` and came ``back`` as something else."""

    path: str
    sent: object
    back: object


@frozen
class Part:
    """A field, item or value: how to write the way to it, how to get it, and its annotation."""

    step: str
    of: Callable[[Any], Any]
    hint: Any


def find_difference(sent: Any, back: Any, hint: Any, path: str) -> Difference | None:
    """The first difference among fields, items and values; ``None``: there is none.

    Values equal by ``==`` do not differ: 2 and 2.0, or a ``StrEnum`` and its text. Aware times
    are compared as moments: by ``==``, an hour that summer time repeats equals nothing in UTC.
    """
    hint = _meant(hint)
    if isinstance(sent, datetime) and isinstance(back, datetime):
        return None if _moment(sent) == _moment(back) else Difference(path, sent, back)
    if not _has_same_parts(sent, back, hint):
        return None if _equal(sent, back) else Difference(path, sent, back)
    for part in parts_of(sent, hint):
        try:
            found = find_difference(part.of(sent), part.of(back), part.hint, path + part.step)
        except AttributeError:  # a field that was never set, or is set no longer
            found = Difference(path + part.step, sent, back)
        if found is not None:
            return found
    same = _beside_fields(sent) == _beside_fields(back)
    return None if same else Difference(path, sent, back)


def parts_of(value: Any, hint: Any) -> list[Part]:
    """The parts of ``value`` that can be named."""
    hint = _meant(hint)
    if isinstance(value, type):
        return []
    if _is_object(value):
        hints, caches = _hints_of(value, hint), _caches_of(value)
        return [
            Part(f".{name}", attrgetter(name), hints.get(name, Any))
            for name in _names_of(value)
            if name not in caches
        ]
    arguments = get_args(hint)
    if isinstance(value, Mapping):
        inner = arguments[1] if len(arguments) == 2 else Any
        return [Part(f"[{shown(key, 50)}]", itemgetter(key), inner) for key in value]
    if isinstance(value, (list, tuple)):
        return [
            Part(f"[{index}]", itemgetter(index), _item_hint(hint, index))
            for index in range(len(value))
        ]
    return []


def _has_same_parts(sent: Any, back: Any, hint: Any) -> bool:
    if _is_object(sent):
        return type(sent) is type(back)
    if isinstance(sent, Mapping):
        return isinstance(back, Mapping) and sent.keys() == back.keys()
    if not isinstance(sent, (list, tuple)) or not isinstance(back, (list, tuple)):
        return False
    # A field annotated as Sequence may come back as either.
    same = isinstance(sent, list) is isinstance(back, list) or get_origin(hint) in _SEQUENCES
    return same and len(sent) == len(back)


def _is_object(value: Any) -> bool:
    return has_fields(type(value)) or is_pydantic(type(value))


def _names_of(value: Any) -> list[str]:
    cls = type(value)
    return field_names(cls) if has_fields(cls) else list(model_fields(cls))


def _caches_of(value: Any) -> set[str]:
    """Computed fields that equality ignores: they are no data."""
    cls = type(value)
    if not attrs.has(cls):
        return set()
    return {item.name for item in attrs.fields(cls) if not item.init and not item.eq}


def _hints_of(value: Any, hint: Any) -> dict[str, Any]:
    cls = type(value)
    if not has_fields(cls):
        return {}
    try:
        return field_hints(hint if get_origin(hint) is cls else cls)
    except RegistrationError:  # of a class that was never registered
        return {}


def _item_hint(hint: Any, index: int) -> Any:
    arguments = get_args(hint)
    if get_origin(hint) is tuple and arguments[-1:] != (Ellipsis,):
        return arguments[index] if index < len(arguments) else Any
    return arguments[0] if arguments else Any


def _beside_fields(value: Any) -> Any:
    """What a Pydantic object holds beside its fields: private and extra attributes."""
    return (
        getattr(value, "__pydantic_private__", None),
        getattr(value, "__pydantic_extra__", None),
    )


def _meant(hint: Any) -> Any:
    while (inner := unwrapped(hint)) is not None:
        hint = inner
    return hint


def _moment(time: datetime) -> datetime:
    return time if time.utcoffset() is None else time.astimezone(UTC)


def _equal(sent: Any, back: Any) -> bool:
    try:
        return bool(sent == back)
    except Exception:  # such as a signalling NaN
        return False
