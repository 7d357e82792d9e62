"""A schedule as an application registers it, and all of them."""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any, Generic, Literal, TypedDict, TypeVar

from attrs import field, frozen

from bgtasks.core.durations import EXAMPLES, Duration, to_length
from bgtasks.core.schedules.specs import Spec, checked_spec, stored_spec
from bgtasks.core.submission import SubmitOptions
from bgtasks.core.text import shown
from bgtasks.errors import (
    RegistrationError,
    ScheduleNotFoundError,
    SettingsError,
    UnregisteredTaskError,
)
from bgtasks.models import BackgroundTaskBase

__all__ = [
    "MAX_SCHEDULE_NAME",
    "NO_SCHEDULES",
    "Overlap",
    "Schedule",
    "ScheduleOptions",
    "Schedules",
    "checked_name",
]

P = TypeVar("P")

MAX_SCHEDULE_NAME = 100
LONGEST_CATCH_UP = timedelta(days=3660)

NAMES_TOLD = 20
"""How many names an error message lists."""

Overlap = Literal["skip", "wait", "allow"]

_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._:-]{{0,{MAX_SCHEDULE_NAME - 1}}}", re.ASCII)


def checked_name(value: object) -> str:
    """``value``, if a schedule can have it as its name. Raises ValueError (a SettingsError)."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise SettingsError(
            f"the name of a schedule is {shown(value)}; accepted: 1 to {MAX_SCHEDULE_NAME} "
            "letters, digits, '-', '_', '.' and ':', with a letter or digit first"
        )
    return value


def _catch_up(value: Any) -> timedelta | None:
    if value is None:
        return None
    length = to_length(value, LONGEST_CATCH_UP)
    if length is None:
        raise SettingsError(
            f"schedule: catch_up is {shown(value)}; accepted: seconds, {EXAMPLES}, 0 to "
            f"{LONGEST_CATCH_UP.days} days, or None"
        )
    return length


def _overlap(value: Any) -> Overlap:
    if value not in ("skip", "wait", "allow"):
        raise SettingsError(
            f"schedule: overlap is {shown(value)}; accepted: 'skip', 'wait' or 'allow'"
        )
    return value  # type: ignore[no-any-return]


def _paused(value: Any) -> bool:
    if not isinstance(value, bool):
        raise SettingsError(f"schedule: paused is {shown(value)}; accepted: True or False")
    return value


class ScheduleOptions(TypedDict, Generic[P], total=False):
    """The options of :class:`Schedule` as ``schedule`` takes them: each may be a value, or a
    provider ``P`` of one."""

    overlap: Overlap | P
    catch_up: Duration | None | P
    owner: str | None | P
    priority: int | P
    paused: bool | P


@frozen(kw_only=True)
class Schedule:
    """What submits a task at each tick, as :func:`~bgtasks.schedule` registers it. Raises
    SettingsError, which names the option.

    ``make`` returns a new task of ``task_type``, or something that can be awaited for one.
    """

    name: str = field(converter=checked_name)
    spec: Spec = field(converter=checked_spec)
    task_type: type[BackgroundTaskBase]
    make: Callable[[], Any]
    overlap: Overlap = field(default="skip", converter=_overlap)
    catch_up: timedelta | None = field(default=timedelta(days=1), converter=_catch_up)
    owner: str | None = None
    priority: int = 0
    paused: bool = field(default=False, converter=_paused)
    options: SubmitOptions = field(init=False)

    @options.default
    def _submit_options(self) -> SubmitOptions:
        return SubmitOptions(owner=self.owner, priority=self.priority)

    def digest(self, type_name: str) -> str:
        """A hash of what is registered: the same in two processes exactly if they agree."""
        catch_up = None if self.catch_up is None else self.catch_up.total_seconds()
        facts = [type_name, stored_spec(self.spec), self.overlap, catch_up]
        facts += [self.owner, self.priority]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


class Schedules:
    """All schedules of one manager, by name. ``type_name_of`` returns the name that a task class is
    registered under, ``None`` for one that is not."""

    def __init__(
        self, schedules: Iterable[Schedule], type_name_of: Callable[[type], str | None]
    ) -> None:
        self._by_name: dict[str, Schedule] = {}
        self._types: dict[str, str] = {}
        self._digests: dict[str, str] = {}
        for item in schedules:
            self._add(item, type_name_of)

    def _add(self, item: Schedule, type_name_of: Callable[[type], str | None]) -> None:
        if not isinstance(item, Schedule):
            raise RegistrationError(
                f"schedules has {shown(item)}; expected what schedule(...) returns"
            )
        if item.name in self._by_name:
            raise RegistrationError(
                f"two schedules are named {item.name!r}; give one of them another name"
            )
        type_name = type_name_of(item.task_type)
        if type_name is None:
            raise UnregisteredTaskError(
                f"schedule({item.name!r}, ...): {item.task_type.__name__} is not registered; add "
                f"background_task({item.task_type.__name__}, its_worker) to tasks= of "
                "BackgroundTasksContainer"
            )
        self._by_name[item.name] = item
        self._types[item.name] = type_name

    def __iter__(self) -> Iterator[Schedule]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def named(self, name: str) -> Schedule | None:
        """The schedule with this name, if there is one."""
        return self._by_name.get(name)

    def get(self, name: str) -> Schedule:
        """The schedule with this name. Raises ScheduleNotFoundError."""
        found = self.named(name)
        if found is None:
            names = sorted(self._by_name)
            known = ", ".join(names[:NAMES_TOLD]) or "none"
            if len(names) > NAMES_TOLD:
                known += f" and {len(names) - NAMES_TOLD:,} more"
            raise ScheduleNotFoundError(
                f"there is no schedule named {shown(name)}; there is: {known}"
            )
        return found

    def digest_of(self, item: Schedule) -> str:
        """The hash of what is registered for a schedule; each is made once."""
        digest = self._digests.get(item.name)
        if digest is None:
            digest = self._digests[item.name] = item.digest(self._types[item.name])
        return digest

    def type_of(self, item: Schedule) -> str:
        """The name that the tasks of a schedule are stored under."""
        return self._types[item.name]


NO_SCHEDULES = Schedules((), lambda _: None)
"""Those of an application that has none."""
