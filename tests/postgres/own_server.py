"""A server that a test may stop, restart and spoil, which the session's is not for."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.servers.errors import PostgresMissingError
from tests.servers.postgres import PostgresServer

__all__ = ["own_server"]


@pytest.fixture
async def own_server(tmp_path: Path) -> AsyncIterator[PostgresServer]:
    try:
        with PostgresServer(tmp_path / "server", settings={"fsync": "off"}) as server:
            yield server
    except PostgresMissingError as error:
        pytest.skip(str(error))
