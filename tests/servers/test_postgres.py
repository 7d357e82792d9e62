"""The real PostgreSQL the other tests rely on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import pytest

from tests.servers.databases import Databases, connected, name_in
from tests.servers.errors import PostgresMissingError, ServerStartError, SqlError
from tests.servers.fixtures import NOT_DURABLE
from tests.servers.postgres import PostgresServer, StopMode, needed

try:
    needed("postgres")
    missing = ""
except PostgresMissingError as error:
    missing = str(error)

pytestmark = [pytest.mark.postgres, pytest.mark.skipif(bool(missing), reason=missing or "there")]

PATIENCE = 30.0

OWNER = """
import sys, time
from pathlib import Path
from tests.servers.postgres import PostgresServer
server = PostgresServer(Path(sys.argv[1]))
server.start()
print(server.pid, flush=True)
time.sleep(600)
"""


def gone(pid: int) -> bool:
    """Whether the process ends while somebody is patient."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_stopped_and_started_again_it_has_the_same_address_and_data(
    tmp_path: Path, mode: StopMode
) -> None:
    server = PostgresServer(tmp_path / "server")
    server.start()
    try:
        url = server.create_database("kept")
        async with connected(url) as connection:
            await connection.execute("CREATE TABLE words (word text)")
            await connection.execute("INSERT INTO words VALUES ('kept')")
            server.stop(mode)  # with somebody connected
        assert server.pid is None
        with pytest.raises(OSError, match="onnect"):
            await asyncpg.connect(url)

        server.start()
        assert server.url("kept") == url
        async with connected(url) as connection:
            assert await connection.fetchval("SELECT word FROM words") == "kept"
            assert await connection.fetchval("SHOW fsync") == "on"
    finally:
        server.stop()


async def test_two_databases_know_nothing_of_each_other(
    postgres_server: Databases, empty_database: str
) -> None:
    other = postgres_server.create_database()
    async with connected(empty_database) as one, connected(other) as two:
        await one.execute("CREATE TABLE things ()")
        assert await one.fetchval("SELECT to_regclass('things')") == "things"
        assert await two.fetchval("SELECT to_regclass('things')") is None
        postgres_server.drop_database(name_in(other))  # with somebody connected
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(other)


async def test_a_database_made_from_a_template_has_its_tables(
    postgres_server: Databases, empty_database: str
) -> None:
    postgres_server.execute("CREATE TABLE things ()", name_in(empty_database))
    copy = postgres_server.create_database(template=name_in(empty_database))
    async with connected(copy) as connection:
        assert await connection.fetchval("SELECT to_regclass('things')") == "things"
    postgres_server.drop_database(name_in(copy))


async def test_without_psql_statements_go_through_asyncpg(
    postgres_server: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Stands for a machine without psql.
    monkeypatch.setattr("tests.servers.databases.binary", lambda _name: None)
    name = name_in(postgres_server.create_database())
    with pytest.raises(SqlError, match="already exists"):
        postgres_server.create_database(name)
    postgres_server.drop_database(name)


def test_a_second_object_finds_and_stops_the_server_of_the_first(tmp_path: Path) -> None:
    first = PostgresServer(tmp_path, settings=NOT_DURABLE)
    first.start()
    second = PostgresServer(tmp_path, settings=NOT_DURABLE)
    second.start()
    assert (second.pid, second.url()) == (first.pid, first.url())
    second.stop()
    assert first.pid is None
    with first:
        second.stop("immediate")
    assert second.pid is None


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path, settings={"shared_buffers": "many"})
    with pytest.raises(ServerStartError, match="shared_buffers"):
        server.start()


def test_the_server_goes_when_its_owner_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", OWNER, os.fspath(tmp_path / "server")]
    environment = {**os.environ, "PYTHONPATH": os.fspath(Path(__file__).parents[2])}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        server = int(owner.stdout.readline())
        os.kill(server, 0)
        owner.kill()
    assert gone(server)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux promises it")
def test_the_server_goes_when_its_guardian_is_killed(tmp_path: Path) -> None:
    with PostgresServer(tmp_path, settings=NOT_DURABLE) as server:
        pid = server.pid
        assert pid is not None
        os.kill(server.guardian_pid, signal.SIGKILL)
        assert gone(pid)
