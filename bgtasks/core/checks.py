"""Checks of options, most of them fields of attrs classes; each refusal names the option."""

from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import Any, cast

import attrs

from bgtasks.core.durations import EXAMPLES, Duration, to_seconds
from bgtasks.core.text import shown
from bgtasks.errors import SettingsError

__all__ = [
    "LONGEST_SECONDS",
    "in_seconds",
    "none_or",
    "number",
    "optional_seconds",
    "refusal",
    "seconds",
    "unknown_options",
    "whole",
]

LONGEST_SECONDS = 366 * 86400.0

Check = Callable[[Any, "attrs.Attribute[Any]", Any], None]
"""A validator of attrs: of the object, the field and the value."""


def refusal(owner: Any, option: str, value: object, accepted: str) -> SettingsError:
    """The error for ``value`` as an option of ``owner``, or of the task type that it is for."""
    task_type = getattr(owner, "task_type", None)
    call = type(owner).__name__
    if task_type is not None:
        call = f"background_task({getattr(task_type, '__name__', shown(task_type))}, ...)"
    return SettingsError(f"{call}: {option}={shown(value)}; expected {accepted}")


def unknown_options(options: Mapping[str, Any], accepted: Collection[str]) -> str | None:
    """What to say of options that are not among the ``accepted`` ones; ``None``: there are none."""
    if unknown := options.keys() - set(accepted):
        return (
            f"unknown option {', '.join(sorted(unknown))}; accepted: {', '.join(sorted(accepted))}"
        )
    return None


def number(lowest: float, highest: float) -> Check:
    """A number in this range."""
    return _in_range(lowest, highest, f"a number from {_bounds(lowest, highest)}")


def whole(lowest: int, highest: int) -> Check:
    """A whole number in this range."""
    in_range = number(lowest, highest)

    def check(owner: Any, attribute: "attrs.Attribute[Any]", value: Any) -> None:
        in_range(owner, attribute, value)
        if not isinstance(value, int):
            raise refusal(owner, attribute.name, value, "a whole number")

    return check


def none_or(kind: type) -> Check:
    """An object of ``kind``, or ``None``."""

    def check(owner: Any, attribute: "attrs.Attribute[Any]", value: Any) -> None:
        if not isinstance(value, kind | None):
            raise refusal(owner, attribute.name, value, f"{kind.__name__}(...) or None")

    return check


def seconds(lowest: float, highest: float) -> Check:
    """Seconds in this range, as ``in_seconds`` makes them."""
    return _in_range(lowest, highest, f"seconds from {_bounds(lowest, highest)}, {EXAMPLES}")


def in_seconds(value: Duration) -> float:
    """What is no duration stays as it is, for the check to refuse by its name."""
    if not isinstance(value, (timedelta, str)):
        return value
    converted = to_seconds(value)
    return cast("float", value) if converted is None else converted


def optional_seconds(value: Duration | None) -> float | None:
    """As ``in_seconds``, but for ``None``."""
    return None if value is None else in_seconds(value)


def _in_range(lowest: float, highest: float, accepted: str) -> Check:
    def check(owner: Any, attribute: "attrs.Attribute[Any]", value: Any) -> None:
        ok = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not (ok and lowest <= value <= highest):
            raise refusal(owner, attribute.name, value, accepted)

    return check


def _bounds(lowest: float, highest: float) -> str:
    return f"{lowest:,.10g} to {highest:,.10g}"
