"""The fields that make the key of a task, the same for tasks in which they are equal."""

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from bgtasks.core.codec import camel_case
from bgtasks.core.hints import field_names
from bgtasks.models import BackgroundTaskBase

__all__ = ["key_values", "ordered_json"]


def key_values(
    task: BackgroundTaskBase, data: str, names: tuple[str, ...] | None
) -> dict[str, Any]:
    """The fields with these ``names`` (``None``: all but the id) of a task with the JSON ``data``,
    as JSON data."""
    stored = _decode(data)
    task_type: Any = type(task)
    return {
        name: _ordered(task, name, stored.get(as_stored))
        for name, as_stored in _stored_names(task_type, names)
    }


@lru_cache(maxsize=1024)
def _stored_names(
    task_type: type[BackgroundTaskBase], names: tuple[str, ...] | None
) -> list[tuple[str, str]]:
    """The fields that make the key, each with its name in the stored data."""
    if names is None:
        names = tuple(name for name in field_names(task_type) if name != "id")
    return [(name, camel_case(name)) for name in names]


def _ordered(task: BackgroundTaskBase, name: str, data: Any) -> Any:
    """The JSON data of a field; that of a set, which has no order, is put in one."""
    if isinstance(getattr(task, name), (set, frozenset)):
        return sorted(data, key=json.dumps)
    return data


def _number(text: str) -> float:
    """2.0 and 2 are equal, so they make the same key."""
    value = float(text)
    return int(value) if value.is_integer() else value


# Made once: ``json.loads`` and ``json.dumps`` with options make theirs anew at each call.
_decode = json.JSONDecoder(parse_float=_number).decode

ordered_json: Callable[[Any], str] = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
"""Compact JSON, the same for equal data."""
