"""Errors that the server itself raises, of whichever SQLSTATE: by triggers, and by what an
administrator may do to a database."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import asyncpg

__all__ = ["CODES", "OWN_TROUBLES", "TROUBLES", "UNKNOWN_FATE", "Trouble", "made_roles", "refusing"]

CODES: Mapping[str, str] = {
    "08006": "connection failure",
    "0A000": "feature not supported",
    "25006": "read only transaction",
    "26000": "unknown prepared statement",
    "28000": "login refused",
    "2BP01": "objects depend on it",
    "38000": "external routine",
    "3D000": "database is missing",
    "3F000": "schema is missing",
    "40001": "serialization failure",
    "40P01": "deadlock",
    "42501": "right revoked",
    "42P01": "table is missing",
    "53100": "disk full",
    "53300": "too many connections",
    "54000": "notification queue full",
    "55P03": "lock not available",
    "57014": "cancelled by statement_timeout",
    "57P01": "shut down by the administrator",
    "58030": "I/O error",
    "F0000": "configuration file error",
    "HV000": "foreign data error",
    "P0001": "raised by a trigger",
    "XX001": "data corrupted",
}
"""What a server may say, for a time, of a statement that is right: each class, and some twice."""

UNKNOWN_FATE = ["08007", "40003", "57P01"]
"""What a server may say of a statement or a COMMIT that it has carried out."""

REFUSING = """
CREATE TABLE wrong (role text PRIMARY KEY, code text);
CREATE SEQUENCE refusals;
CREATE FUNCTION refuse() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql AS $$
DECLARE
    what text := (SELECT code FROM wrong WHERE role = session_user);
BEGIN
    IF what IS NOT NULL THEN
        PERFORM nextval('refusals');
        RAISE EXCEPTION 'made by the test' USING ERRCODE = what;
    END IF;
    RETURN NULL;
