"""Ticks after equal lengths of elapsed time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from attrs import field, frozen

from bgtasks.core.durations import EXAMPLES, to_length
from bgtasks.core.text import shown
from bgtasks.errors import SettingsError

__all__ = ["Every"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SHORTEST = timedelta(seconds=1)
LONGEST = timedelta(days=366)

UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def _number(value: Any) -> float:
    ok = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not ok or not 0 <= value <= LONGEST.total_seconds():
        raise SettingsError(
            f"Every: a length is {shown(value)}; accepted: numbers for days, hours, minutes and "
            "seconds, from 1 second to 366 days in all"
        )
    return float(value)


def _duration(value: Any) -> timedelta:
    length = to_length(value, LONGEST)
    if length is None:
        raise SettingsError(
            f"Every: offset or jitter is {shown(value)}; accepted: seconds, {EXAMPLES}, "
            "less than the time between two ticks"
        )
    return length


@frozen(kw_only=True)
class Every:
    """Ticks at equal lengths of elapsed time, whatever the clocks of people do.

    The time between two ticks is the sum of ``days``, ``hours``, ``minutes`` and ``seconds``, from
    1 second to 366 days. Ticks are counted from 1970 (UTC) plus ``offset``, so a restart does not
    shift them. ``jitter`` delays each tick's task by a part of that time: by chance, but the same
    in all processes. Both are seconds, a timedelta, or a text such as ``"30 s"``, and less than the
    time between two ticks. Raises SettingsError.
    """

    days: float = field(default=0.0, converter=_number)
    hours: float = field(default=0.0, converter=_number)
    minutes: float = field(default=0.0, converter=_number)
    seconds: float = field(default=0.0, converter=_number)
    offset: timedelta = field(default=timedelta(0), converter=_duration)
    jitter: timedelta = field(default=timedelta(0), converter=_duration)

    timezone: ClassVar[str] = "UTC"

    def __attrs_post_init__(self) -> None:
        if not SHORTEST <= self.period <= LONGEST:
            raise SettingsError(
                f"Every: the time between two ticks is {self.period}; accepted: from 1 second to "
                "366 days"
            )
        for name, value in (("offset", self.offset), ("jitter", self.jitter)):
            if value >= self.period:
                raise SettingsError(
                    f"Every: {name} is {value}; accepted: less than the time between two ticks, "
                    f"{self.period}"
                )

    @property
    def period(self) -> timedelta:
        """The time between two ticks."""
        return timedelta(
            days=self.days, hours=self.hours, minutes=self.minutes, seconds=self.seconds
        )

    @property
    def text(self) -> str:
        """The time between two ticks, in words."""
        return f"every {_in_words(self.period)}"

    @property
    def in_words(self) -> str:
        """The same, with what delays a tick."""
        if not self.jitter:
            return self.text
        return f"{self.text}, up to {_in_words(self.jitter)} later"

    def next_after(self, instant: datetime) -> datetime | None:
        """The first tick later than ``instant``, in UTC."""
        passed = instant.astimezone(UTC) - EPOCH - self.offset
        return EPOCH + self.offset + (passed // self.period + 1) * self.period

    def ticks(self, after: datetime) -> Iterator[datetime]:
        """All ticks later than ``after``, in UTC."""
        tick = self.next_after(after)
        while tick is not None:
            yield tick
            tick += self.period

    def span(self, first: datetime, until: datetime) -> tuple[datetime, int]:
        """The last tick up to ``until``, and how many there are from the tick ``first`` on."""
        further = max((until - first) // self.period, 0)
        return first + further * self.period, further + 1


def _in_words(length: timedelta) -> str:
    left = length / SHORTEST
    said = []
    for unit, seconds in UNITS:
        if unit == "second":
            amount = left
        else:
            amount = float(left // seconds)
            left -= amount * seconds
        if amount:
            said.append(f"{amount:g} {unit}{'' if amount == 1 else 's'}")
    return " ".join(said)
