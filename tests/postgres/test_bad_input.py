"""A server, a database or an URL that cannot be used is refused in words, with the way out."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import pytest

import bgtasks
from bgtasks import BackendError, SchemaVersionError, SettingsError
from bgtasks.backends.postgres.backend import PostgresBackend
from bgtasks.backends.postgres.database import Database, ServerBounds
from bgtasks.backends.postgres.migrations import COMMAND, VERSION, upgrade
from bgtasks.clock import SystemClock
from bgtasks.testing.conformance_types import make_registry
from tests.servers.databases import Databases, name_in
from tests.servers.ports import LOOPBACK, free_port
from tests.servers.postgres import PostgresServer

from .own_server import own_server

__all__ = ["own_server"]


def backend(url: str, bounds: ServerBounds | None = None) -> PostgresBackend:
    return PostgresBackend(url, make_registry(), SystemClock(), bounds=bounds)


async def _upgrade(tables: Database) -> list[str]:
    await tables.open()
    try:
        return await upgrade(tables)
    finally:
        await tables.close()


async def refused(url: str, error: type[Exception], words: str) -> str:
    """Neither a start nor an upgrade works, and both say so; what the start says."""
    made = backend(url)
    with pytest.raises(error, match=words) as start:
        await made.start()
    assert made.trouble() is None
    await made.stop()
    tables = Database(url)
    with pytest.raises(error, match=words):
        await _upgrade(tables)
    return str(start.value)


async def test_a_server_that_cannot_be_reached() -> None:
    port = free_port()
    said = await refused(
        f"postgresql://ann:secret@{LOOPBACK}:{port}/tasks",
        BackendError,
        f"cannot connect to PostgreSQL at {LOOPBACK}:{port}/tasks.*check the setting 'database'",
    )
    assert "secret" not in said


async def test_a_server_that_says_nothing() -> None:
    writers: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(lambda _, writer: writers.append(writer), LOOPBACK, 0)
    port = silent.sockets[0].getsockname()[1]
    with pytest.raises(BackendError, match=f"cannot connect to PostgreSQL at {LOOPBACK}:{port}"):
        await backend(
            f"postgresql://ann@{LOOPBACK}:{port}/tasks", ServerBounds(connect=0.1)
        ).start()
    for writer in writers:
        writer.transport.abort()
    silent.close()


async def test_a_database_that_is_not_there(postgres_server: Databases) -> None:
    await refused(postgres_server.url("nowhere"), BackendError, '"nowhere" does not exist')


async def test_a_role_that_is_not_there(task_database: str) -> None:
    url = task_database.replace("postgres@", "nobody_knows@")
    await refused(url, BackendError, '"nobody_knows" does not exist')


@pytest.mark.postgres
async def test_a_wrong_password_is_refused_and_told_to_nobody(own_server: PostgresServer) -> None:
    own_server.execute("CREATE ROLE ann LOGIN PASSWORD 'right'")
    (own_server.data / "pg_hba.conf").write_text("host all all all scram-sha-256\n")
    own_server.stop()
    own_server.start()
    url = own_server.url().replace("postgres@", "ann:wr0ng@")
    said = await refused(url, BackendError, "password authentication failed")
    assert "wr0ng" not in said


async def test_a_role_that_may_not_read_the_tables(
    postgres_server: Databases, task_database: str
) -> None:
    name = f"reader_{name_in(task_database)}"
    postgres_server.execute(f"CREATE ROLE {name} LOGIN")
    with pytest.raises(BackendError, match="permission denied"):
        await backend(task_database.replace("postgres@", f"{name}@")).start()
    postgres_server.execute(f"DROP ROLE {name}")


async def test_a_server_that_is_too_old(
    task_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = asyncpg.types.ServerVersion(13, 14, 0, "final", 0)
    # Stands for an old server.
    monkeypatch.setattr(asyncpg.Connection, "get_server_version", lambda _: old)
    await refused(task_database, BackendError, r"PostgreSQL 13\.14; bgtasks needs 14 or later")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann@host:port/tasks",
        "postgresql://ann@[::1/tasks",
        "postgresql://ann@localhost/tasks?sslmode=perhaps",
        "postgresql://ann@localhost:99999/tasks",
    ],
)
async def test_an_url_that_is_none(url: str) -> None:
    await refused(url, SettingsError, "setting 'database'.*accepted: postgresql://")


async def test_a_database_without_tables_names_the_command(empty_database: str) -> None:
    assert COMMAND == "python -m bgtasks database upgrade MODULE:CONTAINER"
    with pytest.raises(SchemaVersionError, match=f"has no tables of bgtasks.*run: {COMMAND}"):
        await backend(empty_database).start()


async def test_tables_of_an_earlier_version_name_the_command(task_database: str, sql: Any) -> None:
    await sql.execute("DELETE FROM bgtasks_migrations")
    with pytest.raises(SchemaVersionError, match=f"run: {COMMAND}"):
        await backend(task_database).start()


NEWER = "INSERT INTO bgtasks_migrations (version, name, compatible_from) VALUES ($1, 'new', $2)"


async def test_tables_of_a_newer_release_are_refused(task_database: str, sql: Any) -> None:
    await sql.execute(NEWER, VERSION + 1, VERSION + 1)
    await refused(task_database, SchemaVersionError, "newer release.*upgrade bgtasks-di here too")
    assert await sql.fetchval("SELECT max(version) FROM bgtasks_migrations") == VERSION + 1


async def test_tables_of_a_newer_release_that_suit_this_one_are_accepted(
    task_database: str, sql: Any
) -> None:
    await sql.execute(NEWER, VERSION + 1, VERSION)
    made = backend(task_database)
    await made.start()
    await made.stop()


@pytest.mark.parametrize(
    "spoil",
    [
        "ALTER TABLE bgtasks_pgqueuer DROP COLUMN headers",
        "DROP TABLE bgtasks_pgqueuer_log",
        "DROP INDEX bgtasks_pgqueuer_picked_slot_idx",
    ],
)
async def test_tables_of_another_pgqueuer_are_refused_until_the_upgrade(
    task_database: str, sql: Any, spoil: str
) -> None:
    await sql.execute(spoil)
    with pytest.raises(SchemaVersionError, match=f"PgQueuer's tables .*run: {COMMAND}"):
        await backend(task_database).start()
    assert await _upgrade(Database(task_database))
    made = backend(task_database)
    await made.start()
    await made.stop()


async def test_a_start_that_was_refused_can_be_repeated(empty_database: str) -> None:
    made = backend(empty_database)
    with pytest.raises(SchemaVersionError):
        await made.start()
    await _upgrade(Database(empty_database))
    await made.start()
    await made.stop()


async def test_what_is_asked_of_a_backend_that_is_not_open(task_database: str) -> None:
    made = backend(task_database)
    for ask in (made.get(bgtasks.ids.uuid7()), made.processes(), made.serve(object())):  # type: ignore[arg-type]
        with pytest.raises(BackendError, match="is not open"):
            await ask


WITHOUT = """
import sys
for name in {missing!r}:
    sys.modules[name] = None
import bgtasks
from dependency_injector import providers
from bgtasks import BackgroundTasksContainer, background_task
from bgtasks.testing.conformance_types import QuickTask
container = BackgroundTasksContainer(
    tasks=providers.List(background_task(QuickTask, providers.Object(None)))
)
container.config.from_dict({{"database": "postgresql://localhost/tasks"}})
try:
    container.backend()
except bgtasks.SettingsError as error:
    print(error)
"""


@pytest.mark.parametrize("missing", [["asyncpg"], ["pgqueuer"], ["asyncpg", "pgqueuer"]])
def test_a_missing_extra_is_named(missing: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(missing=missing)],
        cwd=Path(bgtasks.__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "pip install 'bgtasks-di[postgres]'" in done.stdout
    assert missing[0] in done.stdout


async def test_a_password_with_odd_characters_is_not_taken_for_something_else(
    task_database: str,
) -> None:
    made = backend(task_database.replace("postgres@", f"postgres:{quote('p@:/?#%', safe='')}@"))
    await made.start()
    await made.stop()
