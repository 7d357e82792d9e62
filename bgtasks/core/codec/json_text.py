"""What JSON may be stored and sent: bounded in length and depth, and valid Unicode."""

import json
import re
from collections.abc import Callable
from typing import Any

from bgtasks.core.text import without_surrogates
from bgtasks.errors import SerializationError

__all__ = [
    "MAX_DEPTH",
    "MAX_JSON",
    "check",
    "decode",
    "encode",
    "has_surrogates",
    "is_deeper",
    "sendable",
]

MAX_JSON = 2 * 1024 * 1024
"""The longest JSON text, in characters, that a task or a payload may have."""

MAX_DEPTH = 64
"""How deep lists and objects may be nested in a payload, or in a field of a task."""

encode: Callable[[Any], str] = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
"""Strict JSON, all of it ASCII."""


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


_decoder: Any = json.JSONDecoder(parse_constant=_refuse_constant)
_checker: Any = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=bool)


def decode(text: str) -> Any:
    """The data of strict JSON: neither NaN nor infinities. Raises ValueError."""
    return _scan(_decoder, text)


def check(text: str) -> None:
    """Raise the ValueError of ``decode``, if there is one. No object is kept: of two million
    characters the data take so much memory that to get it takes longer than to read them."""
    _scan(_checker, text)


def _scan(decoder: Any, text: str) -> Any:
    try:
        data, end = decoder.scan_once(text, 0)
    except StopIteration:
        end = -1
    # Only where there is space around it, or what is no JSON.
    return data if end == len(text) else decoder.decode(text)


_BRACKETS_ALIKE = bytes.maketrans(b"{}", b"[]")
_BUT_BRACKETS = bytes(set(range(256)) - set(b'[]{}"'))
_TEXT = re.compile(rb'"[^"]*"')


def is_deeper(text: str, limit: int) -> bool:
    """Whether the JSON ``text`` is nested deeper than ``limit``."""
    if text.count("[") + text.count("{") <= limit:
        return False  # the usual case
    brackets = _brackets(text)
    for _ in range(limit):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")  # all that have nothing in them
    return bool(brackets)


def _brackets(text: str) -> bytes:
    """The brackets of JSON that are in none of its texts; by few calls, each of which is quick:
    two million characters are looked at while an event loop waits."""
    if "\\" in text:
        text = text.replace("\\\\", "").replace('\\"', "")
    left = text.encode("utf-8", "surrogatepass").translate(_BRACKETS_ALIKE, _BUT_BRACKETS)
    # Where one text ends and the next begins, or has nothing in it: the others stay what they are.
    left = left.replace(b'""', b"")
    return _TEXT.sub(b"", left) if b'"' in left else left


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
