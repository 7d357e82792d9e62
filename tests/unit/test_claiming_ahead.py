"""How many tasks are claimed before a slot is free for them."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgtasks.backends.loops.ahead import Turnover
from bgtasks.backends.loops.pacing import AheadPace

RATES = st.floats(0, 1e6)


@pytest.mark.parametrize(
    ("freed_per_second", "wanted"),
    [
        (0, 0),  # nothing ends
        (10, 0),  # 100 slots, tasks of 10 seconds
        (100, 0),  # of a second
        (199, 0),
        (200, 2),  # of half a second
        (2_000, 20),  # of 50 ms
        (10_000, 32),
    ],
)
def test_as_many_wait_as_ten_milliseconds_use(freed_per_second: float, wanted: int) -> None:
    assert AheadPace().wanted(freed_per_second) == wanted


@given(RATES, RATES)
def test_what_waits_is_bounded_and_grows_with_how_fast_slots_become_free(
    one: float, other: float
) -> None:
    pace = AheadPace()
    fewer, more = sorted((one, other))
    assert 0 <= pace.wanted(fewer) <= pace.wanted(more) <= pace.most
    assert pace.wanted(more) <= more * pace.for_the_next


@given(st.lists(st.floats(0, 1), max_size=200), st.floats(0, 2))
def test_a_turnover_is_never_more_than_what_was_counted(
    ends: Sequence[float], silence: float
) -> None:
    turnover = Turnover(0.1, 0.0)
    for at in sorted(ends):
        turnover.per_second(at)
        turnover.freed()
    last = max(ends, default=0.0)
    assert 0 <= turnover.per_second(last + silence) <= len(ends) / 0.1


def test_a_turnover_is_known_before_the_first_stretch_is_over_and_forgotten_after_a_rest() -> None:
    turnover = Turnover(0.1, 0.0)
    for _ in range(100):
        turnover.freed()
    assert turnover.per_second(0.05) == 1_000
    assert turnover.per_second(0.1) == 1_000
    assert turnover.per_second(0.15) == 1_000
    assert turnover.per_second(0.2) == 0
