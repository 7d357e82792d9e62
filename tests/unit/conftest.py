"""Fixtures of the unit tests."""

import pytest

from bgtasks.testing import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still."""
    return FakeClock()
