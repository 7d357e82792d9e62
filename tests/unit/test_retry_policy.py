"""How long to wait before the next attempt, and whether there is one."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgtasks import Retry, SettingsError

error = ValueError("no")


def middle(low: float, high: float) -> float:
    return (low + high) / 2


def waits(policy: Retry, count: int) -> list[float | None]:
    found = [policy.wait_after(number, error, middle) for number in range(1, count + 1)]
    return [None if wait is None else round(wait.total_seconds(), 6) for wait in found]


def test_the_wait_grows_by_the_factor_up_to_the_cap_and_ends_with_the_attempts() -> None:
    policy = Retry(6, backoff=2, factor=3, max_backoff=50)
    assert waits(policy, 7) == [2.0, 6.0, 18.0, 50.0, 50.0, None, None]


def test_one_attempt_means_no_retry() -> None:
    assert waits(Retry(max_attempts=1), 1) == [None]


def test_a_failure_is_retried_only_where_its_type_is_listed() -> None:
    policy = Retry(on=(ConnectionError, TimeoutError))
    assert policy.wait_after(1, ConnectionResetError(), middle) is not None
    assert policy.wait_after(1, ValueError(), middle) is None
    assert Retry(on=ValueError).wait_after(1, ValueError(), middle) is not None


def test_leaving_the_program_is_no_reason_to_try_again() -> None:
    assert Retry().wait_after(1, SystemExit(), middle) is None


@given(st.integers(1, 999), st.floats(0, 1), st.integers())
def test_jitter_changes_the_wait_by_no_more_than_its_fraction(
    failures: int, jitter: float, seed: int
) -> None:
    policy = Retry(1000, backoff=1, factor=2, max_backoff=300, jitter=jitter)
    wait = policy.wait_after(failures, error, random.Random(seed).uniform)
    assert wait is not None
    exact = min(2 ** (failures - 1), 300)
    assert exact * (1 - jitter) - 1e-6 <= wait.total_seconds() <= exact * (1 + jitter) + 1e-6


def test_tasks_that_failed_together_do_not_come_back_together() -> None:
    uniform = random.Random(1).uniform
    found = {Retry(jitter=0.5).wait_after(1, error, uniform) for _ in range(20)}
    assert len(found) > 15


BAD: list[tuple[dict[str, Any], str]] = [
    ({"max_attempts": 0}, "max_attempts=0"),
    ({"max_attempts": 10**5000}, "max_attempts=<int"),  # FAULTS 19: its repr raises
    ({"max_attempts": 1.5}, "whole number"),
    ({"max_attempts": True}, "max_attempts=True"),
    ({"max_attempts": "3"}, "max_attempts='3'"),
    ({"backoff": -1}, "backoff=-1"),
    ({"backoff": float("nan")}, "backoff=nan"),
    ({"factor": 0.5}, "from 1 to 100"),
    ({"max_backoff": float("inf")}, "max_backoff=inf"),
    ({"jitter": 1.1}, "from 0 to 1"),
    ({"on": "ValueError"}, "subclasses of Exception"),
    ({"on": (KeyboardInterrupt,)}, "KeyboardInterrupt"),
    ({"on": 5}, "subclasses of Exception"),
]


@pytest.mark.parametrize(("options", "said"), BAD, ids=[said for _, said in BAD])
def test_a_policy_that_cannot_be_used_is_refused_by_name(
    options: dict[str, Any], said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        Retry(**options)
