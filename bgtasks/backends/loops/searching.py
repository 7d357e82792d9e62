"""Finding and counting what no index answers: the store is asked for one window after the other."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

from attrs import evolve

from bgtasks.backends.task_reads import TaskReads
from bgtasks.clock import Clock
from bgtasks.core.record import Accepted, Counts, OwnerCounts, TaskPage, TaskQuery, TaskRecord
from bgtasks.errors import QueryError
from bgtasks.models import BackgroundTaskStatus

__all__ = ["Searching"]

Key = TypeVar("Key")

WINDOWS = 100
"""How many windows one page looks through at most; the next page goes on from there. Also how many
may be counted: a million tasks."""

LONG = 1.0
"""Seconds after which a page that is not full yet looks through no further window."""

DISORDER = timedelta(hours=1)
"""How far the times of acceptance may be from the order of acceptance: clocks are set, processes
take turns. Tasks are only passed over unseen where they are further away than this."""


class Searching:
    """Pages and counts of a store for queries with a ``search``; ``now`` dates what is waiting,
    ``clock`` says how long it takes."""

    def __init__(self, reads: TaskReads, now: Callable[[], datetime], clock: Clock) -> None:
        self._reads = reads
        self._now = now
        self._clock = clock

    async def page(self, query: TaskQuery) -> TaskPage:
        """A page that ends where it is full or nothing is left, or after a second, or a million
        tasks."""
        asked = self._as_of_now(query)
        if query.sorted_by is not None:  # looks at no more than a window
            return await self._reads.page(asked)
        found: list[TaskRecord] = []
        looked_at: Accepted | None = None
        over_at = self._clock.monotonic() + LONG
        for number in range(WINDOWS):
            page = await self._reads.page(evolve(asked, limit=query.limit - len(found)))
            found += page.records
            if page.next_before is None or len(found) == query.limit:
                return TaskPage(found, page.next_before)
            before = await self._following(asked, page.next_before, is_first=number == 0)
            if before is None:
                return TaskPage(found, None)
            asked = evolve(asked, before=before)
            if self._clock.monotonic() >= over_at or number == WINDOWS - 1:
                looked_at = await self._still_there(before)
            if looked_at is not None:
                break
        return TaskPage(found, asked.before, searched_to=looked_at)

    async def count(self, query: TaskQuery) -> Counts:
        """How many tasks are found. Raises QueryError where that means to look at too many."""
        return await self._counted(self._reads.count_window, query)

    async def count_owners(self, query: TaskQuery) -> OwnerCounts:
        """The same by owner."""
        return await self._counted(self._reads.count_owners, query)

    async def _counted(
        self,
        count: Callable[[TaskQuery], Awaitable[tuple[Mapping[Key, int], int | None]]],
        query: TaskQuery,
    ) -> Mapping[Key, int]:
        asked = self._as_of_now(query)
        counts: Counter[Key] = Counter()
        for number in range(WINDOWS):
            found, following = await count(asked)
            counts.update(found)
            if following is not None:
                following = await self._following(asked, following, is_first=number == 0)
            if following is None:
                return counts
            asked = evolve(asked, before=following)
        raise QueryError(
            "more than a million tasks would have to be looked at to count what is asked for; "
            "name types, statuses, or a shorter time"
        )

    def _as_of_now(self, query: TaskQuery) -> TaskQuery:
        pending = (BackgroundTaskStatus.PENDING,)
        if query.search.view is not None and not query.statuses:
            query = evolve(query, statuses=pending)
        return evolve(query, search=evolve(query.search, now=self._now()))

    async def _still_there(self, sequence: int) -> Accepted | None:
        """The task with this sequence, which was looked at last, unless it was dropped since."""
        newest = await self._reads.accepted_before(sequence + 1)
        return newest if newest is not None and newest.sequence == sequence else None

    async def _following(self, query: TaskQuery, before: int, *, is_first: bool) -> int | None:
        """Where to look next, after all from ``before`` on was looked at; ``None``: nowhere."""
        if query.is_oldest_first:
            return before
        newest = await self._reads.accepted_before(before)
        if newest is None:
            return None
        start = query.search.created.start
        if start is not None and newest.at < start - DISORDER:
            return None
        end = query.search.accepted_before
        if not is_first or end is None or newest.at < end + DISORDER:
            return before
        return await self._passed_over(before, end + DISORDER)

    async def _passed_over(self, before: int, end: datetime) -> int:
        """The sequence before which the tasks are that were accepted before ``end``."""
        low, high = 0, before
        while high - low > 1:
            middle = (low + high) // 2
            found = await self._reads.accepted_before(middle)
            if found is None or found.at < end:
                low = middle
            else:
                high = found.sequence
        return high
