"""The backends that the conformance suite runs over, each in a home of its own."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bgtasks.testing.conformance import BackendBench, BackendHome, BenchMaker
from tests.contract.homes import FileHome, MemoryHome, PostgresHome, bench_maker

FILE = "embedded-file"
MEMORY = "embedded-memory"
POSTGRES = pytest.param("postgres", marks=pytest.mark.postgres)


@pytest.fixture(params=[FILE, MEMORY, POSTGRES])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> BackendHome:
    return _make_home(request, tmp_path)


@pytest.fixture(params=[FILE, POSTGRES])
def durable_home(request: pytest.FixtureRequest, tmp_path: Path) -> BackendHome:
    return _make_home(request, tmp_path)


def _make_home(request: pytest.FixtureRequest, folder: Path) -> BackendHome:
    """What a home needs is asked for only where it is that home's turn."""
    wanted: Any = request.param
    if wanted == MEMORY:
        return MemoryHome(folder)
    if wanted == FILE:
        return FileHome(folder)
    return PostgresHome(
        request.getfixturevalue("postgres_server"), request.getfixturevalue("task_database")
    )


@pytest.fixture
async def make_bench(home: BackendHome) -> AsyncIterator[BenchMaker]:
    """Make a bench that is not opened yet; it is closed at the end."""
    async with bench_maker(home) as make:
        yield make


@pytest.fixture
async def bench(make_bench: BenchMaker) -> BackendBench:
    """A backend that claims."""
    bench = make_bench()
    await bench.open()
    return bench


@pytest.fixture
async def idle_bench(make_bench: BenchMaker) -> BackendBench:
    """A backend that was started and claims nothing yet."""
    bench = make_bench()
    await bench.open(serving=False)
    return bench


@pytest.fixture
async def durable(durable_home: BackendHome) -> AsyncIterator[BackendBench]:
    """A backend whose tasks outlive it, and that claims."""
    bench = BackendBench(durable_home, max_concurrency=2_000)
    await bench.open()
    yield bench
    await bench.close()
