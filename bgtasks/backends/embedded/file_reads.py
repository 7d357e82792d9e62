"""Looking at the tasks in the file."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar
from uuid import UUID

from bgtasks.backends.embedded import failure_reader, page_reader, reader
from bgtasks.backends.embedded.flow_reader import fetch_flows, fetch_flows_by_type
from bgtasks.backends.embedded.overview_reader import fetch_overview
from bgtasks.backends.embedded.reading import Reading
from bgtasks.backends.embedded.store_health import StoreHealth
from bgtasks.backends.embedded.tally import Tally
from bgtasks.backends.task_reads import TaskReads, only
from bgtasks.core.facets import FacetQuery, FacetValue, FailedTasks
from bgtasks.core.flows import Flows
from bgtasks.core.overview import Overview
from bgtasks.core.record import Accepted, Counts, OwnerCounts, TaskPage, TaskQuery, TaskRecord
from bgtasks.core.task_types import TypeRecord
from bgtasks.errors import BackendError
from bgtasks.models import Attempt, FailureGroup

__all__ = ["FileReads"]

T = TypeVar("T")


class FileReads(TaskReads):
    """Puts each question to ``reading``; what damage it meets is noted in ``health``.

    ``tally`` is to be told of each commit.
    """

    def __init__(self, reading: Reading, health: StoreHealth) -> None:
        self._reading = reading
        self._health = health
        self.tally: Tally = Tally()
        self._counting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._counting.set_result(None)

    async def get(self, task_id: UUID) -> TaskRecord | None:
        return await self.ask(partial(reader.fetch_task, task_id=task_id))

    async def show(self, task_ids: Sequence[UUID], *, payloads: bool) -> Sequence[TaskRecord]:
        return await self.ask(partial(reader.fetch_shown, task_ids=task_ids, payloads=payloads))

    async def page(self, query: TaskQuery) -> TaskPage:
        return await self.ask(partial(page_reader.fetch_page, query=query))

    async def count(self, query: TaskQuery) -> Counts:
        await asyncio.shield(self._counting)
        if query.owners is None:
            return only(self.tally.counts((True, False)), query)
        counts = Counter(self.tally.counts((False,)) if None in query.owners else {})
        if owners := [owner for owner in query.owners if owner is not None]:
            counts.update(await self.ask(partial(reader.count_owned, owners=owners)))
        return only(counts, query)

    async def begin_counting(self) -> None:
        """Count all tasks of a file once, as they are now, beside whatever is written from now on.
        To be called before anything is written."""
        await self._reading.ask(reader.hold_moment)
        self._counting = asyncio.ensure_future(self._count_all())
        self._counting.add_done_callback(_look_at_error)

    async def _count_all(self) -> None:
        self.tally.begin_with(await self.ask(reader.count_all))

    async def count_window(self, query: TaskQuery) -> tuple[Counts, int | None]:
        return await self.ask(partial(page_reader.count_window, query=query))

    async def count_owners(self, query: TaskQuery) -> tuple[OwnerCounts, int | None]:
        return await self.ask(partial(page_reader.count_owners, query=query))

    async def accepted_before(self, sequence: int) -> Accepted | None:
        return await self.ask(partial(reader.accepted_before, sequence=sequence))

    async def attempts(self, task_id: UUID) -> Sequence[Attempt]:
        return await self.ask(partial(reader.fetch_attempts, task_id=task_id))

    async def failure_groups(
        self, start: datetime, end: datetime, types: Sequence[str]
    ) -> Sequence[FailureGroup]:
        return await self.ask(
            partial(failure_reader.fetch_failure_groups, start=start, end=end, types=types)
        )

    async def failed_tasks(self, wanted: FacetQuery) -> FailedTasks:
        return await self.ask(partial(failure_reader.fetch_failed_tasks, wanted=wanted))

    async def ended_tasks(self, wanted: FacetQuery, most: int) -> Sequence[int]:
        return await self.ask(partial(failure_reader.fetch_ended_tasks, wanted=wanted, most=most))

    async def facet_values(
        self, wanted: FacetQuery, sequences: Sequence[int], keys: Sequence[str | None] | None
    ) -> Sequence[FacetValue]:
        return await self.ask(
            partial(
                failure_reader.fetch_facet_values, wanted=wanted, sequences=sequences, keys=keys
            )
        )

    async def overview(self, now: datetime) -> Overview:
        await asyncio.shield(self._counting)
        counts = self.tally.counts((True, False))
        return await self.ask(partial(fetch_overview, counts=counts, now=now))

    async def flows(self, first: int, step: int, points: int, type_name: str | None) -> Flows:
        return await self.ask(
            partial(fetch_flows, first=first, step=step, points=points, type_name=type_name)
        )

    async def flows_by_type(self, first: int, last: int) -> Mapping[tuple[str, int, int], int]:
        return await self.ask(partial(fetch_flows_by_type, first=first, last=last))

    async def types(self, names: Sequence[str] | None) -> Sequence[TypeRecord]:
        return await self.ask(partial(reader.fetch_types, names=names))

    async def ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """The answer to a question. Raises BackendError."""
        try:
            return await self._reading.ask(question)
        except sqlite3.Error as error:
            self._health.note_damage(error)
            raise BackendError(f"the task database cannot be read: {error}") from error


def _look_at_error(counting: "asyncio.Future[None]") -> None:
    """Whoever asks for a count is told; it may be nobody."""
    if not counting.cancelled():
        counting.exception()
