"""The application's own database: SQLAlchemy on aiosqlite, in a file of its own.

It has nothing to do with the file in which bgtasks keeps the tasks.
"""

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import frozen
from sqlalchemy import BigInteger, LargeBinary, String, delete, event, func, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateTable


class Base(DeclarativeBase):
    """The tables of this application."""


class MediaFile(Base):
    """One file of the library, readable or not."""

    __tablename__ = "media_files"

    id: Mapped[int] = mapped_column(primary_key=True)
    # A file name is bytes, and not always text: the bytes identify, `path` is for people.
    location: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    path: Mapped[str] = mapped_column(String)
    size: Mapped[int] = mapped_column(BigInteger)
    modified_ns: Mapped[int] = mapped_column(BigInteger)
    scanned_at: Mapped[datetime]
    kind: Mapped[str]
    format: Mapped[str | None] = mapped_column(default=None)
    title: Mapped[str | None] = mapped_column(default=None)
    artist: Mapped[str | None] = mapped_column(default=None)
    album: Mapped[str | None] = mapped_column(default=None)
    duration_seconds: Mapped[float | None] = mapped_column(default=None)
    width: Mapped[int | None] = mapped_column(default=None)
    height: Mapped[int | None] = mapped_column(default=None)
    taken_at: Mapped[datetime | None] = mapped_column(default=None)
    camera: Mapped[str | None] = mapped_column(default=None)
    error: Mapped[str | None] = mapped_column(default=None)


class Database:
    """Opens sessions."""

    def __init__(self, url: str) -> None:
        # No connection outlives its session, so that a process that ends has none to close.
        self._engine = create_async_engine(url, poolclass=NullPool)
        event.listen(self._engine.sync_engine, "connect", _prepare_connection)
        self._is_prepared = False

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """A session on a connection of its own."""
        # One that takes its connections itself gives them back at each commit. Here that would
        # close them, and a task that is cancelled in the middle of it leaves an error in the log.
        async with (
            self._engine.connect() as connection,
            AsyncSession(connection, expire_on_commit=False) as session,
        ):
            yield session

    async def prepare(self) -> None:
        """Creates the tables, unless they are there. Several processes may do so at once."""
        if not self._is_prepared:
            async with self._engine.begin() as connection:
                for table in Base.metadata.sorted_tables:
                    await connection.execute(CreateTable(table, if_not_exists=True))
            self._is_prepared = True

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """For as long as the application runs."""
        await self.prepare()
        yield


def _prepare_connection(connection: Any, _record: object) -> None:
    # WAL lets the page read while a scan writes.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {pragma}")


async def open_session(database: Database) -> AsyncIterator[AsyncSession]:
    """One session, closed at the end of the scope that asked for it."""
    await database.prepare()  # a worker process may be the first to need it
    async with database.session() as session:
        yield session


def location_of(path: Path) -> bytes:
    """The bytes by which the system knows this path."""
    return os.fsencode(path)


def path_text(path: Path) -> str:
    r"""The path for people: what is no UTF-8 in it shows as ``\xe9``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


@frozen
class KnownFile:
    """What is kept of a file to tell whether it was touched since."""

    size: int
    modified_ns: int
    duration_seconds: float

    def same_as(self, status: os.stat_result) -> bool:
        return (self.size, self.modified_ns) == (status.st_size, status.st_mtime_ns)


async def known_files(session: AsyncSession, folder: Path) -> dict[bytes, KnownFile]:
    """What the library has below ``folder``."""
    inside = location_of(folder).rstrip(b"/\\") + os.fsencode(os.sep)
    # Everything that begins with `inside`, as a range: so the index on `location` serves it.
    after = inside[:-1] + bytes([inside[-1] + 1])
    columns = MediaFile.location, MediaFile.size, MediaFile.modified_ns, MediaFile.duration_seconds
    rows = await session.execute(
        select(*columns).where(MediaFile.location >= inside, MediaFile.location < after)
    )
    return {
        row.location: KnownFile(row.size, row.modified_ns, row.duration_seconds or 0.0)
        for row in rows
    }


async def save_files(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add these files, or replace what is known of them."""
    if not rows:
        return
    statement = insert(MediaFile)
    replaced = {
        column.name: statement.excluded[column.name]
        for column in MediaFile.__table__.columns
        if column.name not in ("id", "location")
    }
    statement = statement.on_conflict_do_update(index_elements=[MediaFile.location], set_=replaced)
    await session.execute(statement, list(rows))
    await session.commit()


async def forget_files(session: AsyncSession, locations: Sequence[bytes]) -> None:
    """Drop files that are no longer there."""
    for start in range(0, len(locations), 500):
        part = locations[start : start + 500]
        await session.execute(delete(MediaFile).where(MediaFile.location.in_(part)))
    await session.commit()


@frozen
class LibraryPage:
    """Some files of the library, the latest scanned first, and how many there are in all."""

    files: Sequence[MediaFile]
    total: int
    duration_seconds: float
    bytes: int


async def library_page(session: AsyncSession, limit: int) -> LibraryPage:
    """The ``limit`` files that were scanned last."""
    files = await session.scalars(
        select(MediaFile).order_by(MediaFile.scanned_at.desc(), MediaFile.id.desc()).limit(limit)
    )
    totals = await session.execute(
        select(
            func.count(MediaFile.id),
            func.total(MediaFile.duration_seconds),
            func.coalesce(func.sum(MediaFile.size), 0),
        )
    )
    count, seconds, size = totals.one()
    return LibraryPage(files.all(), count, seconds, size)


def now() -> datetime:
    """The present time as the database keeps it: UTC, without saying so."""
    return datetime.now(UTC).replace(tzinfo=None)
