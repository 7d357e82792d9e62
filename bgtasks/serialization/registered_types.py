"""What is wrong with a type, said when it is registered and not when it is first used."""

import dataclasses
import inspect
import typing
from typing import Any, get_args, get_origin

import attrs

from bgtasks.errors import RegistrationError
from bgtasks.hints import (
    closed,
    field_hints,
    field_names,
    has_fields,
    is_named_tuple,
    unwrapped,
)
from bgtasks.serialization.pydantic_models import (
    check_pydantic,
    is_pydantic,
    is_pydantic_v1,
    model_fields,
)
from bgtasks.serialization.shapes import camel_case

__all__ = ["check_types"]


def check_types(hint: Any) -> None:
    """Raise RegistrationError for a class, anywhere in ``hint``, whose objects would lose something
    on the way to JSON and back, or could not be made again."""
    seen: set[Any] = set()
    waiting = [hint]
    while waiting:
        hint = closed(waiting.pop())
        if (inner := unwrapped(hint)) is not None:
            waiting.append(inner)
            continue
        waiting += get_args(hint)
        if isinstance(get_origin(hint) or hint, type) and hint not in seen:
            seen.add(hint)
            waiting += _checked_class(hint)


def _checked_class(hint: Any) -> list[Any]:
    """The types of the fields, where it is a class with fields that is in order."""
    cls = get_origin(hint) or hint
    if is_pydantic_v1(cls):
        raise RegistrationError(
            f"{cls.__name__} is a model of Pydantic 1, which cannot be stored; make it one of "
            f"Pydantic 2 (pydantic.BaseModel), an attrs class or a dataclass"
        )
    if is_pydantic(cls):
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
