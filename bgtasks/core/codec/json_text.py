"""What JSON may be stored and sent: bounded in length and depth, and valid Unicode."""

import json
from typing import Any

from bgtasks.core.text import without_surrogates
from bgtasks.errors import SerializationError

__all__ = ["MAX_DEPTH", "MAX_JSON", "decode", "encode", "has_surrogates", "is_deeper", "sendable"]

MAX_JSON = 2 * 1024 * 1024
"""The longest JSON text, in characters, that a task or a payload may have."""

MAX_DEPTH = 64
"""How deep lists and objects may be nested in a payload, or in a field of a task."""

encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
"""Strict JSON, all of it ASCII."""


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


decode = json.JSONDecoder(parse_constant=_refuse_constant).decode
"""Strict too: neither NaN nor infinities."""


def is_deeper(text: str, data: Any, limit: int) -> bool:
    """Whether ``data``, whose JSON is ``text``, is nested deeper than ``limit``."""
    if text.count("[") + text.count("{") <= limit:
        return False  # the usual case
    level = [data]
    for _ in range(limit + 1):
        level = [item for item in level if isinstance(item, (list, tuple, dict))]
        if not level:
            return False
        level = [
            inner for item in level for inner in (item.values() if isinstance(item, dict) else item)
        ]
    return True


def has_surrogates(text: str) -> bool:
    """Whether ``text`` may contain lone surrogates; pairs are not told apart from them."""
    return "\\ud" in text


def sendable(text: str) -> str:
    """``text`` with lone surrogates replaced as in messages; nothing else is changed.

    Raises SerializationError if that makes two keys of an object equal.
    """
    return encode(_without_surrogates(decode(text))) if has_surrogates(text) else text


def _without_surrogates(data: Any) -> Any:
    if isinstance(data, str):
        return without_surrogates(data)
    if isinstance(data, list):
        return [_without_surrogates(item) for item in data]
    if not isinstance(data, dict):
        return data
    fit = {without_surrogates(key): _without_surrogates(item) for key, item in data.items()}
    if len(fit) < len(data):
        raise SerializationError(
            "payload has keys that differ in lone surrogates only, which become '?': "
            "give it keys that are valid Unicode"
        )
    return fit
