"""The shop's own database: SQLAlchemy on aiosqlite. It has nothing to do with that of the tasks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, event
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateTable


class Base(DeclarativeBase):
    """The tables of the shop."""


class User(Base):
    """Who may log in: a customer, or somebody who runs the shop."""

    __tablename__ = "users"

    name: Mapped[str] = mapped_column(primary_key=True)
    password: Mapped[str]  # as passwords.py keeps it
    is_admin: Mapped[bool] = mapped_column(default=False)


class Order(Base):
    """Something that a customer bought."""

    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    customer: Mapped[str] = mapped_column(ForeignKey("users.name"), index=True)
    product: Mapped[str]
    cents: Mapped[int]
    ordered_on: Mapped[date] = mapped_column(index=True)
    invoiced_at: Mapped[datetime | None] = mapped_column(default=None)


class DaySales(Base):
    """What was sold on one day, once it is closed."""

    __tablename__ = "day_sales"

    day: Mapped[date] = mapped_column(primary_key=True)
    orders: Mapped[int]
    cents: Mapped[int]


class Database:
    """Opens sessions; makes the tables before the first."""

    def __init__(self, url: str) -> None:
        # No connection outlives its session: one that is cut off with a task harms no other.
        self._engine = create_async_engine(url, poolclass=NullPool)
        event.listen(self._engine.sync_engine, "connect", _prepare_connection)
        self._is_prepared = False

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """A session on a connection of its own, for as long as the block lasts."""
        await self._prepare()
        # One that takes its connections itself gives them back at each commit. Here that would
        # close them, and a task that is cancelled in the middle of it leaves an error in the log.
        async with (
            self._engine.connect() as connection,
            AsyncSession(connection, expire_on_commit=False) as session,
        ):
            yield session

    async def _prepare(self) -> None:
        if not self._is_prepared:
            async with self._engine.begin() as connection:
                for table in Base.metadata.sorted_tables:
                    await connection.execute(CreateTable(table, if_not_exists=True))
            self._is_prepared = True


def _prepare_connection(connection: Any, _record: object) -> None:
    # WAL lets pages read while a task writes.
    for pragma in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


async def open_session(database: Database) -> AsyncIterator[AsyncSession]:
    """The session of one attempt of a task, closed when the attempt is over."""
    async with database.session() as session:
        yield session