END $$;
"""

AT_STATEMENT = """
CREATE TRIGGER refuse AFTER INSERT OR UPDATE OR DELETE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION refuse()
"""

AT_COMMIT = """
CREATE CONSTRAINT TRIGGER refuse AFTER INSERT OR UPDATE OR DELETE ON {table}
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()
"""

Trouble = Callable[["asyncpg.Connection[Any]", str], AbstractAsyncContextManager[None]]
"""Made with a superuser's connection to the database and the name of the role that suffers; ends
what is wrong when it is left."""


@asynccontextmanager
async def refusing(
    connection: "asyncpg.Connection[Any]",
    codes: Mapping[str, str],
    table: str = "bgtasks_tasks",
    *,
    at_commit: bool = False,
) -> AsyncIterator[None]:
    """Every change to ``table`` by one of these roles fails with its code: the statement does, or
    its COMMIT."""
    await connection.execute(REFUSING)
    await connection.executemany("INSERT INTO wrong VALUES ($1, $2)", list(codes.items()))
    await connection.execute((AT_COMMIT if at_commit else AT_STATEMENT).format(table=table))
    try:
        yield
    finally:
        await connection.execute("DELETE FROM wrong")


@asynccontextmanager
async def made_roles(
    connection: "asyncpg.Connection[Any]", count: int
) -> AsyncIterator[Sequence[str]]:
    """Roles that may do what an application needs to. They are the server's, so they are gone
    afterwards."""
    database = await connection.fetchval("SELECT current_database()")
    roles = [f"{database}_{number}" for number in range(count)]
    for role in roles:
        await connection.execute(
            f"""
            CREATE ROLE {role} LOGIN;
            GRANT ALL ON ALL TABLES IN SCHEMA public TO {role};
            GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role};
            """
        )
    try:
        yield roles
    finally:
        await terminate(connection, *roles)
        for role in roles:
            await connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


def undone_by(do: str, undo: str, *, reconnect: bool = False) -> Trouble:
    """Two commands. ``reconnect``: connections that are open do not feel it."""

    @asynccontextmanager
    async def trouble(connection: "asyncpg.Connection[Any]", role: str) -> AsyncIterator[None]:
        names = {"role": role, "database": await connection.fetchval("SELECT current_database()")}
        await connection.execute(do.format(**names))
        if reconnect:
            await terminate(connection, role)
        try:
            yield
        finally:
            await connection.execute(undo.format(**names))
            if reconnect:
                await terminate(connection, role)

    return trouble


async def terminate(connection: "asyncpg.Connection[Any]", *roles: str) -> None:
    """As an administrator does (57P01)."""
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ANY ($1)", roles
    )


def locked(setting: str) -> Trouble:
    """The table is locked, and whoever waits for it longer than this setting says is refused."""

    @asynccontextmanager
    async def trouble(connection: "asyncpg.Connection[Any]", role: str) -> AsyncIterator[None]:
        await connection.execute(f"ALTER ROLE {role} SET {setting} = '50ms'")
        await terminate(connection, role)
        async with connection.transaction():
            await connection.execute("LOCK TABLE bgtasks_tasks IN ACCESS EXCLUSIVE MODE")
            yield
        await connection.execute(f"ALTER ROLE {role} RESET {setting}")
        await terminate(connection, role)

    return trouble


@asynccontextmanager
async def terminated(connection: "asyncpg.Connection[Any]", role: str) -> AsyncIterator[None]:
    """Again and again, as long as it lasts."""

    async def again() -> None:
        while True:
            await terminate(connection, role)
            await asyncio.sleep(0.05)

    going_on = asyncio.create_task(again())
    try:
        yield
    finally:
        going_on.cancel()
        await asyncio.gather(going_on, return_exceptions=True)


OWN_TROUBLES: Mapping[str, Trouble] = {
    "right revoked (42501)": undone_by(
        "REVOKE UPDATE ON bgtasks_tasks FROM {role}", "GRANT UPDATE ON bgtasks_tasks TO {role}"
    ),
    "right on the queue revoked (42501)": undone_by(
        "REVOKE ALL ON bgtasks_pgqueuer FROM {role}", "GRANT ALL ON bgtasks_pgqueuer TO {role}"
    ),
    "login refused (28000)": undone_by(
        "ALTER ROLE {role} NOLOGIN", "ALTER ROLE {role} LOGIN", reconnect=True
    ),
    "read only (25006)": undone_by(
        "ALTER ROLE {role} SET default_transaction_read_only = on",
        "ALTER ROLE {role} RESET default_transaction_read_only",
        reconnect=True,
    ),
    "no connections left (53300)": undone_by(
        "ALTER ROLE {role} CONNECTION LIMIT 0",
        "ALTER ROLE {role} CONNECTION LIMIT -1",
        reconnect=True,
    ),
    "schema not found (42P01)": undone_by(
        "ALTER ROLE {role} SET search_path = nowhere",
        "ALTER ROLE {role} RESET search_path",
        reconnect=True,
    ),
    "terminated (57P01)": terminated,
}
"""What one role suffers alone."""

TROUBLES: Mapping[str, Trouble] = {
    "table renamed (42P01)": undone_by(
        "ALTER TABLE bgtasks_tasks RENAME TO away", "ALTER TABLE away RENAME TO bgtasks_tasks"
    ),
    "queue renamed (42P01)": undone_by(
        "ALTER TABLE bgtasks_pgqueuer RENAME TO away", "ALTER TABLE away RENAME TO bgtasks_pgqueuer"
    ),
    "column renamed (42703)": undone_by(
        "ALTER TABLE bgtasks_tasks RENAME payload TO away",
        "ALTER TABLE bgtasks_tasks RENAME away TO payload",
    ),
    "database takes nobody (55000)": undone_by(
        # The command itself refuses this for the database that it is given in.
        "UPDATE pg_database SET datallowconn = false WHERE datname = '{database}'",
        "UPDATE pg_database SET datallowconn = true WHERE datname = '{database}'",
        reconnect=True,
    ),
    "lock_timeout (55P03)": locked("lock_timeout"),
    "statement_timeout (57014)": locked("statement_timeout"),
}
"""What everybody suffers."""
