"""Pydantic's models and dataclasses (version 2), written and read by Pydantic itself.

Pydantic is imported only once a class of Pydantic is met: the application has it then.
"""

import json
from collections.abc import Callable
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from bgtasks.errors import RegistrationError

__all__ = [
    "check_pydantic",
    "describe_invalid",
    "is_pydantic",
    "is_pydantic_v1",
    "json_schema",
    "model_fields",
    "structure_hook",
    "unstructure_hook",
]


def is_pydantic(hint: Any) -> bool:
    """Whether ``hint`` is such a class, or a union of such classes (and ``None``)."""
    if get_origin(hint) in (Union, UnionType):
        members = [item for item in get_args(hint) if item is not NoneType]
        return bool(members) and all(map(is_pydantic, members))
    return isinstance(hint, type) and hasattr(hint, "__pydantic_validator__")


def is_pydantic_v1(hint: Any) -> bool:
    """Whether ``hint`` is a model of Pydantic 1, or of the ``pydantic.v1`` that 2 brings along."""
    return (
        isinstance(hint, type)
        and not is_pydantic(hint)  # whose `__fields__` only warns
        and hasattr(hint, "__fields__")
        and hasattr(hint, "parse_obj")
    )


def model_fields(cls: type) -> dict[str, Any]:
    """The fields of such a class by their names: Pydantic's ``FieldInfo`` objects."""
    found: dict[str, Any] = getattr(cls, "model_fields", None) or vars(cls)["__pydantic_fields__"]
    return found


def unstructure_hook(hint: Any) -> Callable[[Any], Any]:
    """How to turn an object into JSON data: under its aliases, without computed fields, which could
    not be read back."""
    dump = _adapter(hint).dump_python
    return lambda value: dump(value, mode="json", by_alias=True, round_trip=True, warnings=False)


def structure_hook(hint: Any) -> Callable[[Any, Any], Any]:
    """How to turn JSON data into an object."""
    # As JSON text, not as Python data: only there does a strict model accept a date as text.
    validate = _adapter(hint).validate_json
    return lambda data, _: validate(json.dumps(data))


def json_schema(hint: Any) -> dict[str, Any]:
    """The JSON Schema of what is sent for an object of such a class."""
    schema: dict[str, Any] = _adapter(hint).json_schema(mode="serialization", by_alias=True)
    return schema


def check_pydantic(cls: type) -> None:
    """Raise RegistrationError for a class whose objects could not be written or read."""
    try:
        _adapter(cls).json_schema()
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise RegistrationError(
            f"{cls.__name__} has a field that Pydantic cannot turn into JSON: {reason}"
        ) from error
    for name, field in model_fields(cls).items():
        written = field.serialization_alias or name
        if written not in (read := _read_keys(cls, name, field)):
            raise RegistrationError(
                f"{cls.__name__}.{name} is written as {written!r} but read as "
                f"{' or '.join(map(repr, sorted(read))) or 'a part of another key'}: "
                f"give it one alias for both"
            )


def describe_invalid(error: BaseException) -> str | None:
    """The text of a ``ValidationError`` without the values; ``None`` for other errors."""
    if type(error).__name__ != "ValidationError" or not hasattr(error, "errors"):
        return None
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in found)


def _read_keys(cls: type, name: str, field: Any) -> set[str]:
    """The keys under which a field is looked for."""
    config = getattr(cls, "model_config", None) or getattr(cls, "__pydantic_config__", {})
    alias = field.validation_alias
    if alias is None or config.get("validate_by_alias") is False:
        return {name}
    choices = getattr(alias, "choices", [alias])
    keys = {item for item in choices if isinstance(item, str)}
    by_name = config.get("populate_by_name") or config.get("validate_by_name")
    return keys | {name} if by_name else keys


def _adapter(hint: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(hint)
