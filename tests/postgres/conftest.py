"""What is PostgreSQL's own: several processes on one database, played by several backends."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest

from bgtasks.backends.postgres.database import ServerBounds
from bgtasks.testing.conformance import BackendBench, BenchMaker
from bgtasks.testing.conformance_types import make_registry
from tests.contract.homes import PostgresHome, bench_maker
from tests.servers.databases import Databases

from .proxy import Proxy


@pytest.fixture
def bounds() -> ServerBounds:
    """How long every process waits for the server; a test may give others."""
    return ServerBounds()


@pytest.fixture
def home(postgres_server: Databases, task_database: str, bounds: ServerBounds) -> PostgresHome:
    # Without types that have a rate: only so is a claim one statement. (The conformance suite has
    # them, and so shows the claims of several statements.)
    types = [item.type_name for item in make_registry() if item.rate is None]
    return PostgresHome(postgres_server, task_database, bounds=bounds, types=types)


@pytest.fixture
async def make_bench(home: PostgresHome) -> AsyncIterator[BenchMaker]:
    """Make a bench on the database, not opened yet; each one is a process of its own."""
    async with bench_maker(home) as make:
        yield make


@pytest.fixture
async def worker(make_bench: BenchMaker) -> BackendBench:
    """A process that runs tasks."""
    bench = make_bench()
    await bench.open()
    return bench


@pytest.fixture
async def web(make_bench: BenchMaker) -> BackendBench:
    """A process that only hands in and shows."""
    bench = make_bench()
    await bench.open(serving=False)
    return bench


@pytest.fixture
async def sql(task_database: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """A connection to look behind the backend's back."""
    connection = await asyncpg.connect(task_database)
    yield connection
    await connection.close()


@pytest.fixture
async def proxy(task_database: str) -> AsyncIterator[Proxy]:
    """A network between a backend and the server that can be cut."""
    proxy = Proxy(task_database)
    await proxy.start()
    yield proxy
    await proxy.stop()


@pytest.fixture
async def far(home: PostgresHome, proxy: Proxy) -> AsyncIterator[BackendBench]:
    """A process, not opened yet, that reaches the server through the proxy."""
    bench = BackendBench(PostgresHome(home.server, proxy.url, **home.options))
    yield bench
    proxy.heal()
    await bench.close()


@pytest.fixture
def warned(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """What was logged, from INFO on."""
    with caplog.at_level("INFO", "bgtasks"):
        yield caplog
