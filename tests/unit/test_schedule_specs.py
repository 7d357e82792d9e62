"""When ticks come: cron expressions through clock changes, equal lengths of time, bad input."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bgtasks.core.schedules.cron import Cron
from bgtasks.core.schedules.every import Every
from bgtasks.core.schedules.specs import Spec, jitter_of, spec_of, stored_spec
from bgtasks.errors import SettingsError

MINUTE = timedelta(minutes=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# Written by hand, from the rules of each zone. With each the instants of its ticks in UTC.
CLOCK_CHANGES = {
    # Berlin 2026-03-29: 01:00Z, 02:00 becomes 03:00. 2026-10-25: 01:00Z, 03:00 becomes 02:00.
    "berlin forward, in the hour left out": (
        "30 2 * * *",
        "Europe/Berlin",
        ["2026-03-28 01:30", "2026-03-29 01:00", "2026-03-30 00:30"],
    ),
    "berlin forward, in and after the hour left out": (
        "15 2-3 * * *",
        "Europe/Berlin",
        ["2026-03-28 01:15", "2026-03-28 02:15", "2026-03-29 01:00", "2026-03-29 01:15"],
    ),
    "berlin forward, each hour": (
        "0 * * * *",
        "Europe/Berlin",
        ["2026-03-28 23:00", "2026-03-29 00:00", "2026-03-29 01:00", "2026-03-29 02:00"],
    ),
    "berlin back, in the hour that comes twice": (
        "30 2 * * *",
        "Europe/Berlin",
        ["2026-10-24 00:30", "2026-10-25 00:30", "2026-10-26 01:30"],
    ),
    "berlin back, after the hour that comes twice": (
        "0 3 * * *",
        "Europe/Berlin",
        ["2026-10-24 01:00", "2026-10-25 02:00", "2026-10-26 02:00"],
    ),
    "berlin back, each half hour": (
        "*/30 * * * *",
        "Europe/Berlin",
        ["2026-10-25 00:00", "2026-10-25 00:30", "2026-10-25 01:00", "2026-10-25 01:30"],
    ),
    # New York 2026-03-08: 07:00Z, 02:00 becomes 03:00. 2026-11-01: 06:00Z, 02:00 becomes 01:00.
    "new york forward": (
        "30 2 * * *",
        "America/New_York",
        ["2026-03-07 07:30", "2026-03-08 07:00", "2026-03-09 06:30"],
    ),
    "new york back": (
        "30 1 * * *",
        "America/New_York",
        ["2026-10-31 05:30", "2026-11-01 05:30", "2026-11-02 06:30"],
    ),
    "new york back, each hour": (
        "30 * * * *",
        "America/New_York",
        ["2026-11-01 04:30", "2026-11-01 05:30", "2026-11-01 06:30", "2026-11-01 07:30"],
    ),
    # Lord Howe, by half an hour. 2026-04-04 15:00Z: 02:00 becomes 01:30.
    # 2026-10-03 15:30Z: 02:00 becomes 02:30.
    "lord howe back": (
        "45 1 * * *",
        "Australia/Lord_Howe",
        ["2026-04-03 14:45", "2026-04-04 14:45", "2026-04-05 15:15"],
    ),
    "lord howe back, each quarter of an hour": (
        "*/15 * * * *",
        "Australia/Lord_Howe",
        ["2026-04-04 14:45", "2026-04-04 15:00", "2026-04-04 15:15", "2026-04-04 15:30"],
    ),
    "lord howe forward": (
        "15 2 * * *",
        "Australia/Lord_Howe",
        ["2026-10-02 15:45", "2026-10-03 15:30", "2026-10-04 15:15"],
    ),
    # Apia 2011-12-30 10:00Z: the 29th ends, the 31st begins. The 30th was left out.
    "apia, the day left out": (
        "0 12 * * *",
        "Pacific/Apia",
        ["2011-12-29 22:00", "2011-12-30 10:00", "2011-12-30 22:00", "2011-12-31 22:00"],
    ),
    "apia, each hour": (
        "0 * * * *",
        "Pacific/Apia",
        ["2011-12-30 08:00", "2011-12-30 09:00", "2011-12-30 10:00", "2011-12-30 11:00"],
    ),
}


@pytest.mark.parametrize(
    ("expression", "zone", "expected"), CLOCK_CHANGES.values(), ids=CLOCK_CHANGES.keys()
)
def test_ticks_through_clock_changes(expression: str, zone: str, expected: list[str]) -> None:
    cron = Cron(expression, timezone=zone)
    ticks = [utc(text) for text in expected]
    assert list(islice(cron.ticks(ticks[0] - MINUTE), len(ticks))) == ticks
    # One after the other, as a process asks that was away in between.
    for before, after in pairwise(ticks):
        assert cron.next_after(before) == after
    # Whatever the moment in between is that it is asked at.
    for before, after in pairwise(ticks):
        at = before
        while at < after:
            assert cron.next_after(at) == after, at
            at += timedelta(minutes=7)


ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Havana"]
)
CHANGES = st.sampled_from(
    [
        utc("2026-03-29 01:00"),
        utc("2026-10-25 01:00"),
        utc("2026-03-08 07:00"),
        utc("2026-11-01 06:00"),
        utc("2026-04-04 15:00"),
        utc("2026-10-03 15:30"),
        utc("2026-03-08 05:00"),  # Havana leaves out midnight
        utc("2026-11-01 05:00"),
    ]
)
NEAR = st.builds(
    lambda change, minutes: change + timedelta(minutes=minutes),
    CHANGES,
    st.integers(-2_000, 2_000),
)
MINUTES = st.sampled_from(["0", "30", "*/20", "*", "15,45", "10-12", "59"])
HOURS = st.sampled_from(["*", "0", "1", "2", "3", "*/2", "1-3", "0,23"])
DAYS = st.sampled_from(["*", "1", "29", "L", "*/2", "25"])
CRONS = st.builds(
    lambda minute, hour, day, zone: Cron(f"{minute} {hour} {day} * *", timezone=zone),
    MINUTES,
    HOURS,
    DAYS,
    ZONES,
)


@given(CRONS, NEAR, st.integers(1, 3_000))
@example(Cron("*/20 2 * * *", timezone="Australia/Lord_Howe"), utc("2026-04-04 12:00"), 180)
def test_the_next_tick_does_not_depend_on_when_it_is_asked(
    cron: Cron, start: datetime, minutes: int
) -> None:
    later = start + timedelta(minutes=minutes)
    found = (tick for tick in cron.ticks(start) if tick > later)
    assert next(found) == cron.next_after(later)


@given(CRONS, NEAR)
def test_ticks_only_go_on(cron: Cron, start: datetime) -> None:
    ticks = list(islice(cron.ticks(start), 20))
    assert start < ticks[0]
    assert all(before < after for before, after in pairwise(ticks))
    assert all(tick.tzinfo is UTC for tick in ticks)


@given(MINUTES, ZONES, NEAR)
def test_an_expression_with_every_hour_ticks_whenever_the_clock_shows_its_minute(
    minute: str, zone: str, start: datetime
) -> None:
    cron = Cron(f"{minute} * * * *", timezone=zone)
    shown = {tick.minute for tick in islice(Cron(f"{minute} * * * *").ticks(start), 60)}
    moments = (start.replace(second=0) + timedelta(minutes=minutes) for minutes in range(1, 300))
    expected = [at for at in moments if at.astimezone(ZoneInfo(zone)).minute in shown]
    assert list(islice(cron.ticks(start), len(expected))) == expected


@given(CRONS, NEAR, st.integers(0, 20_000))
def test_a_span_is_counted_as_if_it_were_walked_through(
    cron: Cron, start: datetime, minutes: int
) -> None:
    first = cron.next_after(start)
    assert first is not None
    until = first + timedelta(minutes=minutes)
    walked = [first]
    for tick in cron.ticks(first):
        if tick > until:
            break
        walked.append(tick)
    assert cron.span(first, until) == (walked[-1], len(walked))


def test_two_years_of_minutes_are_counted() -> None:
    first = utc("2026-01-01 00:00")
    found = Cron("* * * * *", timezone="Europe/Berlin").span(first, utc("2028-01-01 00:00"))
    assert found == (utc("2028-01-01 00:00"), 2 * 365 * 1440 + 1)


PERIODS = st.integers(1, 100_000)


@given(PERIODS, st.integers(0, 10**9), NEAR)
def test_every_is_anchored_and_not_at_its_start(seconds: int, offset: int, start: datetime) -> None:
    every = Every(seconds=seconds, offset=offset % seconds)
    tick = every.next_after(start)
    assert tick is not None
    assert timedelta(0) < tick - start <= timedelta(seconds=seconds)
    assert (tick.timestamp() - offset % seconds) % seconds == 0
    assert list(islice(every.ticks(start), 2)) == [tick, tick + timedelta(seconds=seconds)]
    assert every.span(tick, tick + timedelta(seconds=10 * seconds + 0.5)) == (
        tick + timedelta(seconds=10 * seconds),
        11,
    )


def test_every_counts_elapsed_time_through_clock_changes() -> None:
    every = Every(hours=24, offset="1h")
    assert list(islice(every.ticks(utc("2026-03-28 12:00")), 2)) == [
        utc("2026-03-29 01:00"),
        utc("2026-03-30 01:00"),
    ]


@given(PERIODS, st.floats(0, 0.99), NEAR)
def test_jitter_is_the_same_for_everybody_and_less_than_it_may_be(
    seconds: int, part: float, tick: datetime
) -> None:
    every = Every(seconds=seconds, jitter=seconds * part)
    late = jitter_of(every, "poll", tick)
    assert timedelta(0) <= late <= every.jitter
    assert late == jitter_of(spec_of(stored_spec(every)), "poll", tick)


@pytest.mark.parametrize(
    "spec",
    [
        Cron("0 3 * * MON-FRI", timezone="Europe/Berlin"),
        Cron("@daily"),
        Every(minutes=5, jitter=30),
        Every(days=1.5, offset="1h"),
    ],
)
def test_a_stored_specification_is_read_back(spec: Spec) -> None:
    assert stored_spec(spec_of(stored_spec(spec))) == stored_spec(spec)
    after = utc("2026-05-05 05:05")
    assert spec_of(stored_spec(spec)).next_after(after) == spec.next_after(after)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"cron": 5, "timezone": "UTC"}', "null"])
def test_a_stored_specification_that_cannot_be_read_says_so(text: str) -> None:
    with pytest.raises(SettingsError):
        spec_of(text)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("61 3 * * *", "minute has '61' at position 1; accepted: 0-59"),
        ("1,61 * * * *", "minute has '61' at position 3"),
        ("0  25 * * *", "hour has '25' at position 4; accepted: 0-23"),
        ("0 3 * * MON-XYZ", "day of week has 'MON-XYZ' at position 9"),
        ("0 5-2 * * *", "hour has '5-2' at position 3"),
        ("*/0 * * * *", "minute has '\\*/0' at position 1"),
        ("0 3 32 * *", "day of month has '32' at position 5"),
        ("0 3 * 13 *", "month has '13' at position 7"),
        ("0 0 30 2 *", "no such day comes"),
        ("0 3 * *", "4 fields"),
        ("0 0 3 * * *", "6 fields"),
        ("@reboot", "no such alias"),
        ("", "accepted: five fields"),
        ("٣ 3 * * *", "minute has '٣' at position 1"),
    ],
)
def test_a_wrong_expression_is_refused_with_its_position(expression: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        Cron(expression)


@pytest.mark.parametrize("zone", ["Mars/Base", "", "Europe", "../etc/passwd", "a\0b", None, 5])
def test_a_wrong_zone_is_refused(zone: object) -> None:
    with pytest.raises(
        SettingsError, match=r"timezone is .* accepted: a name of the IANA database"
    ):
        Cron("@daily", timezone=zone)


def test_a_zone_that_is_nearly_right_is_suggested() -> None:
    with pytest.raises(SettingsError, match="did you mean 'Europe/Berlin'"):
        Cron("@daily", timezone="Europe/Berlinn")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"seconds": 0.5},
        {"days": 367},
        {"minutes": -1},
        {"seconds": float("nan")},
        {"seconds": True},
        {"seconds": "5"},
        {"minutes": 5, "jitter": 300},
        {"minutes": 5, "offset": "5 m"},
        {"minutes": 5, "offset": -1},
        {"minutes": 5, "jitter": "soon"},
    ],
)
def test_every_out_of_range_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match=r"Every: .*accepted:"):
        Every(**options)


def test_specifications_are_said_in_words() -> None:
    assert Cron("0 3 * * *", timezone="Europe/Berlin").in_words == (
        "At 03:00 every day (Europe/Berlin)"
    )
    assert Every(minutes=5, jitter=30).in_words == "every 5 minutes, up to 30 seconds later"
    assert Every(hours=1.5).text == "every 1 hour 30 minutes"
