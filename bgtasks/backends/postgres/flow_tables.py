"""What was counted in the tables."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.reader import counts_of
from bgtasks.backends.postgres.statements import STATEMENTS
from bgtasks.core.flows import COARSE, Flows
from bgtasks.models import BackgroundTaskStatus

__all__ = ["FlowTables", "fetch_flows", "fetch_flows_by_type"]

BATCH = 100_000
"""How many rows are gathered in one statement."""


class FlowTables:
    """Keeps few rows of what triggers have counted."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, now: datetime) -> None:
        """Note since when flows are counted, if no process has."""
        await self._database.fetch(STATEMENTS["note_known_since"], now)

    async def gather(self) -> None:
        """Let one row stand for many small ones of the same minute."""
        await self._database.fetch(STATEMENTS["gather_flows"], BATCH)

    async def sum_up(self, first: int, last: int) -> int | None:
        """What ``Backend.sum_up_flows`` does."""
        ends = await self._database.fetch(STATEMENTS["sum_up_flows"], first, last, COARSE)
        return ends[0][0] if ends else None

    async def drop(self, before: int) -> None:
        """Drop what was counted before a minute."""
        await self._database.fetch(STATEMENTS["drop_flows"], before)


async def fetch_flows(
    connection: Any, first: int, step: int, points: int, type_name: str | None
) -> Flows:
    """What was counted from the minute ``first`` on, and how many tasks the open snapshot sees."""
    known_since = await connection.fetchval(STATEMENTS["known_since"])
    found = await connection.fetch(STATEMENTS["flows"], first, step, points, type_name)
    counts = counts_of(await connection.fetch(STATEMENTS["count_tasks"], [True, False]))
    level = dict.fromkeys(BackgroundTaskStatus, 0)
    for (name, status), number in counts.items():
        level[status] += number if type_name in (None, name) else 0
    return Flows(
        known_since,
        level[BackgroundTaskStatus.PENDING],
        level[BackgroundTaskStatus.RUNNING],
        {(point, flow, bucket): number for point, flow, bucket, number in found},
    )


async def fetch_flows_by_type(
    connection: Any, first: int, last: int
) -> Mapping[tuple[str, int, int], int]:
    """What was counted from one minute on and before another, by type, flow and bucket."""
    found = await connection.fetch(STATEMENTS["flows_by_type"], first, last)
    return {(name, flow, bucket): number for name, flow, bucket, number in found}
