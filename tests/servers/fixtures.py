"""Fixtures: one PostgreSQL for the whole session, and empty databases in it."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.servers.databases import Databases, name_in
from tests.servers.errors import PostgresMissingError
from tests.servers.postgres import PostgresServer, needed

RUNNING_SERVER = "BGTASKS_TEST_POSTGRES"
"""The URL of a server that runs already, as somebody who may create databases."""

NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""Quicker, and as good as long as the machine does not lose its power."""


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """The session's PostgreSQL, the same for every worker of pytest-xdist. Leave it running."""
    running = os.environ.get(RUNNING_SERVER)
    if running:
        yield Databases(running)
        return
    folder, owner = tmp_path_factory.getbasetemp(), os.getpid()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder, owner = folder.parent, os.getppid()
    try:
        with shared_server(folder / "postgres", owner) as server:
            yield server
    except PostgresMissingError as error:
        pytest.skip(str(error))


@pytest.fixture
def empty_database(postgres_server: Databases) -> Iterator[str]:
    """The URL of a database nobody has used."""
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(name_in(url))


@pytest.fixture(scope="session")
def task_template(postgres_server: Databases) -> str:
    """The name of a database with the tables of bgtasks in it, to be copied."""
    url = postgres_server.create_database()
    with ThreadPoolExecutor(1) as thread:  # this one may have a running event loop
        thread.submit(asyncio.run, _upgrade(url)).result()
    return name_in(url)


@pytest.fixture
def task_database(postgres_server: Databases, task_template: str) -> Iterator[str]:
    """The URL of a database with the tables of bgtasks in it, and no task yet."""
    url = postgres_server.create_database(template=task_template)
    yield url
    postgres_server.drop_database(name_in(url))


async def _upgrade(url: str) -> None:
    from bgtasks.backends.postgres.database import Database
    from bgtasks.backends.postgres.migrations import upgrade

    database = Database(url)
    await database.open()
    await upgrade(database)
    await database.close()


def mark_postgres(items: list[pytest.Item]) -> None:
    """Mark what needs PostgreSQL."""
    for item in items:
        if "postgres_server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.postgres)


@contextlib.contextmanager
def shared_server(folder: Path, owner: int) -> Iterator[PostgresServer]:
    """A server that the first user starts and the last one stops.

    Should a user be killed, the server ends with the owner of them all.
    """
    needed("postgres")
    users = folder.with_name(f"{folder.name}.users")
    with alone(users):
        server = PostgresServer(folder, settings=NOT_DURABLE, owner=owner)
        server.start()
        users.write_text(str(count(users) + 1))
    try:
        yield server
    finally:
        with alone(users):
            left = count(users) - 1
            users.write_text(str(left))
            if left == 0:
                server.stop()
                shutil.rmtree(folder)


@contextlib.contextmanager
def alone(file: Path) -> Iterator[None]:
    """Only one process at a time."""
    import fcntl  # not on Windows, where no server is started either

    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def count(users: Path) -> int:
    """How many processes use the server."""
    return int(users.read_text()) if users.exists() else 0
