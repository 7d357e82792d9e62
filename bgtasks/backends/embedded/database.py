"""Opening the file: one owner, a known schema, the durability that is promised."""

import os
import sqlite3
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

from bgtasks.backends.embedded.migrations import (
    APPLICATION_ID,
    SCHEMA_VERSION,
    migrate,
    version_of,
)
from bgtasks.backends.embedded.owner_lock import OwnerLock, advice
from bgtasks.backends.embedded.private_files import make_private, warn_of_readers
from bgtasks.backends.embedded.refusals import is_locked
from bgtasks.errors import BackendError, SchemaVersionError

__all__ = [
    "MEMORY",
    "DatabaseFiles",
    "check_kept_file",
    "open_database",
    "open_files",
    "open_kept_file",
]

MEMORY = ":memory:"


class DatabaseFiles:
    """An open database: the owner's lock, the connection that writes and the one that reads.

    An in-memory database has only the one that writes.
    """

    def __init__(
        self,
        lock: OwnerLock | None,
        writing: sqlite3.Connection,
        reading: sqlite3.Connection | None,
    ) -> None:
        self.writing = writing
        self.reading = reading
        self._lock = lock

    def close(self) -> None:
        """Close the connection that writes, then let the next owner have the file."""
        self.writing.close()
        if self._lock is not None:
            self._lock.release()


def open_files(path: str) -> DatabaseFiles:
    """Become the owner of a database and open it; raises what ``open_database`` raises, and
    BackendBusyError while another process owns it."""
    if path == MEMORY:
        return DatabaseFiles(None, open_database(path), None)
    with ExitStack() as on_error:
        lock = OwnerLock(path)
        on_error.callback(lock.release)
        writing = open_database(path)
        on_error.callback(writing.close)
        reading = open_for_reading(path)
        on_error.pop_all()
    return DatabaseFiles(lock, writing, reading)


def open_database(path: str) -> sqlite3.Connection:
    """The writing connection, its tables made or brought up to this release's version.

    WAL with ``synchronous=FULL``: a commit is on the disk when it returns. Raises BackendError
    where the file cannot be written, SchemaVersionError where it is not one of ours.
    """
    if path != MEMORY:
        _check_before_writing(path)
        _keep_private(os.path.realpath(path))
    try:
        connection = _connect(path, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise BackendError(f"cannot write {path}: {error}; {advice(path)}") from error
    try:
        _prepare(connection)
    except sqlite3.Error as error:
        connection.close()
        what = "another program has locked it" if is_locked(error) else advice(path)
        raise BackendError(f"cannot write {path}: {error}; {what}") from error
    return connection


def _connect(path: str, **options: Any) -> sqlite3.Connection:
    connection: sqlite3.Connection = sqlite3.connect(path, **options)
    # One damaged text would keep everybody from every row that is read along with it.
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")
    return connection


def _keep_private(path: str) -> None:
    if not Path(path).exists() or Path(path).stat().st_size == 0:
        make_private(path)
    else:
        warn_of_readers(path)


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    migrate(connection)
    connection.execute("BEGIN IMMEDIATE")  # a file that cannot be written says so here
    connection.execute(f"PRAGMA user_version = {version_of(connection)}")
    connection.execute("COMMIT")


def open_for_reading(path: str) -> sqlite3.Connection:
    """A connection of its own for reading, so that a page need not wait for a commit."""
    connection = _connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA query_only = ON")
    return connection


def check_kept_file(path: str) -> None:
    """Raises BackendError where there is no file, SchemaVersionError where it is not one of ours;
    changes nothing."""
    file = Path(path).resolve()
    if not file.is_file():
        raise BackendError(f"{path} is no file; expected the SQLite file that an application wrote")
    _check_before_writing(path)
    with closing(_open_untouched(file)) as connection:
        if version_of(connection) == 0:
            raise SchemaVersionError(f"{path} has no tasks in it: it was not written by bgtasks")


def open_kept_file(path: str) -> sqlite3.Connection:
    """What is in a file that has no owner now, as this release reads it. The file is not changed:
    of one that an older release wrote, a copy without a name is brought up to date."""
    check_kept_file(path)
    connection = _open_untouched(Path(path).resolve())
    if version_of(connection) == SCHEMA_VERSION:
        return connection
    with closing(connection):
        copy = _connect("", isolation_level=None)  # on the disk, gone once it is closed
        try:
            connection.backup(copy)
            migrate(copy)
        except sqlite3.Error as error:
            copy.close()
            raise BackendError(f"{path} cannot be brought up to date: {error}") from error
    return copy


def _check_before_writing(path: str) -> None:
    """Refuse a file that is not ours, or is newer than we are, without changing a byte of it."""
    file = Path(path)
    if not file.exists() or file.stat().st_size == 0:
        return
    try:
        with closing(_open_untouched(file.resolve())) as connection:
            version = version_of(connection)
            owner = connection.execute("PRAGMA application_id").fetchone()[0]
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    except sqlite3.DatabaseError as error:
        if is_locked(error):
            raise BackendError(f"{path} is locked by another program: {error}") from error
        raise SchemaVersionError(
            f"{path} cannot be read as a bgtasks database: {error}. It was left as it is; "
            "set 'database' to another file"
        ) from error
    if owner != APPLICATION_ID and tables:
        raise SchemaVersionError(
            f"{path} belongs to another program (application id {owner:#x}). It was left as it "
            "is; give bgtasks a file of its own"
        )
    if version < 0 or (version == 0 and tables):
        raise SchemaVersionError(
            f"{path} has tables of bgtasks, but schema version {version}, which no release wrote. "
            "It was left as it is; restore it from a backup"
        )
    if version > SCHEMA_VERSION:
        raise SchemaVersionError(
            f"{path} has schema version {version}, this release knows up to {SCHEMA_VERSION}. "
            "It was left as it is; use the newer release of bgtasks that wrote it"
        )


def _open_untouched(file: Path) -> sqlite3.Connection:
    """A connection that only looks. Where nothing waits in the write-ahead log the file alone is
    looked at: reading it together with its log would leave new files beside it."""
    log = Path(f"{file}-wal")
    way = "mode=ro" if log.exists() and log.stat().st_size else "immutable=1"
    return _connect(f"{file.as_uri()}?{way}", uri=True, timeout=1)
