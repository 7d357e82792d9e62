"""Rates and keys: what may be said, and what it comes to."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import field, frozen
from hypothesis import given
from hypothesis import strategies as st

from bgtasks import (
    BackgroundTaskBase,
    PerKey,
    Rate,
    Registration,
    RegistrationError,
    SettingsError,
)
from bgtasks.core.codec import TaskCodec
from bgtasks.core.limits import MAX_KEY, TokenBucket

T0 = datetime(2026, 1, 1, tzinfo=UTC)


@frozen(kw_only=True)
class Mail(BackgroundTaskBase):
    account: str | None = None
    to_whom: list[str] = field(factory=list)
    text: str = ""
    weight: float = 1.0
    tags: frozenset[int] = frozenset()


def registration(**options: Any) -> Registration:
    return Registration(task_type=Mail, worker_provider=object, **options)


# Options


def test_a_rate_has_a_burst_of_one_period_unless_it_is_given() -> None:
    assert Rate(14, per=1) == Rate(14, per="1 s", burst=14)
    assert Rate(60, per="1 m").each == 1.0
    assert Rate(5, per=timedelta(minutes=1), burst=1).burst == 1


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"starts": 0}, "starts=0"),
        ({"starts": 1.5}, "starts=1.5"),
        ({"starts": True}, "starts=True"),
        ({"starts": 10, "per": 0}, "per=0"),
        ({"starts": 10, "per": "soon"}, "per='soon'"),
        ({"starts": 10, "burst": 0}, "burst=0"),
        ({"starts": 10, "burst": 10_000_000}, "burst=10000000"),
    ],
)
def test_a_rate_that_is_none_is_refused_by_the_name_of_the_option(
    options: dict[str, Any], named: str
) -> None:
    with pytest.raises(SettingsError, match=rf"Rate: {named}; expected"):
        Rate(**options)


@pytest.mark.parametrize("limit", [0, -1, 10_001, 1.0, "2", True])
def test_a_limit_per_key_out_of_range_is_refused(limit: Any) -> None:
    with pytest.raises(SettingsError, match=r"PerKey: limit="):
        PerKey(limit)


@pytest.mark.parametrize("by", ["account", (), ["account"], (1,), None])
def test_a_key_that_is_neither_the_owner_nor_fields_is_refused(by: Any) -> None:
    with pytest.raises(SettingsError, match=r"by=.*expected 'owner', or a tuple"):
        PerKey(1, by=by)


def test_a_key_by_a_field_that_the_task_has_not_is_refused_at_registration() -> None:
    with pytest.raises(RegistrationError, match=r"'acount'; Mail has the fields .*account"):
        registration(per_key=PerKey(1, by=("account", "acount")))
    assert registration(per_key=PerKey(1, by=("account", "to_whom"))).per_key is not None


@pytest.mark.parametrize("name", ["rate", "per_key"])
def test_an_option_of_another_kind_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=rf"{name}=14; expected"):
        registration(**{name: 14})


# Keys


def key_of(per_key: PerKey, owner: str | None = None, **fields: Any) -> str:
    task = Mail(**fields)
    return per_key.key_of(owner, task, TaskCodec().encode_task(task))


def test_the_key_is_the_owner_and_tasks_without_one_have_one_in_common() -> None:
    assert key_of(PerKey(1), "ada", text="a") == key_of(PerKey(1), "ada", text="b")
    assert len({key_of(PerKey(1), owner) for owner in ("ada", "bob", "null", None)}) == 4
    assert key_of(PerKey(1)) == key_of(PerKey(1), text="b")


def test_the_key_is_the_named_fields_whoever_the_owner_is() -> None:
    by_account = PerKey(1, by=("account", "to_whom"))
    assert key_of(by_account, "ada", account="a") == key_of(by_account, "bob", account="a")
    assert key_of(by_account, account="a") != key_of(by_account, account="b")
    assert key_of(by_account, to_whom=["a", "b"]) != key_of(by_account, to_whom=["b", "a"])


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [("weight", 2, 2.0), ("tags", frozenset([0, 8]), frozenset([8, 0]))],
)
def test_equal_fields_make_the_same_key(name: str, first: Any, second: Any) -> None:
    by = PerKey(1, by=(name,))
    assert first == second
    assert key_of(by, **{name: first}) == key_of(by, **{name: second})
    assert key_of(by, **{name: first}) != key_of(by)


def test_a_long_key_is_kept_as_its_hash() -> None:
    keys = {key_of(PerKey(1, by=("text",)), text=letter * 100_000) for letter in "ab"}
    assert len(keys) == 2
    assert all(len(key) <= MAX_KEY for key in keys)


# The bucket


def starts_within(rate: Rate, looks: list[float], wanted: int) -> list[float]:
    """When attempts start if at each look as many start as may."""
    bucket, now, started = TokenBucket.full(rate, T0), T0, list[float]()
    for pause in looks:
        now += timedelta(seconds=pause)
        bucket = bucket.refilled(rate, now)
        count = min(bucket.starts, wanted)
        bucket = bucket.taken(count)
        started += [(now - T0).total_seconds()] * count
    return started


@given(
    st.builds(Rate, st.integers(1, 20), per=st.floats(0.1, 10), burst=st.integers(1, 20)),
    st.lists(st.floats(0, 5), max_size=50),
    st.integers(1, 30),
)
def test_no_stretch_of_time_has_more_starts_than_the_burst_and_what_comes_back(
    rate: Rate, looks: list[float], wanted: int
) -> None:
    started = starts_within(rate, looks, wanted)
    for at, first in enumerate(started):
        for count, last in enumerate(started[at:], 1):
            assert count <= rate.burst + (last - first) / rate.each + 1e-3


def test_whoever_looks_when_the_next_token_comes_finds_it() -> None:
    rate = Rate(3, per=1)
    bucket = TokenBucket.full(rate, T0).taken(3)
    for number in range(1, 50):
        bucket = bucket.refilled(rate, bucket.next_at(rate))
        assert bucket.starts == 1
        assert bucket.at - T0 < timedelta(seconds=number / 3 + 0.001)
        bucket = bucket.taken(1)


def test_a_clock_that_is_set_stops_nothing_and_brings_no_more_than_the_burst() -> None:
    rate = Rate(10, per=1)
    empty = TokenBucket.full(rate, T0).taken(10)
    back = empty.refilled(rate, T0 - timedelta(days=1))
    assert back.starts == 0
    assert back.refilled(rate, back.at + timedelta(seconds=0.5)).starts == 5
    assert empty.refilled(rate, T0 + timedelta(days=700)).starts == 10
