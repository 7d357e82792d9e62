"""The backends that the conformance suite runs over, each in a home of its own."""

import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bgtasks.backends.base import Backend
from bgtasks.backends.embedded.backend import EmbeddedBackend
from bgtasks.clock import Clock
from bgtasks.registration import Registry
from bgtasks.testing.conformance import BackendBench, BackendHome, BenchMaker


class MemoryHome:
    """SQLite without a file: what is stopped is gone."""

    def __init__(self, _folder: Path) -> None:
        pass

    def backend(self, registry: Registry, clock: Clock, max_concurrency: int) -> Backend:
        return EmbeddedBackend(":memory:", registry, clock, max_concurrency=max_concurrency)

    async def crash(self, backend: Backend) -> None:
        raise NotImplementedError


class FileHome:
    """SQLite in a file. A crash leaves the file and its log as they are in the middle of work."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "tasks.db"

    def backend(self, registry: Registry, clock: Clock, max_concurrency: int) -> Backend:
        return EmbeddedBackend(str(self.path), registry, clock, max_concurrency=max_concurrency)

    async def crash(self, backend: Backend) -> None:
        left = self.path.with_name(f"{self.path.stem}-crashed.db")
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{self.path}{suffix}", f"{left}{suffix}")
        self.path = left


HOMES: dict[str, Callable[[Path], BackendHome]] = {
    "embedded-file": FileHome,
    "embedded-memory": MemoryHome,
}
DURABLE = ["embedded-file"]


@pytest.fixture(params=HOMES)
def home(request: pytest.FixtureRequest, tmp_path: Path) -> BackendHome:
    return HOMES[request.param](tmp_path)


@pytest.fixture(params=DURABLE)
def durable_home(request: pytest.FixtureRequest, tmp_path: Path) -> BackendHome:
    return HOMES[request.param](tmp_path)


@pytest.fixture
async def make_bench(home: BackendHome) -> AsyncIterator[BenchMaker]:
    """Make a bench that is not opened yet; it is closed at the end."""
    benches: list[BackendBench] = []

    def make(max_concurrency: int = 100) -> BackendBench:
        benches.append(BackendBench(home, max_concurrency))
        return benches[-1]

    yield make
    for bench in benches:
        await bench.close()


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
