"""A ward on a database of the session's server."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.acceptance.chaos.ward import Ward, ward

__all__ = ["ward_here"]


@pytest.fixture(name="ward")
async def ward_here(task_database: str, tmp_path: Path) -> AsyncIterator[Ward]:
    async with ward(task_database, tmp_path) as made:
        yield made
