"""Checks types at registration, so that errors appear before the first use."""

import dataclasses
import inspect
import typing
from typing import Any, Literal, get_args, get_origin

import attrs

from bgtasks.core.codec.pydantic_models import (
    check_pydantic,
    is_pydantic,
    is_pydantic_v1,
    model_fields,
)
from bgtasks.core.codec.shapes import camel_case
from bgtasks.core.hints import (
    closed,
    field_hints,
    field_names,
    has_fields,
    is_named_tuple,
    unwrapped,
)
from bgtasks.errors import RegistrationError

__all__ = ["check_types"]


def check_types(hint: Any) -> list[Any]:
    """Raise RegistrationError for a class, anywhere in ``hint``, whose objects would lose something
    on the way to JSON and back, or could not be made again. Returns all types in ``hint``, except
    those inside Pydantic's classes, which Pydantic checks.
    """
    found: dict[Any, bool] = {}  # whether the type is ours
    waiting = [(hint, True)]
    while waiting:
        hint, is_ours = waiting.pop()
        hint = closed(hint)
        if (inner := unwrapped(hint)) is not None:
            waiting.append((inner, is_ours))
        elif hint is not Ellipsis and not isinstance(hint, list) and hint not in found:
            found[hint] = is_ours
            parts = () if get_origin(hint) is Literal else get_args(hint)
            fields, is_model = _checked_class(hint), is_pydantic(hint)
            waiting += [(item, is_ours) for item in parts]
            waiting += [(item, is_ours and not is_model) for item in fields]
    return [hint for hint, is_ours in found.items() if is_ours]


def _checked_class(hint: Any) -> list[Any]:
    """The types of the fields, if ``hint`` is a class with fields; checks the class."""
    cls = get_origin(hint) or hint
    if is_pydantic_v1(cls):
        raise RegistrationError(
            f"{cls.__name__} is a model of Pydantic 1, which cannot be stored; make it one of "
            f"Pydantic 2 (pydantic.BaseModel), an attrs class or a dataclass"
        )
    if isinstance(cls, type) and is_pydantic(cls):
        check_pydantic(cls)
        return [field.annotation for field in model_fields(cls).values()]
    if has_fields(cls):
        _check_keys(cls)
        _check_constructor(cls)
        return list(field_hints(hint).values())
    if typing.is_typeddict(cls) or is_named_tuple(cls):
        return list(field_hints(hint).values())
    return []


def _check_keys(cls: type) -> None:
    by_key: dict[str, str] = {}
    for name in field_names(cls):
        other = by_key.setdefault(camel_case(name), name)
        if other != name:
            raise RegistrationError(
                f"the fields {other!r} and {name!r} of {cls.__name__} are both stored and sent "
                f"as {camel_case(name)!r}; rename one of them"
            )


def _check_constructor(cls: type) -> None:
    try:
        parameters = inspect.signature(cls).parameters.values()
    except (TypeError, ValueError):
        return
    given = (
        {field.alias for field in attrs.fields(cls) if field.init}
        if attrs.has(cls)
        else {field.name for field in dataclasses.fields(cls) if field.init}
    )
    for parameter in parameters:
        is_one = parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if is_one and parameter.default is parameter.empty and parameter.name not in given:
            raise RegistrationError(
                f"{cls.__name__}({parameter.name}=...) is no field but has to be given, so that "
                f"an object could not be made again from its fields; make it a field, or give it "
                f"a default"
            )
