"""Looking at tasks."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Literal, Unpack, overload
from uuid import UUID

from bgtasks.backends.payloads import with_payloads
from bgtasks.core.durations import Duration, checked_timeout
from bgtasks.core.query import (
    NEWEST_FIRST,
    BackgroundTaskPage,
    checked_id,
    checked_number,
    cursor_after,
    cursor_of,
    make_query,
)
from bgtasks.core.record import MAX_PAGE, Sort
from bgtasks.core.task_details import TaskDetails
from bgtasks.core.task_filter import FilterOptions, TaskFilter, filter_of
from bgtasks.core.task_log import TaskLog
from bgtasks.manager.doors.door import Door
from bgtasks.models import (
    Attempt,
    BackgroundTaskInfo,
    BackgroundTaskStatus,
)
from bgtasks.worker import TPayload, TResult, WorkerOf

__all__ = ["Looking"]


class Looking(Door):
    """Looking at tasks."""

    @overload
    async def try_get_task(self, task_id: UUID) -> BackgroundTaskInfo[Any] | None: ...

    @overload
    async def try_get_task(
        self, task_id: UUID, *, worker: WorkerOf[TPayload, TResult]
    ) -> BackgroundTaskInfo[TPayload, TResult] | None: ...

    async def try_get_task(
        self, task_id: UUID, *, worker: WorkerOf[Any, Any] | None = None
    ) -> BackgroundTaskInfo[Any] | None:
        """The newest snapshot of a task; ``None`` if there is no such task. ``worker`` is as for
        ``wait_for``."""
        run = self._switch.running()
        records = await run.backend.find([checked_id(task_id)], payloads=True)
        return run.infos.of_worker(records[0], worker) if records else None

    async def try_get_details(self, task_id: UUID) -> TaskDetails | None:
        """The arguments of a task, and what else its snapshot does not have; ``None`` if there is
        no such task."""
        run = self._switch.running()
        record = await run.backend.get(checked_id(task_id))
        return None if record is None else run.infos.details_of(record)

    async def find_tasks(self, task_ids: Iterable[UUID]) -> list[BackgroundTaskInfo[Any]]:
        """The existing ones of these tasks, in the order of the ids given, as a page has them."""
        ids = [checked_id(task_id) for task_id in task_ids]
        run = self._switch.running()
        found: list[BackgroundTaskInfo[Any]] = []
        for start in range(0, len(ids), MAX_PAGE):
            asked = ids[start : start + MAX_PAGE]
            known = {item.id: run.infos.of(item) for item in await run.backend.find(asked)}
            found += [known[item] for item in asked if item in known]
        return found

    async def get_tasks(
        self,
        filter: TaskFilter | None = None,  # noqa: A002 - as all that take one call it
        *,
        limit: int = 50,
        cursor: str | None = None,
        payloads: bool = False,
        sort: Sort = NEWEST_FIRST,
        **options: Unpack[FilterOptions],
    ) -> BackgroundTaskPage:
        """A page of tasks, newest accepted first.

        ``filter``, or the same by names, says which: see :class:`~bgtasks.TaskFilter`.
        ``limit`` is 1 to 1,000; ``cursor`` is the ``next_cursor`` of the page before. Payloads of
        more than 4,096 characters of JSON are left out (``payload_omitted``), unless ``payloads``
        asks for them: then a page ends where those it has are longer than a million characters.
        ``sort`` is ``"-created"`` or ``"created"`` (oldest first), at any number of tasks; or
        ``"-started"``, ``"started"``, ``"-ended"``, ``"ended"``, where tasks without that time come
        last and the newest 10,000 that fit are sorted (``complete`` says whether these are all).
        What no index answers (times, words, arguments, ``view``) is looked for during a second:
        then a page may have fewer tasks than ``limit``, and say how far it came (``searched_to``).
        Raises QueryError for a filter, limit, cursor or sort that cannot be used.
        """
        run = self._switch.running()
        query = make_query(filter_of(filter, options), limit, cursor, sort)
        page = await run.backend.list(query)
        if payloads:
            page = await with_payloads(run.backend, query, page)
        items = tuple(map(run.infos.of, page.records))
        last = page.searched_to
        return BackgroundTaskPage(
            items,
            cursor_of(query, page),
            page.complete,
            searched_to=last and last.at,
            searched_task=last and last.id,
        )

    async def count_tasks(
        self,
        filter: TaskFilter | None = None,  # noqa: A002 - as all that take one call it
        **options: Unpack[FilterOptions],
    ) -> Mapping[BackgroundTaskStatus, int]:
        """How many tasks there are in each status that is asked for, exactly.

        ``filter``, or the same by names, says which tasks: see :class:`~bgtasks.TaskFilter`. By
        type and status this takes milliseconds, however many tasks there are; of named owners the
        tasks are counted. For times, words and ``view`` up to a million tasks are looked at;
        QueryError where that is not enough.
        """
        query = filter_of(filter, options).query(1)
        counts = dict.fromkeys(query.statuses or BackgroundTaskStatus, 0)
        for (_, status), number in (await self._switch.running().backend.count(query)).items():
            counts[status] += number
        return counts

    async def count_types(
        self,
        filter: TaskFilter | None = None,  # noqa: A002 - as all that take one call it
        **options: Unpack[FilterOptions],
    ) -> Mapping[str, int]:
        """How many tasks there are of each type that has some, exactly, as ``count_tasks``."""
        query = filter_of(filter, options).query(1)
        counts: dict[str, int] = {}
        for (name, _), number in (await self._switch.running().backend.count(query)).items():
            counts[name] = counts.get(name, 0) + number
        return {name: number for name, number in sorted(counts.items()) if number}

    async def count_owners(
        self,
        filter: TaskFilter | None = None,  # noqa: A002 - as all that take one call it
        **options: Unpack[FilterOptions],
    ) -> Mapping[str | None, int]:
        """How many tasks each owner has, ``None`` for those without one; the most first. Each task
        is looked at; QueryError for more than a million."""
        query = filter_of(filter, options).query(1)
        counts = await self._switch.running().backend.count_owners(query)
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0] or "")))

    async def cursor_after(self, task_id: UUID, sort: Sort = NEWEST_FIRST) -> str | None:
        """The cursor for ``get_tasks`` that goes on after this task; ``None`` if there is no such
        task."""
        records = await self._switch.running().backend.find([checked_id(task_id)])
        return cursor_after(records[0], sort) if records else None

    async def get_attempts(self, task_id: UUID) -> Sequence[Attempt]:
        """The attempts of a task, oldest first, each from its start: when, in which process, how
        it ended and why. Of those that ended and did not complete, the newest 100 are kept. Where
        their tracebacks are more than a million bytes, those of the older ones are left out
        (``traceback_omitted``). Empty if there is no such task."""
        return await self._switch.running().backend.attempts(checked_id(task_id))

    async def get_logs(
        self, task_id: UUID, after: int = 0, *, source: Literal["task"] | None = None
    ) -> TaskLog:
        """The log of a task behind the line with the number ``after``: at most 1,000 lines, the
        oldest first. Read on with the ``last`` of the answer.

        These are lines for operators, too, which may tell of the inside of the application; with
        ``source="task"`` only those that the worker says to whoever watches the task. Raises
        QueryError for an ``after`` that is no whole number from 0 on.
        """
        stored = await self._switch.running().backend.logs(
            checked_id(task_id), checked_number("after", after)
        )
        return stored.of_everything() if source is None else stored.of_task()

    @overload
    async def wait_for(
        self, task_id: UUID, timeout: Duration | None = None
    ) -> BackgroundTaskInfo[Any]: ...

    @overload
    async def wait_for(
        self,
        task_id: UUID,
        timeout: Duration | None = None,
        *,
        worker: WorkerOf[TPayload, TResult],
    ) -> BackgroundTaskInfo[TPayload, TResult]: ...

    async def wait_for(
        self,
        task_id: UUID,
        timeout: Duration | None = None,
        *,
        worker: WorkerOf[Any, Any] | None = None,
    ) -> BackgroundTaskInfo[Any]:
        """Wait until a task is final; returns its final snapshot.

        ``worker`` says for type checkers of what types payload and result are: it is the class
        that does this task, else TypeError is raised, and UnregisteredTaskError where its type is
        not registered here.

        Raises TaskNotFoundError, ``TimeoutError`` after ``timeout`` (seconds, a timedelta, or a
        text such as ``"10 m"``) with what the task is then, and ManagerStateError if the manager is
        stopped meanwhile. Raises SettingsError for a ``timeout`` that is none.
        """
        run = self._switch.running()
        seconds = None if timeout is None else checked_timeout(timeout)
        return run.infos.of_worker(await run.waiting.final(checked_id(task_id), seconds), worker)

    @overload
    def watch(self, task_id: UUID) -> AsyncGenerator[BackgroundTaskInfo[Any], None]: ...

    @overload
    def watch(
        self, task_id: UUID, *, worker: WorkerOf[TPayload, TResult]
    ) -> AsyncGenerator[BackgroundTaskInfo[TPayload, TResult], None]: ...

    async def watch(
        self, task_id: UUID, *, worker: WorkerOf[Any, Any] | None = None
    ) -> AsyncGenerator[BackgroundTaskInfo[Any], None]:
        """Iterate over the updates of a task: first what it is now, last its final snapshot.

        A reader that is slower than the task misses steps in between, never the last. Takes
        ``worker`` and raises as ``wait_for`` does.
        """
        run = self._switch.running()
        async with aclosing(run.waiting.follow(checked_id(task_id))) as records:
            async for record in records:
                yield run.infos.of_worker(record, worker)
