"""Looking at the tasks in the tables."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from bgtasks.backends.postgres import failure_reader, reader
from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.flow_tables import fetch_flows, fetch_flows_by_type
from bgtasks.backends.postgres.overview_reader import fetch_overview
from bgtasks.backends.task_reads import TaskReads
from bgtasks.core.facets import FacetQuery, FacetValue, FailedTasks
from bgtasks.core.flows import Flows
from bgtasks.core.overview import Overview
from bgtasks.core.record import Accepted, Counts, OwnerCounts, TaskPage, TaskQuery, TaskRecord
from bgtasks.core.task_types import TypeRecord
from bgtasks.models import Attempt, FailureGroup

__all__ = ["TableReads"]


class TableReads(TaskReads):
    """Each question takes a connection from the pool for a moment."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, task_id: UUID) -> TaskRecord | None:
        async with self._reading() as connection:
            return await reader.fetch_task(connection, task_id)

    async def show(self, task_ids: Sequence[UUID], *, payloads: bool) -> Sequence[TaskRecord]:
        async with self._reading() as connection:
            return await reader.fetch_shown(connection, task_ids, payloads=payloads)

    async def page(self, query: TaskQuery) -> TaskPage:
        async with self._reading() as connection:
            return await reader.fetch_page(connection, query)

    async def count(self, query: TaskQuery) -> Counts:
        async with self._reading() as connection:
            return await reader.count(connection, query)

    async def count_window(self, query: TaskQuery) -> tuple[Counts, int | None]:
        async with self._reading() as connection:
            return await reader.count_window(connection, query)

    async def count_owners(self, query: TaskQuery) -> tuple[OwnerCounts, int | None]:
        async with self._reading() as connection:
            return await reader.count_owners(connection, query)

    async def accepted_before(self, sequence: int) -> Accepted | None:
        async with self._reading() as connection:
            return await reader.accepted_before(connection, sequence)

    async def attempts(self, task_id: UUID) -> Sequence[Attempt]:
        async with self._reading() as connection:
            return await reader.fetch_attempts(connection, task_id)

    async def failure_groups(
        self, start: datetime, end: datetime, types: Sequence[str]
    ) -> Sequence[FailureGroup]:
        async with self._reading() as connection:
            return await failure_reader.fetch_failure_groups(connection, start, end, types)

    async def failed_tasks(self, wanted: FacetQuery) -> FailedTasks:
        async with self._reading() as connection:
            return await failure_reader.fetch_failed_tasks(connection, wanted)

    async def ended_tasks(self, wanted: FacetQuery, most: int) -> Sequence[int]:
        async with self._reading() as connection:
            return await failure_reader.fetch_ended_tasks(connection, wanted, most)

    async def facet_values(
        self, wanted: FacetQuery, sequences: Sequence[int], keys: Sequence[str | None] | None
    ) -> Sequence[FacetValue]:
        async with self._reading() as connection:
            return await failure_reader.fetch_facet_values(connection, wanted, sequences, keys)

    async def overview(self, now: datetime) -> Overview:
        async with self._looking() as connection:
            return await fetch_overview(connection, now)

    async def flows(self, first: int, step: int, points: int, type_name: str | None) -> Flows:
        async with self._looking() as connection:
            return await fetch_flows(connection, first, step, points, type_name)

    async def flows_by_type(self, first: int, last: int) -> Mapping[tuple[str, int, int], int]:
        async with self._reading() as connection:
            return await fetch_flows_by_type(connection, first, last)

    async def types(self, names: Sequence[str] | None) -> Sequence[TypeRecord]:
        async with self._reading() as connection:
            return await reader.fetch_types(connection, names)

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator["asyncpg.Connection[Any]"]:
        with self._database.asking("read"):
            async with self._database.connection() as connection:
                yield connection

    @asynccontextmanager
    async def _looking(self) -> AsyncIterator["asyncpg.Connection[Any]"]:
        """To ask more than one question of the same moment."""
        with self._database.asking("read"):
            async with self._database.snapshot() as connection:
                yield connection
