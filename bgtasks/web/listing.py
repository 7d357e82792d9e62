"""Pages of the tasks that a requester may see, read from a store that knows no policy."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from attrs import evolve, field, frozen

from bgtasks.core.query import NEWEST_FIRST, BackgroundTaskPage
from bgtasks.core.record import Sort
from bgtasks.core.task_filter import TaskFilter, check_combinations
from bgtasks.errors import QueryError
from bgtasks.models import UNSET, BackgroundTaskInfo
from bgtasks.web.cursors import listing_mark, read_cursor, refused_cursor, write_cursor
from bgtasks.web.judge import Owners, is_among
from bgtasks.web.requester import Requester

__all__ = ["INCLUDED", "Listing", "Page", "PageRequest", "TaskReader"]

INCLUDED = ("payload", "arguments")
"""What a page has of its tasks only if it is asked for."""

MAX_PAGES = 20
"""How many pages of the store are read to fill one page of visible tasks."""

SCANNED = 200
"""How many tasks each of them has; the first has as many as were asked for."""

MAX_OWNERS = 100
"""The most owners one question to the manager may name."""

Info = BackgroundTaskInfo[Any]


class TaskReader(Protocol):
    """The manager's methods that only read."""

    async def get_tasks(
        self,
        filter: TaskFilter | None = None,  # noqa: A002 - as the manager calls it
        *,
        limit: int = 50,
        cursor: str | None = None,
        sort: Sort = NEWEST_FIRST,
    ) -> BackgroundTaskPage:
        """A page of tasks."""

    async def find_tasks(self, task_ids: Iterable[UUID]) -> list[Info]:
        """The existing ones of these tasks."""

    async def try_get_task(self, task_id: UUID) -> Info | None:
        """One task, whole."""

    async def cursor_after(self, task_id: UUID, sort: Sort = NEWEST_FIRST) -> str | None:
        """The cursor that goes on after this task."""


@frozen(kw_only=True)
class PageRequest:
    """Which page of which tasks. ``limit`` is 1 to 200; ``include`` asks for some of ``INCLUDED``,
    ``count`` for how many tasks there are in all."""

    tasks: TaskFilter = field(factory=TaskFilter)
    limit: int = 50
    cursor: str | None = None
    include: frozenset[str] = frozenset()
    sort: Sort = NEWEST_FIRST
    count: bool = False


class Page(NamedTuple):
    """Some tasks of a listing, and the cursor of the next page. Not ``complete``: there are more
    tasks than were sorted. ``searched_to``: the page ended early, all that fit and were submitted
    since then are found."""

    items: list[Info]
    next_cursor: str | None
    complete: bool = True
    searched_to: datetime | None = None


@frozen
class _Owners:
    """Whose tasks are asked for: those that the store is told, ``None`` for all, and those that
    are picked out of what it gives."""

    of_store: Collection[str | None] | None
    picked: Collection[str | None] | None = None


@frozen
class Listing:
    """One listing of one requester, whose pages follow one another.

    ``visible_owners`` is what the policy says of the requester; ``is_predicate_alone``: it says
    nothing, because only its predicate knows. ``visible`` gives those of some tasks that the
    requester may see, in the same order.
    """

    reader: TaskReader
    requester: Requester
    wanted: PageRequest
    visible_owners: Owners
    is_predicate_alone: bool
    visible: Callable[[Requester, Sequence[Info]], Awaitable[list[Info]]]
    mark: bytes = field(init=False)

    @mark.default
    def _mark_default(self) -> bytes:
        types, statuses, owners, search = self.wanted.tasks.key
        given = (types or None, statuses or None, owners)
        filters = [None if values is None else sorted(map(repr, values)) for values in given]
        if search or self.wanted.sort != NEWEST_FIRST:
            filters.append([repr(search), self.wanted.sort])
        return listing_mark(filters, self.requester.identity)

    async def page(self) -> "Page":
        """Visible tasks in the order that is wanted, and the cursor of the next page.

        There is a cursor if there is another visible task for the next page, or a search has taken
        long enough and goes on there. Where the policy
        hides so much that the search for it was given up, there is one after the last task that
        was seen to be visible, and none where no such was met: what is hidden leaves no trace.
        Raises QueryError for a cursor that is none of this listing.
        """
        owners = self._owners()
        place = await self._place()
        found: list[Info] = []
        last: Info | None = None
        complete = True
        if owners.of_store is not None and not owners.of_store:
            return Page(found, None)
        limit = self.wanted.limit
        for number in range(MAX_PAGES):
            page = await self._read(owners, place, SCANNED if number else limit + 1)
            place, complete = page.next_cursor, page.complete
            for last in await self.visible(self.requester, page.items):
                if owners.picked is None or last.owner in owners.picked:
                    found.append(last)
            if len(found) > limit:
                return Page(found[:limit], self.cursor_after(found[limit - 1]), complete)
            if place is None:
                return Page(found, None, complete)
            if cursor := await self._cursor_in_search(page):
                return Page(found, cursor, complete, page.searched_to)
        return Page(found, None if last is None else self.cursor_after(last), complete)

    def cursor_after(self, info: Info) -> str:
        """The cursor of what comes after this task, which the requester may see."""
        return write_cursor(info.id, self.mark)

    async def _cursor_in_search(self, page: BackgroundTaskPage) -> str | None:
        """Where a search goes on that has taken long enough: after the last task that it looked
        at, if the requester may see that one."""
        if page.searched_task is None:
            return None
        found = await self.visible(
            self.requester, await self.reader.find_tasks([page.searched_task])
        )
        may_see = [info for info in found if is_among(info.owner, self.visible_owners)]
        return self.cursor_after(may_see[0]) if may_see else None

    def _owners(self) -> _Owners:
        query, visible = self.wanted.tasks.query(1), self.visible_owners
        wanted = query.owners
        if visible is not None:
            may = visible if wanted is None else tuple(item for item in wanted if item in visible)
            return _Owners(may) if self._takes(may) else _Owners(None, wanted)
        own = self.requester.identity
        if self.is_predicate_alone and wanted and (own is None or set(wanted) != {own}):
            # How many tasks others have must not show, not even in the time that it takes.
            return _Owners(None, wanted)
        return _Owners(wanted)

    def _takes(self, owners: Collection[str | None]) -> bool:
        """Whether the store takes so many; beyond that the policy filters what it gives."""
        query = self.wanted.tasks.query(1)
        try:
            check_combinations(query.types, query.statuses, owners)
        except QueryError:
            return False
        return len(owners) <= MAX_OWNERS

    async def _place(self) -> str | None:
        """The manager's own cursor for the one that was given."""
        cursor = self.wanted.cursor
        if cursor is None:
            return None
        task_id = read_cursor(cursor, self.mark)
        found = await self.reader.find_tasks([task_id])
        place = await self.reader.cursor_after(task_id, self.wanted.sort)
        if place is None or not await self.visible(self.requester, found):
            raise refused_cursor(cursor)
        return place

    async def _read(self, owners: _Owners, place: str | None, limit: int) -> BackgroundTaskPage:
        of_store = UNSET if owners.of_store is None else owners.of_store
        wanted = evolve(self.wanted.tasks, owner=of_store)
        return await self.reader.get_tasks(wanted, limit=limit, cursor=place, sort=self.wanted.sort)
