"""Looking for tasks by what one of their arguments is: a path, and the value there as a text."""

import json
import math
import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from bgtasks.core.text import clean, shown
from bgtasks.errors import QueryError

__all__ = ["ArgumentValue", "checked_arguments", "checked_path", "scalar_of"]

ArgumentValue = str | int | float | bool | None

MAX_ARGUMENTS = 5
"""The most arguments one filter may name: each is read out of the JSON of each task."""

MAX_STEPS = 10
"""The most keys, and places in lists, that a path may have."""

MAX_PATH = 200
"""The longest path, in characters."""

MAX_VALUE = 1_000
"""The longest value, in characters."""

_STEP = re.compile(r'[^"\\\x00-\x1f.]+')


def checked_arguments(
    given: Mapping[str, ArgumentValue] | Iterable[tuple[str, str]] | None,
) -> tuple[tuple[str, str], ...]:
    """Paths and values as texts, in the order of the paths. Raises QueryError, which names the path
    and what is accepted."""
    if given is None:
        return ()
    pairs = given.items() if isinstance(given, Mapping) else given
    try:
        found = dict(islice(pairs, MAX_ARGUMENTS + 1))
    except (TypeError, ValueError):
        raise QueryError(
            f"arguments is {shown(given)}; accepted: paths and values, such as "
            '{"share": "photos"}'
        ) from None
    if len(found) > MAX_ARGUMENTS:
        raise QueryError(
            f"arguments has more than {MAX_ARGUMENTS} paths; accepted: at most {MAX_ARGUMENTS}"
        )
    return tuple(sorted((checked_path(path), _text(path, value)) for path, value in found.items()))


def scalar_of(text: str) -> int | float | bool | None:
    """The number or bool that a text may stand for, beside the text itself; ``None`` where it is
    neither. Whether it may stand for ``null`` is plain to see."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, bool | int | float) or not math.isfinite(value):
        return None
    return value


def checked_path(path: object) -> str:
    """The path of an argument. Raises QueryError, which says what is accepted."""
    if not isinstance(path, str) or not 0 < len(path) <= MAX_PATH:
        raise _refused_path(path)
    steps = path.split(".")
    if len(steps) > MAX_STEPS or not all(map(_STEP.fullmatch, steps)):
        raise _refused_path(path)
    return clean(path, len(path))


def _refused_path(path: object) -> QueryError:
    return QueryError(
        f"an argument is named {shown(path)}; accepted: up to {MAX_STEPS} keys as in the JSON of a "
        f"task, with dots in between, in at most {MAX_PATH} characters, such as options.size; no "
        f"quotation marks and no backslashes"
    )


def _text(path: str, value: Any) -> str:
    if isinstance(value, str) and len(value) <= MAX_VALUE:
        return clean(value, len(value))  # as it was stored
    if value is None or isinstance(value, bool | int | float):
        try:
            return json.dumps(value, allow_nan=False)
        except ValueError:
            pass
    raise QueryError(
        f"the argument {path} is {shown(value)}; accepted: a text of at most {MAX_VALUE:,} "
        f"characters, a number, a bool or None"
    )
