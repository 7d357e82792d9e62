"""The caller's own connection, whatever library it comes from."""

import sys
from typing import Any

import asyncpg

from bgtasks.errors import BackendError

__all__ = ["asyncpg_connection"]

ACCEPTED = (
    "accepted: an asyncpg connection, or an SQLAlchemy AsyncConnection or AsyncSession "
    "of a postgresql+asyncpg:// engine"
)


async def asyncpg_connection(connection: Any) -> Any:
    """The asyncpg connection that ``connection`` stands for, its transaction begun.

    Raises BackendError for anything that does not stand for one.
    """
    if isinstance(connection, (asyncpg.Connection, asyncpg.pool.PoolConnectionProxy)):
        return connection
    # Not imported: a caller with a connection of SQLAlchemy has imported it.
    alchemy = sys.modules.get("sqlalchemy.ext.asyncio")
    if alchemy is None:
        raise _refuse(connection)
    if isinstance(connection, alchemy.async_scoped_session):
        connection = connection()
    if isinstance(connection, alchemy.AsyncSession):
        connection = await connection.connection()
    if not isinstance(connection, alchemy.AsyncConnection):
        raise _refuse(connection)
    # SQLAlchemy begins a transaction on the server with the first statement, not before.
    await connection.exec_driver_sql("SELECT 1")
    raw = await connection.get_raw_connection()
    if not isinstance(raw.driver_connection, asyncpg.Connection):
        raise _refuse(raw.driver_connection)
    return raw.driver_connection


def _refuse(connection: Any) -> BackendError:
    kind = type(connection)
    return BackendError(f"connection is a {kind.__module__}.{kind.__qualname__}; {ACCEPTED}")
