"""Errors about a value that cannot be JSON: they name the part and what would be accepted."""

import json
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import cattrs

from bgtasks.core.codec.comparison import Difference, parts_of
from bgtasks.core.codec.json_text import encode, is_deeper
from bgtasks.core.codec.pydantic_models import describe_invalid
from bgtasks.core.codec.shapes import make_converter
from bgtasks.core.text import shown
from bgtasks.errors import RegistrationError, SerializationError

__all__ = ["Blame"]

_ACCEPTED = (
    "Use text, finite numbers, bool, None, dates, UUIDs, paths, enums, attrs classes, dataclasses, "
    "Pydantic models, and lists or dicts of those"
)
_FARTHEST = 20
"""How many steps the search goes into a value; a part nested deeper is blamed as a whole."""


class Blame:
    """Finds the part of a value that is to blame. Slow, since only errors need it."""

    def __init__(self, converter: cattrs.Converter) -> None:
        self._converter = converter
        self._strict = make_converter()

    def check_type(self, hint: Any, cls: Any) -> None:
        """Raise SerializationError if nothing can ever be read back as ``hint``, which is a part
        of ``cls``."""
        try:
            self._strict.get_structure_hook(_without_none(hint))
        except RegistrationError:
            raise
        except cattrs.StructureHandlerNotFoundError as error:
            raise SerializationError(
                f"{_name(cls)} cannot be read back from JSON: {error.type_} is none of the types "
                f"that JSON can be made of. {_ACCEPTED}"
            ) from error
        except Exception as error:
            raise SerializationError(
                f"{_name(cls)} cannot be read back from JSON: {error}"
            ) from error

    def unwritable(
        self, value: object, hint: Any, name: str, error: BaseException
    ) -> SerializationError:
        """The error for a value that cannot be JSON."""
        path, culprit, expected = self._find(value, hint, name, 0)
        if isinstance(error, RecursionError):
            reason = "it refers to itself or is nested too deeply"
        else:
            reason = f"{type(culprit).__name__} {shown(culprit)}"
            if _is_other(culprit, expected):
                reason += f", where {_name(expected)} is annotated"
        return SerializationError(f"{path} cannot be turned into JSON: {reason}. {_ACCEPTED}")

    def unreadable(self, cls: Any, data: Any, name: str, error: Exception) -> SerializationError:
        """The error for JSON, text or data, from which no ``cls`` can be made."""
        reason = describe_invalid(error) or str(error)
        try:
            self._strict.structure(json.loads(data) if isinstance(data, str) else data, cls)
        except Exception as detailed:
            found = cattrs.transform_error(detailed, path=name, format_exception=_format)
            reason = "; ".join(found)
        return SerializationError(f"{name} cannot be read back from JSON: {reason}")

    def changed(self, found: Difference) -> SerializationError:
        """The error for a value that would come back different."""
        sent, back = found.sent, found.back
        return SerializationError(
            f"{found.path} would not come back from JSON as it is: "
            f"{type(sent).__name__} {shown(sent)} becomes {type(back).__name__} {shown(back)}. "
            f"Annotate it with the type that it has; in Any only JSON data comes back as it was"
        )

    def too_deep(self, value: object, hint: Any, name: str, limit: int) -> SerializationError:
        """The error for a value that is nested deeper than ``limit``."""
        path = name
        for deeper in range(1, 4):
            for part in parts_of(value, hint):
                inner = part.of(value)
                data = self._converter.unstructure(inner)
                if is_deeper(encode(data), limit - deeper):
                    path, value, hint = path + part.step, inner, part.hint
                    break
        return SerializationError(
            f"{path} is nested too deeply: at most {limit} lists and objects in one another are "
            f"accepted. Report what is needed of it, or keep it in a file or table of your own"
        )

    def _find(self, value: Any, hint: Any, path: str, depth: int) -> tuple[str, Any, Any]:
        """The path to the innermost part of ``value`` that alone cannot be encoded, that part, and
        the type it is annotated with."""
        if depth < _FARTHEST:
            for part in parts_of(value, hint):
                try:
                    inner = part.of(value)
                except AttributeError:  # a field that was never set
                    return path + part.step, value, Any
                try:
                    encode(self._converter.unstructure(inner, unstructure_as=part.hint))
                except (Exception, RecursionError):
                    return self._find(inner, part.hint, path + part.step, depth + 1)
        return path, value, hint


def _without_none(hint: Any) -> Any:
    """The type inside an optional one, which cattrs would check only with the first value."""
    members = get_args(hint)
    if get_origin(hint) not in (Union, UnionType) or NoneType not in members:
        return hint
    return Union[tuple(item for item in members if item is not NoneType)]  # noqa: UP007


def _name(cls: Any) -> str:
    return getattr(cls, "__name__", str(cls))


def _is_other(value: object, hint: Any) -> bool:
    try:
        return not isinstance(value, hint)
    except TypeError:  # a hint that is no class
        return False


def _format(error: BaseException, kind: type | None) -> str:
    return describe_invalid(error) or cattrs.v.format_exception(error, kind)
