"""A cluster on a database of the session's server, and a server for whoever stops it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.migrations import upgrade
from tests.acceptance.distributed.cluster import Cluster, running_cluster
from tests.servers.errors import PostgresMissingError
from tests.servers.postgres import PostgresServer


@pytest.fixture
async def cluster(task_database: str, tmp_path: Path) -> AsyncIterator[Cluster]:
    """Two web nodes, two workers, and a client of each web node."""
    async with running_cluster(task_database, tmp_path) as running:
        yield running


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[PostgresServer]:
    """A durable server that may be stopped."""
    server = PostgresServer(tmp_path / "postgres")
    try:
        server.start()
    except PostgresMissingError as error:
        pytest.skip(str(error))
    yield server
    server.stop("immediate")


async def upgraded(server: PostgresServer) -> str:
    """The URL of a new database with the tables of bgtasks in it."""
    url = server.create_database()
    database = Database(url)
    await database.open()
    await upgrade(database)
    await database.close()
    return url
