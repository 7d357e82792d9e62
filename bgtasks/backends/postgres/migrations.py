"""The tables: made and changed by numbered steps, looked at before anything uses them.

``python -m bgtasks database upgrade`` applies what is missing: PgQueuer's own schema first, then
the files ``sql/NNNN_name.sql`` in the order of their numbers, each in a transaction. A line
``-- Compatible from: N`` in each says which oldest version of this code can work with what the step
makes, so that two releases run side by side while a new one is rolled out.
"""

import logging
import re
from collections.abc import Sequence
from typing import Any

import asyncpg

from bgtasks.backends.postgres import engine
from bgtasks.backends.postgres.database import Database
from bgtasks.backends.statements import Migration, load_migrations
from bgtasks.errors import BackendError, SchemaVersionError

__all__ = ["VERSION", "check", "upgrade"]

logger: logging.Logger = logging.getLogger(__name__)

_PACKAGE = "bgtasks.backends.postgres"
_LOCK = 0x6267746B  # any number that nobody else uses: "bgtk"

MIGRATIONS = load_migrations(_PACKAGE)
VERSION = MIGRATIONS[-1].number
"""The version of the tables that this code was written for."""

COMMAND = "python -m bgtasks database upgrade MODULE:CONTAINER"


async def upgrade(database: Database, migrations: Sequence[Migration] = MIGRATIONS) -> list[str]:
    """Bring the tables of an open database up to this version; what was done, in words.

    Any number of processes may do so at once: they wait for each other. Raises
    SchemaVersionError where a newer release has been here, BackendError where a statement fails.
    """
    connection = await database.connect()
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK, timeout=None)
        return await _upgrade(connection, database.name, migrations)
    except asyncpg.PostgresError as error:
        raise BackendError(f"{database.name} cannot be upgraded: {error}") from error
    finally:
        await connection.close()  # which lets go of the lock


async def check(database: Database) -> None:
    """Whether this release can work with the tables as they are. Raises SchemaVersionError, which
    names the command to run, or the releases that are at odds."""
    async with database.connection() as connection:
        version, compatible_from = await _installed(connection)
        _refuse_newer(database.name, version, compatible_from)
        if version < VERSION:
            state = "has no tables of bgtasks" if version == 0 else f"has version {version} of them"
            raise SchemaVersionError(
                f"the database {database.name} {state}, this release needs version {VERSION}; "
                f"run: {COMMAND}"
            )
        await _warn_of_open_schemas(connection, database.name)
        if lacks := await engine.check(connection):
            raise SchemaVersionError(
                f"PgQueuer's tables in {database.name} are not those of this release ({lacks}); "
                f"run: {COMMAND}"
            )


async def _warn_of_open_schemas(connection: Any, name: str) -> None:
    """PostgreSQL prefers a function whose arguments fit exactly, from any schema of the search
    path. Our statements name their schema; PgQueuer's do not."""
    for row in await connection.fetch(
        "SELECT pg_catalog.quote_ident(nspname) FROM pg_catalog.pg_namespace "
        "WHERE nspname = ANY (pg_catalog.current_schemas(false)) "
        "AND pg_catalog.has_schema_privilege('public', oid, 'CREATE')"
    ):
        logger.warning(
            "every role of %s may create functions in the schema %s, which statements of this "
            "process can take for built-in ones; run: REVOKE CREATE ON SCHEMA %s FROM PUBLIC",
            name,
            row[0],
            row[0],
        )


async def _upgrade(
    connection: "asyncpg.Connection[Any]", name: str, migrations: Sequence[Migration]
) -> list[str]:
    version, compatible_from = await _installed(connection)
    _refuse_newer(name, version, compatible_from)
    done = await engine.upgrade(connection)
    for migration in migrations:
        if migration.number > version:
            async with connection.transaction():
                await connection.execute(migration.sql, timeout=None)
                await connection.execute(
                    "INSERT INTO bgtasks_migrations (version, name, compatible_from) "
                    "VALUES ($1, $2, $3)",
                    migration.number,
                    migration.name,
                    _compatible_from(migration),
                )
            done.append(f"bgtasks {migration.number}: {migration.name}")
    return done


def _compatible_from(migration: Migration) -> int:
    found = re.search(r"^-- Compatible from: (\d+)$", migration.sql, re.MULTILINE)
    if found is None:
        raise BackendError(
            f"the step {migration.number:04}_{migration.name}.sql has no line "
            "'-- Compatible from: N', with the oldest version of bgtasks' tables whose code can "
            "work with what the step makes; add the line"
        )
    return int(found[1])


async def _installed(connection: "asyncpg.Connection[Any]") -> tuple[int, int]:
    """The version of the tables, and the oldest code that can use them; zeros before the first."""
    if await connection.fetchval("SELECT to_regclass('bgtasks_migrations')") is None:
        return 0, 0
    row = await connection.fetchrow(
        "SELECT version, compatible_from FROM bgtasks_migrations ORDER BY version DESC LIMIT 1"
    )
    return (row[0], row[1]) if row else (0, 0)


def _refuse_newer(name: str, version: int, compatible_from: int) -> None:
    if compatible_from > VERSION:
        raise SchemaVersionError(
            f"the tables in {name} are version {version}, written by a newer release of bgtasks "
            f"that older ones than its version {compatible_from} cannot share; this release "
            f"knows version {VERSION}: upgrade bgtasks-di here too"
        )
