"""What the connections of the pool are like, and how those find them who come next."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.server_errors import SERVER_ERRORS
from tests.contract.homes import PostgresHome
from tests.servers.databases import connected

MOST_TURNS = 8
"""Turns of the event loop in which asyncpg begins a question, or reads an answer."""


@pytest.fixture
async def database(home: PostgresHome) -> AsyncIterator[Database]:
    """With one connection, which everybody has in turn."""
    made = Database(home.url, size=1)
    await made.open()
    yield made
    await made.close()


async def test_a_question_that_is_given_up_at_any_turn_leaves_no_transaction_open(
    database: Database,
) -> None:
    """The driver has a statement prepared without ending the exchange. Given up just then, the
    server was in a transaction that nobody had begun, and refused to begin another one."""
    for before in range(MOST_TURNS):
        for after in range(MOST_TURNS):
            asking = asyncio.create_task(database.fetch(f"SELECT $1::int -- {before} {after}", 1))
            await turns(before)
            time.sleep(0.005)  # noqa: ASYNC251 - the answer is there when the loop goes on
            await turns(after)
            asking.cancel()
            with suppress(asyncio.CancelledError):
                await asking
            async with database.snapshot() as connection:
                assert await connection.fetchval("SELECT 1") == 1


async def test_who_is_cancelled_when_the_connection_is_lost_ends_as_cancelled(
    home: PostgresHome, database: Database
) -> None:
    """The loss was told in place of the cancel, and whoever was told to end went on."""
    for number in range(MOST_TURNS):
        asking = asyncio.create_task(database.fetch("SELECT pg_sleep(60)"))
        process = await asleep(home.url)
        home.server.execute(f"SELECT pg_terminate_backend({process}, 10000)")
        time.sleep(0.005)  # noqa: ASYNC251 - the loop hears of it when it goes on
        await turns(number)
        is_told = asking.cancel()
        await asyncio.wait([asking])
        assert asking.cancelled() == is_told
        if not is_told:
            assert isinstance(asking.exception(), SERVER_ERRORS)


async def asleep(url: str) -> int:
    """The number of the server process that sleeps, once it does."""
    async with connected(url) as connection, asyncio.timeout(10):
        while True:
            found: int | None = await connection.fetchval(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                " AND state = 'active' AND query LIKE '%sleep(60)'"
            )
            if found is not None:
                return found


async def test_no_statement_is_compiled(database: Database) -> None:
    """Servers before 18 would do so at each claim, which took a second."""
    assert [tuple(row) for row in await database.fetch("SHOW jit")] == [("off",)]


async def turns(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)
