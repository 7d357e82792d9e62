"""Proves that a value survives the way to JSON and back, which saves a trial.

A value is proven if each part is of exactly its annotated type, and that type is one of JSON or
another that is known to come back unchanged. A value that is not proven is no error: it is tried.
"""

import dataclasses
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, Flag
from operator import attrgetter
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin
from uuid import UUID

import attrs

from bgtasks.core.codec.pydantic_models import is_pydantic
from bgtasks.core.codec.shapes import camel_case
from bgtasks.core.hints import field_hints, has_fields, unwrapped
from bgtasks.errors import RegistrationError

__all__ = ["Check", "Proofs"]

Check = Callable[[Any], bool]
"""Whether a value is proven to survive; ``False`` means only that there is no proof."""

_JSON = frozenset({str, int, float, bool, NoneType})
_EXACT = _JSON | {UUID, date, bytes}
_LONG = timedelta(seconds=2**32)
"""Up to this timedelta, 136 years, a float of seconds is exact to the microsecond."""

_HOOKS = ("__attrs_pre_init__", "__attrs_post_init__", "__post_init__")
_MADE_BY_ATTRS = "<attrs generated"
_MADE_BY_DATACLASSES = "<string>"


class Proofs:
    """Finds the check of a type, once for each type."""

    def __init__(self) -> None:
        self._known: dict[Any, Check | None] = {Any: _is_plain, object: _is_plain}

    def of(self, hint: Any) -> Check | None:
        """The check of values annotated with ``hint``; ``None``: there is no proof."""
        try:
            return self._known[hint]
        except KeyError:
            self._known[hint] = later = _Later()
            self._known[hint] = later.check = self._find(hint)
            return later.check
        except TypeError:  # a hint that is no key, such as Annotated with a list
            return None

    def _find(self, hint: Any) -> Check | None:
        if (inner := unwrapped(hint)) is not None:
            return self.of(inner)
        if isinstance(hint, TypeVar):
            return _is_plain
        origin, arguments = get_origin(hint), get_args(hint)
        if origin in (Union, UnionType):
            return self._of_union(arguments)
        if origin in (list, set, frozenset, tuple, dict):
            return self._of_container(origin, arguments)
        if has_fields(hint) and not is_pydantic(hint):
            return self._of_class(hint)
        return _of_simple(hint)

    def _of_union(self, members: tuple[Any, ...]) -> Check | None:
        if _JSON.issuperset(members):
            return lambda value: type(value) in members
        others = [item for item in members if item is not NoneType]
        check = self.of(others[0]) if len(others) == 1 else None
        return (lambda value: value is None or check(value)) if check is not None else None

    def _of_container(self, kind: type, arguments: tuple[Any, ...]) -> Check | None:
        if kind is tuple and arguments[-1:] != (Ellipsis,):
            checks = [self.of(item) for item in arguments]
            return _of_tuple([check for check in checks if check]) if all(checks) else None
        if kind is dict and arguments[0] is not str:
            return None
        check = self.of(arguments[-1] if kind is dict else arguments[0])
        if check is None:
            return None
        return _of_dict(check) if kind is dict else _of_items(kind, check)

    def _of_class(self, hint: Any) -> Check | None:
        cls = get_origin(hint) or hint
        try:
            hints = field_hints(hint)
        except RegistrationError:
            return None
        checks = {name: self.of(kind) for name, kind in hints.items()}
        if not _is_rebuilt_as_it_was(cls) or None in checks.values():
            return None
        if len(set(map(camel_case, checks))) < len(checks):
            return None  # two fields with one key, possible in an unregistered class
        return _of_object(cls, {name: check for name, check in checks.items() if check})


class _Later:
    """Stands for a check that is still being found: for recursive types and for other threads."""

    check: Check | None = None

    def __call__(self, value: Any) -> bool:
        return self.check is not None and self.check(value)


