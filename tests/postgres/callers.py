"""The host application's own transactions, in each form that they come in."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import asyncpg
from attrs import frozen
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    async_scoped_session,
    async_sessionmaker,
    create_async_engine,
)

__all__ = ["CALLERS", "Caller", "alchemy_engine"]


@frozen
class Caller:
    """What is given as ``connection``, in a transaction, and the two ends of that."""

    connection: Any
    commit: Callable[[], Awaitable[None]]
    rollback: Callable[[], Awaitable[None]]


@asynccontextmanager
async def alchemy_engine(url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    yield engine
    await engine.dispose()


@asynccontextmanager
async def plain(url: str) -> AsyncIterator[Caller]:
    connection = await asyncpg.connect(url)
    transaction = connection.transaction()
    await transaction.start()
    yield Caller(connection, transaction.commit, transaction.rollback)
    await connection.close()


@asynccontextmanager
async def pooled(url: str) -> AsyncIterator[Caller]:
    async with asyncpg.create_pool(url, min_size=0) as pool, pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        yield Caller(connection, transaction.commit, transaction.rollback)


@asynccontextmanager
async def alchemy_connection(url: str) -> AsyncIterator[Caller]:
    async with alchemy_engine(url) as engine, engine.connect() as connection:
        yield Caller(connection, connection.commit, connection.rollback)


@asynccontextmanager
async def alchemy_session(url: str) -> AsyncIterator[Caller]:
    async with alchemy_engine(url) as engine, async_sessionmaker(engine)() as session:
        yield Caller(session, session.commit, session.rollback)


@asynccontextmanager
async def scoped_session(url: str) -> AsyncIterator[Caller]:
    async with alchemy_engine(url) as engine:
        sessions = async_scoped_session(async_sessionmaker(engine), asyncio.current_task)
        yield Caller(sessions, sessions.commit, sessions.rollback)
        await sessions.remove()


CALLERS: dict[str, Callable[[str], AbstractAsyncContextManager[Caller]]] = {
    "asyncpg connection": plain,
    "asyncpg pool": pooled,
    "AsyncConnection": alchemy_connection,
    "AsyncSession": alchemy_session,
    "async_scoped_session": scoped_session,
}
