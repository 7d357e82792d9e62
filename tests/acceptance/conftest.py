"""The browser, the application whose dashboard it opens, and where applications keep tasks."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.acceptance.browser import launched_browser
from tests.client.node import installed
from tests.hosts.dashboard_host import DashboardHost


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=10_000)
    with launched_browser() as launched:
        yield launched


@pytest.fixture
def host(tmp_path: Path) -> Iterator[DashboardHost]:
    running = DashboardHost(tmp_path / "tasks.db")
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an application keeps its tasks: a test runs on each store."""
    if request.param == "sqlite":
        return str(tmp_path / "tasks.db")
    url: str = request.getfixturevalue("task_database")
    return url


@pytest.fixture(scope="module")
def axe() -> str:
    return (installed() / "axe-core/axe.min.js").read_text()
