"""Opening the file: one owner, a known schema, the durability that is promised."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from bgtasks.backends.embedded.statements import SCHEMA
from bgtasks.errors import BackendBusyError, BackendError, SchemaVersionError

__all__ = [
    "MEMORY",
    "SCHEMA_VERSION",
    "DatabaseFiles",
    "OwnerLock",
    "open_database",
    "open_files",
    "open_untouched",
]

MEMORY = ":memory:"
SCHEMA_VERSION = 1
APPLICATION_ID = 0x62677473
"""``bgts``: says in the file's header whose it is (https://sqlite.org/pragma.html#pragma_application_id)."""


class OwnerLock:
    """Makes one process the owner of a database file, for as long as it lives.

    The lock is SQLite's own, on an empty file beside the database: it works wherever SQLite
    does, and the operating system lets go of it when the process dies, however it dies. It is
    not on the database itself, because there ``locking_mode=EXCLUSIVE`` would also keep out
    this process's own reading connection.
    """

    def __init__(self, path: str) -> None:
        target = os.path.realpath(path)
        try:
            self._connection = sqlite3.connect(
                f"{target}-lock", isolation_level=None, timeout=0, check_same_thread=False
            )
            self._connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            if "locked" in str(error):
                raise BackendBusyError(
                    f"{target} is in use by another process (or another manager of this one). "
                    "An embedded database has one owner: run one process, give each a database "
                    "of its own, or set 'database' to a postgresql:// URL, which many processes "
                    "can share"
                ) from error
            raise BackendError(f"cannot lock {target}: {error}; {_advice(target)}") from error

    def release(self) -> None:
        """Let the next owner have it."""
        self._connection.close()


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
    lock = OwnerLock(path)
    try:
        return DatabaseFiles(lock, open_database(path), open_for_reading(path))
    except BaseException:
        lock.release()
        raise


def open_database(path: str) -> sqlite3.Connection:
    """The writing connection, its schema created or checked.

    WAL with ``synchronous=FULL``: a commit is on the disk when it returns. Raises BackendError
    where the file cannot be written, SchemaVersionError where it is not one of ours.
    """
    if path != MEMORY:
        _check_before_writing(path)
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA journal_size_limit = 67108864")
        if _version(connection) == 0:
            _create_schema(connection)
        connection.execute("BEGIN IMMEDIATE")  # a file that cannot be written says so here
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise BackendError(f"cannot write {path}: {error}; {_advice(path)}") from error
    return connection


def open_for_reading(path: str) -> sqlite3.Connection:
    """A connection of its own for reading, so that a page need not wait for a commit."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA query_only = ON")
    return connection


def open_untouched(path: str) -> sqlite3.Connection:
    """A connection that changes nothing, to a file that has tasks in it and no owner now.

    Raises BackendError where there is none, SchemaVersionError where it is not one of ours.
    """
    file = Path(path).resolve()
    if not file.is_file():
        raise BackendError(f"{path} is no file; expected the SQLite file that an application wrote")
    _check_before_writing(path)
    connection = _open_untouched(file)
    if _version(connection) == 0:
        connection.close()
        raise SchemaVersionError(f"{path} has no tasks in it: it was not written by bgtasks")
    return connection


def _create_schema(connection: sqlite3.Connection) -> None:
    connection.executescript(
        f"BEGIN IMMEDIATE; {SCHEMA}"
        f"PRAGMA application_id = {APPLICATION_ID};"
        f"PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
    )


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _check_before_writing(path: str) -> None:
    """Refuse a file that is not ours, or is newer than we are, without changing a byte of it."""
    file = Path(path)
    if not file.exists() or file.stat().st_size == 0:
        return
    try:
        with closing(_open_untouched(file.resolve())) as connection:
            version = _version(connection)
            owner = connection.execute("PRAGMA application_id").fetchone()[0]
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise SchemaVersionError(
            f"{path} cannot be read as a bgtasks database: {error}. It was left as it is; "
            "set 'database' to another file"
        ) from error
    if owner != APPLICATION_ID and tables:
        raise SchemaVersionError(
            f"{path} belongs to another program (application id {owner:#x}). It was left as it "
            "is; give bgtasks a file of its own"
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
    return sqlite3.connect(f"{file.as_uri()}?{way}", uri=True, timeout=1)


def _advice(path: str) -> str:
    folder = Path(path).resolve().parent
    if not folder.is_dir():
        return f"the folder {folder} does not exist, create it"
    if not os.access(folder, os.W_OK):
        return f"the folder {folder} cannot be written, give this user the right to"
    return "check the rights of the file and the space on its disk"
