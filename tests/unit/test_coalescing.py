"""The first of a burst at once, the last always, and at most one an interval in between."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bgtasks.observing.coalescing import Coalescer
from bgtasks.testing import FakeClock

INTERVAL = 0.2


class Emitted:
    """Keeps when what was let through."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.times: list[tuple[str, float]] = []
        self.newest: dict[str, int] = {}
        self.shown: dict[str, int] = {}
        self.coalescer: Coalescer[str] = Coalescer(self.clock, INTERVAL, self._emit)

    def _emit(self, key: str) -> None:
        self.times.append((key, self.clock.monotonic()))
        self.shown[key] = self.newest.get(key, 0)

    def mark(self, key: str = "a") -> None:
        self.newest[key] = self.newest.get(key, 0) + 1
        self.coalescer.mark(key)


def test_the_first_after_a_quiet_time_is_let_through_at_once() -> None:
    emitted = Emitted()
    emitted.mark()
    assert emitted.times == [("a", 0.0)]
    emitted.clock.advance(5.0)
    emitted.mark()
    assert emitted.times[1:] == [("a", 5.0)]


def test_what_follows_within_the_interval_comes_once_at_its_end() -> None:
    emitted = Emitted()
    for _ in range(10):
        emitted.mark()
    assert len(emitted.times) == 1
    emitted.clock.advance(INTERVAL)
    assert emitted.times == [("a", 0.0), ("a", INTERVAL)]
    assert emitted.shown == {"a": 10}


def test_keys_do_not_wait_for_one_another() -> None:
    emitted = Emitted()
    emitted.mark("a")
    emitted.mark("b")
    assert [key for key, _ in emitted.times] == ["a", "b"]


def test_a_dropped_key_is_not_let_through_any_more() -> None:
    emitted = Emitted()
    emitted.mark()
    emitted.mark()
    emitted.coalescer.drop("a")
    emitted.clock.advance(1.0)
    assert emitted.times == [("a", 0.0)]
    assert len(emitted.coalescer) == 0


def test_nothing_is_let_through_after_it_was_closed() -> None:
    emitted = Emitted()
    for key in "abc":
        emitted.mark(key)
        emitted.mark(key)
    emitted.coalescer.close()
    emitted.clock.advance(1.0)
    assert len(emitted.times) == 3
    assert emitted.clock.pending == 0


def test_what_was_let_through_by_other_means_counts_for_the_interval() -> None:
    emitted = Emitted()
    emitted.clock.advance(0.05)
    for _ in range(2):
        emitted.coalescer.mark("a", since=0.0)
    assert emitted.times == []
    emitted.clock.advance(INTERVAL)
    assert emitted.times == [("a", INTERVAL)]
    emitted.coalescer.mark("a", since=0.0)
    emitted.clock.advance(1.0)
    assert emitted.times == [("a", INTERVAL), ("a", 2 * INTERVAL)]


def test_keys_that_fell_quiet_are_forgotten() -> None:
    emitted = Emitted()
    for number in range(1000):
        emitted.mark(str(number))
        emitted.clock.advance(INTERVAL / 10)
    assert len(emitted.coalescer) <= 11


steps = st.lists(
    st.tuples(st.sampled_from("ab"), st.floats(0, 0.5)),
    max_size=60,
)


@given(steps)
def test_of_any_burst_the_last_is_shown_and_none_comes_too_soon(
    sequence: list[tuple[str, float]],
) -> None:
    emitted = Emitted()
    for key, pause in sequence:
        emitted.mark(key)
        emitted.clock.advance(pause)
    emitted.clock.advance(INTERVAL)
    assert emitted.shown == emitted.newest
    for key in "ab":
        times = [at for name, at in emitted.times if name == key]
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert all(gap >= INTERVAL - 1e-9 for gap in gaps)
