"""Looking at what is stored: what a store answers about tasks and types, and changes nothing."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from bgtasks.core.facets import FacetQuery, FacetValue, FailedTasks
from bgtasks.core.flows import Flows
from bgtasks.core.overview import Overview
from bgtasks.core.record import Accepted, Counts, OwnerCounts, TaskPage, TaskQuery, TaskRecord
from bgtasks.core.task_types import TypeRecord
from bgtasks.models import Attempt, FailureGroup

__all__ = [
    "MAX_ENDED",
    "MAX_FACETS",
    "MAX_FAILED",
    "MAX_GROUPS",
    "WINDOW",
    "TaskReads",
    "only",
]

MAX_FAILED = 200_000
"""How many failed tasks are looked at for groups of failures: the newest."""

MAX_GROUPS = 50
"""How many groups of failures an answer has: those of which most tasks are still failed."""

MAX_FACETS = 50
"""How many values an answer has of what the tasks of a failure are told apart by."""

MAX_ENDED = 100_000
"""How many tasks are looked at beside those of a failure."""

WINDOW = 10_000
"""How many tasks a search looks at in one go, so that it holds nobody up."""


class TaskReads(ABC):
    """Every answer shows what was committed last. Raises BackendError where the store cannot be
    read."""

    @abstractmethod
    async def get(self, task_id: UUID) -> TaskRecord | None:
        """The whole task."""

    @abstractmethod
    async def show(self, task_ids: Sequence[UUID], *, payloads: bool) -> Sequence[TaskRecord]:
        """Those of these tasks that there are, without their data."""

    @abstractmethod
    async def page(self, query: TaskQuery) -> TaskPage:
        """Tasks, newest accepted first. A search looks at the next ``WINDOW`` tasks at most."""

    @abstractmethod
    async def count(self, query: TaskQuery) -> Counts:
        """How many tasks there are of its types, statuses and owners: exactly, and at once however
        many there are, but for named owners, whose tasks are counted."""

    @abstractmethod
    async def count_window(self, query: TaskQuery) -> tuple[Counts, int | None]:
        """How many of the next ``WINDOW`` tasks a search finds, and the sequence to go on
        before."""

    @abstractmethod
    async def count_owners(self, query: TaskQuery) -> tuple[OwnerCounts, int | None]:
        """The same by owner, also without a search."""

    @abstractmethod
    async def accepted_before(self, sequence: int) -> Accepted | None:
        """The newest task before a sequence."""

    @abstractmethod
    async def attempts(self, task_id: UUID) -> Sequence[Attempt]:
        """The attempts of a task that are kept, oldest first."""

    @abstractmethod
    async def failure_groups(
        self, start: datetime, end: datetime, types: Sequence[str]
    ) -> Sequence[FailureGroup]:
        """The failures of tasks that failed last within a time, of these types or of all: those
        first of which most tasks are still failed; at most ``MAX_GROUPS``, among the newest
        ``MAX_FAILED`` tasks."""

    @abstractmethod
    async def failed_tasks(self, wanted: FacetQuery) -> FailedTasks:
        """The newest ``MAX_FAILED`` tasks of a failure."""

    @abstractmethod
    async def ended_tasks(self, wanted: FacetQuery, most: int) -> Sequence[int]:
        """The sequences of tasks that became final, or failed last, in the time of ``wanted``, some
        perhaps twice: of each kind the newest ``most``. May have tasks of other types, and of the
        failure itself."""

    @abstractmethod
    async def facet_values(
        self, wanted: FacetQuery, sequences: Sequence[int], keys: Sequence[str | None] | None
    ) -> Sequence[FacetValue]:
        """How many of at most ``WINDOW`` tasks have which value, of those of the types of
        ``wanted``. The most frequent ``MAX_FACETS`` values, or those that have ``keys``."""

    @abstractmethod
    async def overview(self, now: datetime) -> Overview:
        """How things are now."""

    @abstractmethod
    async def flows(self, first: int, step: int, points: int, type_name: str | None) -> Flows:
        """What was counted of a type, or of all, from the minute ``first`` on, by points of
        ``step`` minutes."""

    @abstractmethod
    async def flows_by_type(self, first: int, last: int) -> Mapping[tuple[str, int, int], int]:
        """What was counted from the minute ``first`` on and before ``last``, by type, flow and
        bucket."""

    @abstractmethod
    async def types(self, names: Sequence[str] | None) -> Sequence[TypeRecord]:
        """What is kept of these types, or of all, in the order of their names."""


def only(counts: Counts, query: TaskQuery) -> Counts:
    """Those of the types and statuses that a query names."""
    return {
        (name, status): number
        for (name, status), number in counts.items()
        if (not query.types or name in query.types)
        and (not query.statuses or status in query.statuses)
    }
