"""Ticks by a cron expression in a time zone."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, available_timezones

from attrs import field, frozen
from cronsim import CronSim, CronSimError

from bgtasks.core.text import shown
from bgtasks.errors import SettingsError

__all__ = ["Cron"]

MAX_EXPRESSION = 200

ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

FIELDS = (
    ("minute", "0-59"),
    ("hour", "0-23"),
    ("day of month", "1-31, L or LW"),
    ("month", "1-12 or JAN-DEC"),
    ("day of week", "0-7 (0 and 7 are Sunday) or SUN-SAT"),
)
ANY = ("*",) * len(FIELDS)

ACCEPTED = (
    "five fields (minute, hour, day of month, month, day of week) such as '0 3 * * *', or one of "
    + ", ".join(ALIASES)
)

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)


def _expression(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_EXPRESSION:
        raise SettingsError(f"Cron: the expression is {shown(value)}; accepted: {ACCEPTED}")
    text = " ".join(value.split())
    if text.startswith("@"):
        if text.lower() not in ALIASES:
            raise SettingsError(
                f"Cron({shown(value)}): no such alias; accepted: {', '.join(ALIASES)}"
            )
        return text.lower()
    _check_fields(value)
    return text


def _check_fields(value: str) -> None:
    """Raises SettingsError, which names the part that is wrong and where it stands."""
    parts = list(re.finditer(r"\S+", value))
    if len(parts) != len(FIELDS):
        raise SettingsError(
            f"Cron({shown(value)}): it has {len(parts)} fields; accepted: {ACCEPTED}"
        )
    for index, part in enumerate(parts):
        at = part.start()
        for item in part[0].split(","):
            if not _is_field(index, item):
                name, accepted = FIELDS[index]
                raise SettingsError(
                    f"Cron({shown(value)}): {name} has {item!r} at position {at + 1}; accepted: "
                    f"{accepted}, *, ranges such as 1-5, steps such as */10, and lists of these"
                )
            at += len(item) + 1
    try:
        next(CronSim(value, SOME_DAY))
    except (CronSimError, StopIteration):
        raise SettingsError(
            f"Cron({shown(value)}): no such day comes in the next 50 years; check the fields day "
            "of month, month and day of week"
        ) from None


def _is_field(index: int, item: str) -> bool:
    fields = [*ANY[:index], item, *ANY[index + 1 :]]
    try:
        CronSim(" ".join(fields), SOME_DAY)
    except (CronSimError, AssertionError, ValueError, TypeError):
        return False
    return True


@lru_cache(maxsize=128)
def _zone(name: str) -> tzinfo:
    if name in ("UTC", "Etc/UTC"):
        return UTC  # is there even where the system has no time zones
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise _no_such_zone(name) from None


def _no_such_zone(name: str) -> SettingsError:
    known = available_timezones()
    if not known:
        return SettingsError(
            f"Cron: timezone is {shown(name)}, but this system has no time zones; "
            "run: pip install tzdata"
        )
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    meant = f"; did you mean {close[0]!r}?" if close else ""
    return SettingsError(
        f"Cron: timezone is {shown(name)}; accepted: a name of the IANA database such as "
        f"'Europe/Berlin', or 'UTC'{meant}"
    )


def _timezone(value: Any) -> str:
    if isinstance(value, ZoneInfo) and value.key:
        return value.key
    if not isinstance(value, str) or not 1 <= len(value) <= 100:
        raise _no_such_zone(value if isinstance(value, str) else str(value)[:100])
    _zone(value)
    return value


@frozen
class Cron:
    """Ticks at the times of day, in a time zone, that a cron expression names.

    ``expression`` has five fields (minute, hour, day of month, month, day of week), or is an alias
    such as ``"@daily"``. ``timezone`` is a name of the IANA database (``"Europe/Berlin"``), by
    default UTC. Where a clock change leaves out the time of a tick, the tick comes when that hour
    is over; where a time comes twice, the tick comes at the first; with ``*`` for the minute or the
    hour, at both. Raises SettingsError, which says what is wrong and at which position.
    """

    expression: str = field(converter=_expression)
    timezone: str = field(default="UTC", converter=_timezone, kw_only=True)

    jitter: ClassVar[timedelta] = timedelta(0)

    @property
    def text(self) -> str:
        """The expression."""
        return self.expression

    @property
    def in_words(self) -> str:
        """The expression explained, with its time zone."""
        said: str = self._steps(SOME_DAY).explain()
        return f"{said} ({self.timezone})"

    def next_after(self, instant: datetime) -> datetime | None:
        """The first tick later than ``instant``, in UTC; ``None``: there is none."""
        return next(self.ticks(instant), None)

    def ticks(self, after: datetime) -> Iterator[datetime]:
        """All ticks later than ``after``, in UTC."""
        last = after.astimezone(UTC)
        zone = _zone(self.timezone)
        steps = self._steps(last.astimezone(zone))
        for local in steps:
            tick = local.astimezone(UTC)
            # Asked from inside an hour that comes twice, the answer can be one that has passed.
            if tick <= last:
                continue
            if steps.fixup_tz is None and (early := self._passed_over(last, tick, zone)):
                yield from self._from(early)
                return
            last = tick
            yield tick

    def _from(self, tick: datetime) -> Iterator[datetime]:
        yield tick
        yield from self.ticks(tick)

    def _passed_over(self, last: datetime, tick: datetime, zone: tzinfo) -> datetime | None:
        """The first tick between two that cronsim jumped over: it does so where clocks are changed
        by half an hour, and where they are changed at midnight."""
        since = last - DAY  # for a while after a change it is still off
        before, after = (at.astimezone(zone).utcoffset() for at in (since, tick))
        if before == after or after is None:
            return None
        change = _first_with(after, since, tick, zone)
        at, end = max(change - HOUR, last + MINUTE), min(change + 2 * DAY, tick - MINUTE)
        at = at.replace(second=0, microsecond=0)
        steps = self._steps(SOME_DAY)
        while at <= end:
            if _names(steps, at.astimezone(zone)):
                return at
            at += MINUTE
        return None

    def span(self, first: datetime, until: datetime) -> tuple[datetime, int]:
        """The last tick up to ``until``, and how many there are from the tick ``first`` on.

        Days without a clock change are counted and not walked through.
        """
        steps = self._steps(SOME_DAY)
        a_day = len(steps.minutes) * len(steps.hours)
        zone = _zone(self.timezone)
        latest, count = first, 1
        day = first.astimezone(zone).date() + DAY
        end = until.astimezone(zone).date()
        latest, count = self._walk(latest, count, min(until, _midnight(day, zone) - SECOND))
        while day < end:
            if not _is_quiet(day, zone):
                stop = _midnight(day + DAY, zone) - SECOND
                latest, count = self._walk(latest, count, stop)
            elif steps.match_day(day):
                last = time(max(steps.hours), max(steps.minutes), tzinfo=zone)
                latest, count = datetime.combine(day, last).astimezone(UTC), count + a_day
            day += DAY
        return self._walk(latest, count, until)

    def _walk(self, latest: datetime, count: int, until: datetime) -> tuple[datetime, int]:
        for tick in self.ticks(latest):
            if tick > until:
                break
            latest, count = tick, count + 1
        return latest, count

    def _steps(self, start: datetime) -> CronSim:
        return CronSim(ALIASES.get(self.expression, self.expression), start)


def _names(steps: CronSim, local: datetime) -> bool:
    """Whether an expression names this minute."""
    return (
        local.minute in steps.minutes
        and local.hour in steps.hours
        and local.month in steps.months
        and steps.match_day(local.date())
    )


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _first_with(offset: timedelta, before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """About when clocks were changed to ``offset``: between two moments, to the minute."""
    while after - before > MINUTE:
        middle = before + (after - before) / 2
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after


def _is_quiet(day: date, zone: tzinfo) -> bool:
    """Whether the clocks of ``zone`` stand as they did the day before and will the day after."""
    before, after = day - DAY, day + 2 * DAY
    return zone is UTC or (
        datetime(before.year, before.month, before.day, tzinfo=zone).utcoffset()
        == datetime(after.year, after.month, after.day, tzinfo=zone).utcoffset()
    )