class _Exactly:
    """A value of exactly this type, not of a subclass."""

    def __init__(self, kind: type) -> None:
        self.kind = kind

    def __call__(self, value: Any) -> bool:
        return type(value) is self.kind


def _of_simple(hint: Any) -> Check | None:
    if get_origin(hint) is Literal:
        return _of_literal(get_args(hint))
    if hint in _EXACT:
        return _Exactly(hint)
    if hint is datetime:
        return _is_plain_time
    if hint is timedelta:
        return lambda value: type(value) is timedelta and -_LONG < value < _LONG
    if hint is Decimal:
        return lambda value: type(value) is Decimal and value.is_finite()
    if hint is Path:
        return _Exactly(type(Path()))
    if isinstance(hint, type) and issubclass(hint, Enum) and not issubclass(hint, Flag):
        return _Exactly(hint) if all(type(member.value) in _JSON for member in hint) else None
    return None


def _of_literal(values: tuple[Any, ...]) -> Check | None:
    if not all(type(value) in _JSON for value in values):
        return None
    exact = {(type(value), value) for value in values}
    return lambda value: type(value) in _JSON and (type(value), value) in exact


def _of_items(kind: type, check: Check) -> Check:
    def is_proven(value: Any) -> bool:
        items: Iterable[Any] = value
        return type(value) is kind and all(map(check, items))

    return is_proven


def _of_dict(check: Check) -> Check:
    return lambda value: (
        type(value) is dict and _has_text_keys(value) and all(map(check, value.values()))
    )


def _has_text_keys(value: dict[Any, Any]) -> bool:
    return set(map(type, value)) <= {str}


def _of_tuple(checks: list[Check]) -> Check:
    return lambda value: (
        type(value) is tuple
        and len(value) == len(checks)
        and all(check(item) for check, item in zip(checks, value, strict=True))
    )


def _of_object(cls: type, checks: dict[str, Check]) -> Check:
    """Plain fields are checked all together, which is much faster than one by one."""
    exact = {name: check.kind for name, check in checks.items() if isinstance(check, _Exactly)}
    if len(exact) < 2:  # for one field attrgetter returns no tuple
        exact = {}
    kinds = list(exact.values())
    get = attrgetter(*exact) if exact else lambda _: ()
    others = [(attrgetter(name), checks[name]) for name in checks if name not in exact]

    def check(value: Any) -> bool:
        if type(value) is not cls or [*map(type, get(value))] != kinds:
            return False
        for get_one, is_proven in others:  # noqa: SIM110 - every report goes through here
            if not is_proven(get_one(value)):
                return False
        return True

    return check


def _is_plain(value: Any) -> bool:
    """Whether ``value`` is JSON data already."""
    kind = type(value)
    if kind in _JSON:
        return True
    if kind is list:
        return all(map(_is_plain, value))
    if kind is dict:
        return _has_text_keys(value) and all(map(_is_plain, value.values()))
    return False


def _is_plain_time(value: Any) -> bool:
    """Whether the time is naive or aware: with a time zone that states no offset it is neither."""
    if type(value) is not datetime:
        return False
    return value.tzinfo is UTC or value.tzinfo is None or value.utcoffset() is not None


def _is_rebuilt_as_it_was(cls: Any) -> bool:
    """Whether the constructor sets each field to its argument and does nothing else."""
    if any(hasattr(cls, name) for name in _HOOKS):
        return False
    made_by = getattr(getattr(cls.__init__, "__code__", None), "co_filename", "")
    if "__attrs_attrs__" in vars(cls):
        fields = attrs.fields(cls)
        plain = all(field.init and field.converter is None for field in fields)
        return plain and made_by.startswith(_MADE_BY_ATTRS)
    if "__dataclass_fields__" in vars(cls):
        return all(f.init for f in dataclasses.fields(cls)) and made_by == _MADE_BY_DATACLASSES
    return False  # a subclass that adds more than fields
