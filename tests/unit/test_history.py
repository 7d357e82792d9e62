"""The points of a history, and the buckets of times."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgtasks.core.flows import MAX_BUCKET, Flow, Flows, bucket_of, milliseconds_of, minute_of
from bgtasks.core.history import MAX_POINTS, history_of, percentiles, window_of
from bgtasks.errors import QueryError
from bgtasks.models import HistoryPoint

NOW = datetime(2026, 1, 10, 12, 30, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=300)


@given(st.integers(100, 180 * 86_400 * 1_000_000))
def test_a_time_is_at_most_a_tenth_off_in_its_bucket(microseconds: int) -> None:
    shown = milliseconds_of(bucket_of(timedelta(microseconds=microseconds))) * 1000
    assert abs(shown / microseconds - 1) <= 0.091


@given(st.timedeltas(), st.timedeltas())
def test_a_longer_time_is_in_no_earlier_bucket(one: timedelta, other: timedelta) -> None:
    shorter, longer = sorted((one, other))
    assert 0 <= bucket_of(shorter) <= bucket_of(longer) <= MAX_BUCKET


def test_percentiles_are_those_of_the_sorted_times() -> None:
    numbers = {(Flow.STARTED.value, bucket): 1 for bucket in range(1, 101)}
    numbers[Flow.COMPLETED.value, 5] = 1000
    found = percentiles(numbers, [Flow.STARTED])
    assert found is not None
    assert [found.p50, found.p95, found.p99] == [
        round(milliseconds_of(bucket), 3) for bucket in (50, 95, 99)
    ]
    assert percentiles(numbers, [Flow.FAILED]) is None


@given(st.timedeltas(timedelta(seconds=1), timedelta(days=400)), st.integers(0, 10**7))
def test_a_step_is_chosen_so_that_there_are_not_too_many_points(span: timedelta, ago: int) -> None:
    end = NOW - timedelta(seconds=ago)
    window = window_of(end - span, end, "auto", NOW)
    assert 1 <= window.points <= MAX_POINTS
    assert window.first % window.step == 0
    last = window.first + window.points * window.step
    assert window.first <= minute_of(end - span)
    assert minute_of(end - timedelta(microseconds=1)) < last


@pytest.mark.parametrize(
    ("ago", "step"),
    [({"hours": 1}, 1), ({"hours": 24}, 10), ({"days": 7}, 60), ({"days": 30}, 360)],
)
def test_the_usual_ranges_have_round_steps(ago: dict[str, int], step: int) -> None:
    assert window_of(NOW - timedelta(**ago), NOW, "auto", NOW).step == step


def test_the_last_day_is_told_where_nothing_else_is_asked_for() -> None:
    window = window_of(None, None, None, NOW)
    assert (window.step, window.points) == (10, 144)


def test_a_step_that_is_asked_for_is_taken() -> None:
    window = window_of(NOW - timedelta(hours=1), NOW, "5 m", NOW)
    assert (window.step, window.points) == (5, 12)


@pytest.mark.parametrize(
    ("start", "end", "step", "message"),
    [
        (NOW, NOW, "auto", "no span of time"),
        (NOW, NOW - timedelta(1), "auto", "no span of time"),
        (NOW - timedelta(401), NOW, "auto", "at most 400 days apart"),
        ("yesterday", NOW, "auto", "from is 'yesterday'; accepted: a time with its zone"),
        (None, NOW.replace(tzinfo=None), "auto", "to is .*; accepted: a time with its zone"),
        (None, NOW + timedelta(900), "auto", "at most 800 days from now"),
        (None, NOW, 60, "1440 points; accepted: at most 200, by a step of 600 seconds"),
        (None, NOW, 90, "step is 90; accepted: auto, or seconds that are whole minutes"),
        (None, NOW, 0, "step is 0;"),
        (None, NOW, "soon", "step is 'soon';"),
        (NOW - timedelta(3), NOW - timedelta(2.9), 60, "accepted: auto, or whole hours"),
    ],
)
def test_what_cannot_be_answered_is_refused(start: Any, end: Any, step: Any, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        window_of(start, end, step, NOW)


def test_levels_are_reckoned_back_from_now() -> None:
    window = window_of(NOW - timedelta(minutes=3), NOW, 60, NOW)
    numbers = {
        (0, Flow.SUBMITTED.value, 0): 5,
        (1, Flow.STARTED.value, 9): 2,
        (2, Flow.COMPLETED.value, 9): 1,
        (2, Flow.TRIED_AGAIN.value, 9): 1,
        (3, Flow.WITHDRAWN.value, 0): 2,  # since the last point
    }
    found = history_of(window, Flows(LONG_AGO, 2, 0, numbers), NOW)
    assert [(point.waiting, point.running) for point in found.points] == [(5, 0), (3, 2), (4, 0)]
    assert [point.submitted for point in found.points] == [5, 0, 0]
    assert (found.points[2].completed, found.points[2].retried) == (1, 1)


def test_what_is_not_known_is_none_and_never_zero() -> None:
    since = NOW - timedelta(minutes=2)
    window = window_of(NOW - timedelta(minutes=4), NOW + timedelta(minutes=2), 60, NOW)
    found = history_of(window, Flows(since, 0, 0, {}), NOW)
    assert [point.submitted for point in found.points] == [None, None, 0, 0, 0, None]
    assert found.points[0] == HistoryPoint(at=NOW - timedelta(minutes=4))
    assert found.points[2].wait_ms is None
