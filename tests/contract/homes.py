"""Where the conformance suite keeps its tasks: one home for each kind of store."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg

from bgtasks.backends.base import Backend
from bgtasks.backends.embedded.backend import EmbeddedBackend
from bgtasks.backends.postgres.backend import PostgresBackend
from bgtasks.backends.postgres.engine.schema import ENGINE
from bgtasks.backends.postgres.server_clock import ServerClock
from bgtasks.clock import Clock, SystemClock
from bgtasks.registry import Registry
from bgtasks.testing.conformance import BackendBench, BackendHome, BenchMaker
from tests.servers.databases import Databases, name_in

__all__ = ["FileHome", "MemoryHome", "PostgresHome", "bench_maker"]


@asynccontextmanager
async def bench_maker(home: BackendHome) -> AsyncIterator[BenchMaker]:
    """Makes benches in a home that are not opened yet; they are closed at the end."""
    benches: list[BackendBench] = []

    def make(max_concurrency: int = 100) -> BackendBench:
        benches.append(BackendBench(home, max_concurrency))
        return benches[-1]

    yield make
    for bench in benches:
        await bench.close()


class MemoryHome:
    """SQLite without a file: what is stopped is gone."""

    def __init__(self, _folder: Path) -> None:
        pass

    def backend(self, registry: Registry, clock: Clock, max_concurrency: int) -> Backend:
        return EmbeddedBackend(":memory:", registry, clock, max_concurrency=max_concurrency)

    async def crash(self, backend: Backend) -> None:
        raise NotImplementedError

    async def recovered(self, backend: Backend) -> None:
        """The start has taken back what was left."""

    async def time_passed(self, seconds: float) -> None:
        """The bench's clock is the only one."""

    async def settled(self, backend: Backend) -> None:
        # An outcome is decided on again if the task has changed, so it may take several changes.
        # One that is waited for then comes after those that the outcomes have set going.
        assert isinstance(backend, EmbeddedBackend)
        for _ in range(2):
            await backend.written()
            await backend.request_cancel(uuid4())
            await asyncio.sleep(0)


class FileHome(MemoryHome):
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


class BenchClock(ServerClock):
    """Dates by the bench's clock alone, which stands still, whatever the server's says."""

    def heard(self, server_time: datetime, asked_at: float) -> None:
        pass


class PostgresHome:
    """A PostgreSQL database. A crash cuts every connection and goes on in a copy of what is there,
    in which nothing has been heard of the crashed process for an hour."""

    def __init__(self, server: Databases, url: str, **options: Any) -> None:
        self.server = server
        self.url = url
        self.options = options

    def backend(self, registry: Registry, clock: Clock, max_concurrency: int) -> Backend:
        return PostgresBackend(
            self.url,
            registry,
            SystemClock(),
            max_concurrency=max_concurrency,
            heartbeat_timeout=2,
            server_clock=BenchClock(clock),
            **self.options,
        )

    async def crash(self, backend: Backend) -> None:
        await asyncio.to_thread(self._copy)
        await self._execute(
            f"UPDATE {ENGINE.queue_table} SET heartbeat = heartbeat - interval '1 hour'"
        )
        await self._execute("UPDATE bgtasks_processes SET seen_at = seen_at - interval '1 hour'")

    async def recovered(self, backend: Backend) -> None:
        assert isinstance(backend, PostgresBackend)
        await backend.store.pulse.tending.taken_back()

    async def time_passed(self, seconds: float) -> None:
        # The engine goes by the server's clock: what waits is moved towards it instead.
        await self._execute(
            f"UPDATE {ENGINE.queue_table} SET execute_after = execute_after - "
            f"make_interval(secs => {seconds!r}) WHERE status = 'queued'"
        )
        await self._execute(
            "UPDATE bgtasks_types "
            f"SET refilled_at = refilled_at - make_interval(secs => {seconds!r})"
        )

    async def settled(self, backend: Backend) -> None:
        assert isinstance(backend, PostgresBackend)
        for _ in range(2):
            await asyncio.sleep(0)
            await backend.written()

    def _copy(self) -> None:
        name = name_in(self.url)
        self.server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        self.server.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        )
        self.url = self.server.create_database(template=name)
        # What crashed may end at its ease: nothing is read from there again.
        self.server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(statement)
            await connection.execute("SELECT pg_notify($1, $2)", ENGINE.channel, _CHANGED)
        finally:
            await connection.close()


_CHANGED = json.dumps(
    {
        "channel": ENGINE.channel,
        "sent_at": "2026-01-01T00:00:00Z",
        "type": "table_changed_event",
        "operation": "update",
        "table": ENGINE.queue_table,
    }
)
"""What the engine's trigger says of a change."""
