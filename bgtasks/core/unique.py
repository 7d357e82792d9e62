"""Which tasks are the same, so that only one of them is accepted."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal

from attrs import field, frozen

from bgtasks.core.checks import LONGEST_SECONDS, refusal
from bgtasks.core.durations import EXAMPLES, to_seconds

__all__ = ["BY_CALLER", "Conflict", "Unique"]

Conflict = Literal["existing", "refuse", "replace"]


def _by(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _at_least(value: Any) -> Any:
    """What is no duration stays as it is, for the check to refuse by its name."""
    seconds = to_seconds(value)
    return value if seconds is None else timedelta(seconds=seconds)


@frozen(kw_only=True)
class Unique:
    """Of the tasks of a type that have the same key, at most one is there at a time.

    - ``by``: the names of the fields that make the key; ``()``: all tasks of the type have the same
      key; ``None``: all fields but the id. Or a function of the task that returns a text.
    - ``until``: how long an accepted task holds its key: until it has ``"ended"``, through retries
      and interruptions, or until it is ``"started"`` for the first time.
    - ``at_least``: and at least for so long after it was accepted, up to 366 days: seconds, a
      timedelta, or a text such as ``"10 m"``.
    - ``across_owners``: whether tasks of different owners have the same key. By default each owner
      has keys of its own.
    - ``conflict``: what becomes of a further task with the key. ``"existing"``: it is not accepted,
      and ``run_task`` returns the id of the one that is there. ``"refuse"``: DuplicateTaskError.
      ``"replace"``: the one that is there gets the data, name, priority and start time of the new
      one if it still waits; if it runs, the new one is accepted and waits until that has ended.
    """

    by: tuple[str, ...] | Callable[[Any], str] | None = field(default=None, converter=_by)
    until: Literal["started", "ended"] = "ended"
    at_least: timedelta | None = field(default=None, converter=_at_least)
    across_owners: bool = False
    conflict: Conflict = "existing"

    def __attrs_post_init__(self) -> None:
        if not (self.by is None or callable(self.by) or _are_names(self.by)):
            accepted = "a tuple of field names such as ('account',), a function that returns a text"
            raise refusal(self, "by", self.by, f"{accepted}, or None")
        if self.until not in ("started", "ended"):
            raise refusal(self, "until", self.until, "'started' or 'ended'")
        if not (self.at_least is None or _is_bounded(self.at_least)):
            accepted = f"seconds above 0, {EXAMPLES}, at most 366 days, or None"
            raise refusal(self, "at_least", self.at_least, accepted)
        if not isinstance(self.across_owners, bool):
            raise refusal(self, "across_owners", self.across_owners, "True or False")
        if self.conflict not in ("existing", "refuse", "replace"):
            raise refusal(self, "conflict", self.conflict, "'existing', 'refuse' or 'replace'")


def _are_names(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(name, str) for name in value)


def _is_bounded(value: Any) -> bool:
    return isinstance(value, timedelta) and 0 < value.total_seconds() <= LONGEST_SECONDS


BY_CALLER = Unique(at_least=timedelta(hours=24))
"""How a task with a ``key`` is unique whose type says nothing."""
