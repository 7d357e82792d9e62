"""The tables of a file: made and changed by numbered steps, the files ``sql/NNNN_name.sql``.

Each step is one transaction, and so is the number of the version that it leads to: a process that
is killed at any moment leaves a file of the old version or of the new one. A file that a newer
release has changed is refused before this, so a step may be anything that SQLite can do in a
transaction.
"""

import logging
import sqlite3
from collections.abc import Sequence

from bgtasks.backends.statements import Migration, load_migrations

__all__ = ["APPLICATION_ID", "MIGRATIONS", "SCHEMA_VERSION", "migrate", "version_of"]

logger: logging.Logger = logging.getLogger(__name__)

MIGRATIONS = load_migrations("bgtasks.backends.embedded")

SCHEMA_VERSION = MIGRATIONS[-1].number
"""The version of the tables that this code was written for."""

APPLICATION_ID = 0x62677473
"""``bgts``: says in the file's header whose it is (https://sqlite.org/pragma.html#pragma_application_id)."""


def version_of(connection: sqlite3.Connection) -> int:
    """The number of the last step that was applied; 0 for an empty file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Apply the steps that are missing. Raises ``sqlite3.Error`` where one fails, which then has
    changed nothing."""
    before = version_of(connection)
    for migration in migrations:
        if migration.number > before:
            _apply(connection, migration)
            if before:
                logger.info("the task database has schema version %d now", migration.number)


def _apply(connection: sqlite3.Connection, migration: Migration) -> None:
    try:
        connection.executescript(
            f"BEGIN IMMEDIATE;\n{migration.sql}\n;"
            f"PRAGMA application_id = {APPLICATION_ID};"
            f"PRAGMA user_version = {migration.number};"
            "COMMIT;"
        )
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
