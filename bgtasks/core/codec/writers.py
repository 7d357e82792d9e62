"""Writes proven values as JSON in one go: the checks and the text of a class are one function,
compiled once. See :mod:`bgtasks.core.codec.proofs` for what is proven.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from json.encoder import encode_basestring_ascii
from math import isfinite
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin
from uuid import UUID

import cattrs

from bgtasks.core.codec.json_text import encode
from bgtasks.core.codec.proofs import Check, Proofs
from bgtasks.core.codec.shapes import camel_case, time_to_text
from bgtasks.core.hints import field_hints, field_names, has_fields, unwrapped
from bgtasks.ids import uuid_text

__all__ = ["Writer", "Writers"]

Writer = Callable[[Any], str | None]
"""The JSON of a value that is proven to come back equal; ``None``: there is no proof."""

_LITERAL = {True: "true", False: "false", None: "null"}

_TEXT_OF: dict[Any, Callable[[Any], str]] = {
    str: encode_basestring_ascii,
    int: int.__repr__,
    float: float.__repr__,
    bool: _LITERAL.__getitem__,
    NoneType: _LITERAL.__getitem__,
    UUID: lambda value: f'"{uuid_text(value)}"',
    date: lambda value: f'"{value.isoformat()}"',
}
"""How a value of exactly this type is written."""


class Writers:
    """Finds the writer of a type, once for each type."""

    def __init__(self, converter: cattrs.Converter, proofs: Proofs) -> None:
        self._converter = converter
        self._proofs = proofs
        self._known: dict[Any, Writer] = {}

    def of(self, hint: Any) -> Writer:
        """The writer of values annotated with ``hint``."""
        check = self._proofs.of(hint)
        if check is None:
            return _nothing
        try:
            found = self._known.get(hint)
        except TypeError:  # a hint that is no key
            return _nothing
        if found is None:
            # A type that has itself as a part finds this, and what it stands for later.
            self._known[hint] = lambda value: self._known[hint](value)
            self._known[hint] = found = self._find(hint, check)
        return found

    def _find(self, hint: Any, check: Check) -> Writer:
        if (inner := unwrapped(hint)) is not None:
            return self.of(inner)
        origin, arguments = get_origin(hint), get_args(hint)
        if hint in _TEXT_OF:
            return _of_exactly(hint)
        if hint is datetime:
            return _time
        if origin in (Union, UnionType) and len(arguments) == 2 and NoneType in arguments:
            inner = self.of(arguments[0] if arguments[1] is NoneType else arguments[1])
            return lambda value: "null" if value is None else inner(value)
        if origin is list:
            return _of_list(self.of(arguments[0]))
        if origin is dict:
            return _of_dict(self.of(arguments[1]))
        if has_fields(hint):
            return self._of_class(hint)
        return self._of_other(hint, check)

    def _of_other(self, hint: Any, check: Check) -> Writer:
        if hint is Any or hint is object:
            return lambda value: encode(value) if check(value) else None
        unstructure = self._converter.get_unstructure_hook(hint)
        return lambda value: encode(unstructure(value)) if check(value) else None

    def _of_class(self, hint: Any) -> Writer:
        """One function that looks at each field and puts the texts together."""
        hints = field_hints(hint)
        scope: dict[str, Any] = {"kind": get_origin(hint) or hint, "isfinite": isfinite}
        checks, texts = [], []
        for number, name in enumerate(field_names(hint)):
            value = f"value_{number}"
            checks.append(f"    {value} = it.{name}")
            lines, text = self._of_field(hints[name], value, scope)
            checks += lines
            texts.append(f'"{camel_case(name)}":{{{text}}}')
        body = "\n".join(checks)
        source = f"""
def write(it):
    if type(it) is not kind:
        return None
{body}
    return f'{{{{{",".join(texts)}}}}}'
"""
        exec(source, scope)  # noqa: S102 - made of the names of fields alone, as attrs itself does
        made: Writer = scope["write"]
        return made

    def _of_field(self, hint: Any, value: str, scope: dict[str, Any]) -> tuple[list[str], str]:
        """The lines that return ``None`` where ``value`` is not proven, and its text."""
        number = len(scope)
        if hint not in _TEXT_OF:
            scope[f"write_{number}"] = self.of(hint)
            test = f"({value} := write_{number}({value})) is None"
            return [f"    if {test}:", "        return None"], value
        scope[f"kind_{number}"], scope[f"text_{number}"] = hint, _TEXT_OF[hint]
        test = f"type({value}) is not kind_{number}"
        if hint is float:
            test += f" or not isfinite({value})"
        # As it stands, an int or a float is its own text.
        text = value if hint in (int, float) else f"text_{number}({value})"
        return [f"    if {test}:", "        return None"], text


def _nothing(_: Any) -> str | None:
    """There is no proof of any value of this type."""
    return None


def _of_exactly(kind: Any) -> Writer:
    text = _TEXT_OF[kind]
    if kind is float:
        return lambda value: repr(value) if type(value) is float and isfinite(value) else None
    return lambda value: text(value) if type(value) is kind else None


def _time(value: Any) -> str | None:
    if type(value) is not datetime:
        return None
    if value.tzinfo is UTC or value.tzinfo is None or value.utcoffset() is not None:
        return f'"{time_to_text(value)}"'
    return None


def _of_list(item: Writer) -> Writer:
    def write(value: Any) -> str | None:
        if type(value) is not list:
            return None
        texts = [item(each) for each in value]
        return None if None in texts else f"[{','.join(texts)}]"  # type: ignore[arg-type]

    return write


def _of_dict(item: Writer) -> Writer:
    def write(value: Any) -> str | None:
        if type(value) is not dict:
            return None
        texts = []
        for key, each in value.items():
            if (text := item(each)) is None or type(key) is not str:
                return None
            texts.append(f"{encode_basestring_ascii(key)}:{text}")
        return f"{{{','.join(texts)}}}"

    return write
