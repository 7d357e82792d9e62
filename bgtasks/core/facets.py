"""What the tasks of one failure are told apart by: an argument, their owner, or their process."""

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from attrs import frozen

from bgtasks.core.argument_values import ArgumentValue, checked_path
from bgtasks.core.text import clean, shown
from bgtasks.errors import QueryError

__all__ = [
    "MAX_FACET",
    "FacetQuery",
    "FacetValue",
    "FailedTasks",
    "checked_facet",
    "is_of_arguments",
    "told_value",
]

MAX_FACET = 1_000
"""The longest value that is told, in characters of JSON."""

OF_ARGUMENTS = "args."


@frozen(kw_only=True)
class FacetQuery:
    """The tasks of a failure: those of these types, or of all, whose newest failure is of ``group``
    and was from ``start`` on and before ``end``. They are told apart ``by`` ``"owner"``,
    ``"process"``, or ``"args."`` and the path of an argument."""

    group: str
    by: str
    start: datetime
    end: datetime
    types: Sequence[str] = ()

    @property
    def path(self) -> str | None:
        """The path of the argument, if it is one."""
        return self.by.removeprefix(OF_ARGUMENTS) if is_of_arguments(self.by) else None


class FailedTasks(NamedTuple):
    """The tasks of a failure, the newest failure first, and the types that they have."""

    sequences: Sequence[int]
    types: Sequence[str]


class FacetValue(NamedTuple):
    """How many tasks have one value. ``key`` is what the store calls the value."""

    key: str | None
    value: ArgumentValue
    number: int


def is_of_arguments(by: str) -> bool:
    """Whether tasks are told apart by what they were submitted with."""
    return by.startswith(OF_ARGUMENTS)


def checked_facet(by: object) -> str:
    """By what to tell tasks apart. Raises QueryError, which says what is accepted."""
    if isinstance(by, str):
        if by in ("owner", "process"):
            return by
        if is_of_arguments(by):
            return OF_ARGUMENTS + checked_path(by.removeprefix(OF_ARGUMENTS))
    raise QueryError(
        f"by is {shown(by)}; accepted: owner, process, or args.PATH with the path of an argument, "
        "such as args.options.size"
    )


def told_value(by: str, key: str | None, argument_in: Callable[[str], Any]) -> ArgumentValue:
    """The value that a store calls ``key``, as it is told; ``argument_in`` reads the key of an
    argument."""
    if key is None or by == "owner":
        return key
    return _process(key) if by == "process" else _argument(argument_in(key))


def _argument(data: Any) -> ArgumentValue:
    if isinstance(data, str):
        return clean(data, MAX_FACET)
    if isinstance(data, bool | int) or (isinstance(data, float) and math.isfinite(data)):
        return data
    return None


def _process(key: str) -> str:
    pid, _, host = key.partition("/")
    return f"{host}:{pid}"
