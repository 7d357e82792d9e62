"""A ward on a database of the session's server."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.acceptance.chaos.ward import Ward, ward

__all__ = ["ward_here"]


@pytest.fixture(name="ward")
async def ward_here(task_database: str, tmp_path: Path) -> AsyncIterator[Ward]:
    async with ward(task_database, tmp_path) as made:
        yield made


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what is left out, and how it is run."""
    if wants_long(config):
        return []
    return ["long tests are left out: they take many minutes; run: python -m pytest -m long"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is run by hand."""
    if wants_long(config):
        return
    left_out = [item for item in items if item.get_closest_marker("long")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def wants_long(config: pytest.Config) -> bool:
    return "long" in str(config.getoption("markexpr"))
