"""What holds for every test."""

import os
import signal
from collections.abc import Generator

import hypothesis
import pytest

from .even_load import spread_end_to_end_tests
from .long_tests import leave_out_long_tests, pytest_report_header
from .servers.fixtures import (
    empty_database,
    mark_postgres,
    postgres_server,
    task_database,
    task_template,
)

__all__ = [
    "empty_database",
    "postgres_server",
    "pytest_report_header",
    "task_database",
    "task_template",
]

# Nothing is timed in a test: a busy machine is no failure.
hypothesis.settings.register_profile(
    "bgtasks", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("bgtasks")

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    # A shell has its background jobs ignore Ctrl-C, and what they start inherits that.
    signal.signal(signal.SIGINT, signal.default_int_handler)

NO_SKIPS = bool(os.environ.get("BGTASKS_NO_SKIPS"))
"""Set in CI: a test that a machine could not run is then a failure, not a skip."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs something, leave out what was not asked for."""
    mark_postgres(items)
    leave_out_long_tests(config, items)
    if hasattr(config, "workerinput"):
        spread_end_to_end_tests(items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What should be there and is not, such as a browser: say so with a failure."""
    report = yield
    needed = any(item.get_closest_marker(name) for name in ("browser", "nginx", "node", "postgres"))
    if NO_SKIPS and report.skipped and needed and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but nothing may be skipped here: {report.longrepr}"
    return report
