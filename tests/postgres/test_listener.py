"""A listening connection that was lost, or went deaf, is replaced, and what was missed is read."""

import asyncio
from functools import partial
from typing import Any

import asyncpg
import pytest

from bgtasks.backends.postgres.database import ServerBounds
from bgtasks.core.events import Failed
from bgtasks.core.record import TaskRecord
from bgtasks.testing.conformance import BackendBench, until

from .proxy import Proxy
from .test_feed import in_order, shows

TERMINATE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE datname = current_database() AND application_name = 'bgtasks listener'
"""


impatient = pytest.mark.parametrize(
    "bounds", [ServerBounds(statement=0.5, echo_every=0.05, echo_within=0.3)], ids=["impatient"]
)
"""Every process waits shortly for a sign of life."""


class Life:
    """Tasks of a process in each state of life, and a change of each of them."""

    def __init__(self, bench: BackendBench) -> None:
        self.bench = bench

    async def begin(self) -> None:
        bench = self.bench
        self.to_cancel = await bench.submit(delay=60)
        self.to_retry = await bench.finished(Failed("no"))
        self.to_end = await bench.run()
        self.to_fail = await bench.run("Other")
        self.goes_on = await bench.run()

    async def go_on(self) -> list[TaskRecord]:
        """Change everything; what it is then."""
        bench = self.bench
        assert await bench.backend.request_cancel(self.to_cancel)
        assert await bench.backend.retry(self.to_retry)
        await bench.started(self.to_retry, 2)
        bench.save(self.goes_on, 70, "most of it")
        bench.runner.end(self.to_end)
        bench.runner.end(self.to_fail, Failed("no"))
        new = await bench.submit("Other", delay=60)
        await bench.written()
        ids = [self.to_cancel, self.to_retry, self.to_end.id, self.to_fail.id, self.goes_on.id, new]
        return [await bench.get(item) for item in ids]


async def caught_up(bench: BackendBench, records: list[TaskRecord]) -> None:
    """Wait until the process has announced each of these as it is, or newer."""
    for record in records:
        await shows(bench, record)
        assert bench.announced(record.id)[-1] == record._replace(data="")
    assert in_order(bench)


async def test_what_changes_while_the_connection_is_lost_is_announced(
    worker: BackendBench, far: BackendBench, proxy: Proxy, warned: pytest.LogCaptureFixture
) -> None:
    await far.open(serving=False)
    life = Life(worker)
    await life.begin()
    await shows(far, life.goes_on)
    proxy.cut_listeners()
    await until(lambda: far.backend.trouble(), "the loss was noticed")
    seen = len(far.changes)
    expected = await life.go_on()
    assert len(far.changes) == seen
    proxy.heal()
    await caught_up(far, expected)
    assert far.backend.trouble() is None
    assert "the listening connection" in warned.text
    assert "listening to" in warned.text


async def test_a_terminated_connection_is_replaced(
    worker: BackendBench, web: BackendBench, sql: Any
) -> None:
    life = Life(worker)
    await life.begin()
    for _ in range(3):
        lost = connection_of(web)
        assert await sql.fetchval(f"SELECT count(*) FROM ({TERMINATE}) AS ended") == 2
        task_id = await worker.submit(delay=60)
        await shows(web, await worker.get(task_id))
        await until(partial(_replaced, web, lost), "another connection")
        await until(lambda: worker.backend.trouble() is None, "another connection")
    await caught_up(web, await life.go_on())


def _replaced(bench: BackendBench, lost: "asyncpg.Connection[Any]") -> bool:
    found = bench.backend.store.listener  # type: ignore[attr-defined]
    return found.trouble is None and connection_of(bench) is not lost


def connection_of(bench: BackendBench) -> "asyncpg.Connection[Any]":
    """The one that listens; a new one looks the same from outside."""
    listener: Any = bench.backend.store.listener  # type: ignore[attr-defined]
    connection: asyncpg.Connection[Any] = listener._connection  # noqa: SLF001
    return connection


@impatient
async def test_a_deaf_connection_is_noticed_and_replaced(
    worker: BackendBench, far: BackendBench, proxy: Proxy, warned: pytest.LogCaptureFixture
) -> None:
    await far.open(serving=False)
    life = Life(worker)
    await life.begin()
    await shows(far, life.goes_on)
    assert proxy.deafen() == 1
    await caught_up(far, await life.go_on())
    deaf = [item for item in warned.records if "is deaf" in item.message]
    assert [item.levelname for item in deaf] == ["ERROR"]
    await shows(far, await worker.get(await worker.submit(delay=60)))


def test_deafness_is_noticed_within_seconds() -> None:
    bounds = ServerBounds()
    assert bounds.echo_every + bounds.echo_within <= 6


@impatient
async def test_a_network_that_loses_everything_is_noticed_and_survived(
    worker: BackendBench, far: BackendBench, proxy: Proxy
) -> None:
    await far.open(serving=False)
    life = Life(worker)
    await life.begin()
    await shows(far, life.goes_on)
    # The pool has idle connections that are dead, too.
    await asyncio.gather(*(far.backend.get(life.to_cancel) for _ in range(5)))
    proxy.freeze()
    await caught_up(far, await life.go_on())
    await shows(far, await worker.get(await worker.submit(delay=60)))


@impatient
async def test_a_pool_without_a_free_connection_hides_no_deafness(
    worker: BackendBench, far: BackendBench, proxy: Proxy
) -> None:
    await far.open(serving=False)
    pool = far.backend.store.database.pool  # type: ignore[attr-defined]
    taken = [await pool.acquire() for _ in range(10)]
    replaced = connection_of(far)
    proxy.deafen()
    try:
        await until(lambda: _replaced(far, replaced), "the deaf connection was replaced")
    finally:
        for connection in taken:
            await pool.release(connection)
    await shows(far, await worker.get(await worker.submit(delay=60)))
