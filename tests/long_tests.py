"""Tests that take many minutes are run by hand alone."""

import pytest

__all__ = ["leave_out_long_tests", "pytest_report_header"]


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what is left out, and how it is run."""
    if wants_long(config):
        return []
    return ["long tests are left out: they take many minutes; run: python -m pytest -m long"]


def leave_out_long_tests(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Unless they are asked for."""
    if wants_long(config):
        return
    left_out = [item for item in items if item.get_closest_marker("long")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def wants_long(config: pytest.Config) -> bool:
    return "long" in str(config.getoption("markexpr"))
