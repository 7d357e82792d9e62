"""The manager, which an application calls: accepts tasks, has them run, reports their state."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, Literal, Self, Unpack, overload
from uuid import UUID

from bgtasks.backends.base import Backend
from bgtasks.backends.payloads import with_payloads
from bgtasks.clock import Clock, Timing
from bgtasks.concurrency.services import Service
from bgtasks.core.codec import TaskCodec
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
from bgtasks.core.schedules.definition import NO_SCHEDULES, Schedules
from bgtasks.core.submission import RunOptions, submit_options
from bgtasks.core.task_details import TaskDetails
from bgtasks.core.task_filter import FilterOptions, TaskFilter, Types, filter_of
from bgtasks.core.task_log import TaskLog
from bgtasks.core.task_types import TypeInfo
from bgtasks.errors import ManagerStateError, TaskStateError
from bgtasks.execution.hooks import Hooks
from bgtasks.hooks import BackgroundTaskHook
from bgtasks.manager.bulk import CANCELLABLE, DELETABLE, RETRYABLE, change_all
from bgtasks.manager.current import attempt_context
from bgtasks.manager.failures import failure_groups
from bgtasks.manager.run import ManagerRun
from bgtasks.manager.switch import Switch
from bgtasks.manager.waiting import no_such_task
from bgtasks.models import (
    Attempt,
    BackgroundTaskBase,
    BackgroundTaskInfo,
    BackgroundTaskStatus,
    BulkResult,
    FailureGroup,
    Health,
    History,
    ProcessInfo,
    ScheduleInfo,
    Stats,
    Submission,
)
from bgtasks.observing.subscribers import Subscribers
from bgtasks.observing.updates import TaskUpdatedEvent
from bgtasks.registry import Registry
from bgtasks.settings import Settings
from bgtasks.worker import TPayload, TResult, WorkerOf

__all__ = ["BackgroundTaskManager"]


class BackgroundTaskManager:
    """Runs tasks and tells about them. All ``async`` methods belong to the event loop of
    ``start``; other threads (sync request handlers) use :class:`~bgtasks.BlockingTaskManager`.

    Starting twice, stopping twice and stopping before starting are harmless; a stopped manager
    can be started again. Where it is entered more than once (``async with``, as the lifespan
    does), the last one to leave stops it.
    """

    def __init__(
        self,
        registry: Registry,
        settings: Settings,
        codec: TaskCodec,
        clock: Clock,
        timing: Timing,
        backend_factory: Callable[[], Backend],
        hooks: Callable[[], Sequence[BackgroundTaskHook]] = tuple,
        schedules: Schedules = NO_SCHEDULES,
    ) -> None:
        registry.names(settings.types)  # before anything is started
        self.task_updated: TaskUpdatedEvent = TaskUpdatedEvent(clock)
        """Every published change of a task: ``subscribe(handler)`` has the handler called with
        whole snapshots, on the event loop, and returns what ends that."""
        self.type_updated: Subscribers[TypeInfo] = Subscribers(lambda info: f"type {info.name}")
        """Types that were paused or resumed."""
        self.schedule_updated: Subscribers[Collection[str]] = Subscribers(lambda _: "schedules")
        """Names of schedules that have changed."""
        self.log_updated: Subscribers[Collection[UUID] | None] = Subscribers(lambda _: "logs")
        """Ids of tasks with new lines in their logs; ``None``: perhaps any task."""
        self._registry = registry
        self._settings = settings
        self._visits = False
        self._clock = clock
        new_run = partial(
            ManagerRun,
            registry,
            codec,
            clock,
            timing,
            self.task_updated,
            self.type_updated,
            self.schedule_updated,
            self.log_updated,
            attempt_context(self),
        )
        # Hooks are made at the start: they may depend on the manager.
        self._switch = Switch(
            lambda: new_run(
                self._settings, self._visits, schedules, backend_factory(), Hooks(tuple(hooks()))
            )
        )

    # Start and stop

    def configure(self, settings: Settings, *, visits: bool = False) -> None:
        """Use other settings from the next start on; the backend gets those of the container.
        ``visits``: a process that only looks in: it registers and submits no schedules, and drops
        nothing that is old.

        Raises ManagerStateError while it is running, SettingsError for unregistered ``types``.
        """
        if self._switch.run is not None:
            raise ManagerStateError(
                "the background task manager is running: stop it before it is given other settings"
            )
        self._registry.names(settings.types)
        self._settings, self._visits = settings, visits

    async def start(self) -> None:
        """Open the store, take back what a crash left, and begin to run tasks.

        Raises BackendError and its kind where the store cannot be used, ManagerStateError where
        the event loop's task factory cannot run attempts.
        """
        await self._switch.start()

    async def stop(self) -> None:
        """Claim nothing more, give running workers the grace period, then tell them to end;
        what is interrupted waits for the next start. Returns when all is written.

        Handlers of ``task_updated`` that are still busy then get five seconds more. What goes
        wrong on the way is logged and does not keep the rest from being stopped.

        A stop goes on to its end even if the call is cancelled; the next call waits for it.
        """
        await self._switch.stop()

    def hurry(self) -> None:
        """Give running workers no more grace at the stop that is under way, or at the next one."""
        self._switch.hurry()

    async def wait_served(self) -> None:
        """Wait until no more tasks are run here: returns at a stop; raises BackendError and its
        kind, or whatever else has put an end to it."""
        if self._switch.run is not None:
            await self._switch.running().served()

    async def __aenter__(self) -> Self:
        await self._switch.enter()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._switch.leave()

    def accompany(self, service: Service) -> None:
        """Start ``service`` with this manager, right after it, and stop it right before it, from
        now on; at once, if the manager runs already."""
        self._switch.accompany(service)

    @property
    def event_loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop that a running manager belongs to; ``None`` if it is not running."""
        return None if (run := self._switch.run) is None else run.loop

    @property
    def backend_kind(self) -> str:
        """What keeps the tasks of a running manager: ``"sqlite"`` or ``"postgresql"``."""
        return self._switch.running().backend.kind

    async def get_processes(self) -> Sequence[ProcessInfo]:
        """The processes that share the database, this one too, oldest start first; one that ended
        without a word is among them for a day."""
        return await self._switch.running().backend.processes()

    async def get_stats(self) -> Stats:
        """How many tasks wait and run, what needs attention, and the like: how things are now."""
        return await self._switch.running().statistics.now()

    def now(self) -> datetime:
        """The present time by the clock that dates all tasks: that of the database server, which
        may differ from this host's; timezone-aware UTC. May be called from any thread."""
        run = self._switch.run
        return self._clock.now() if run is None else run.backend.now()

    def health(self) -> Health:
        """Whether this manager can do its work. May be called from any thread."""
        if (run := self._switch.run) is None:
            return Health(trouble="the background task manager is not running")
        return run.health()

    async def get_history(
        self,
        from_: datetime | None = None,
        to: datetime | None = None,
        *,
        type: str | None = None,  # noqa: A002 - as filters call it
        step: Duration | Literal["auto"] = "auto",
    ) -> History:
        """What happened between two aware times (default: in the last 24 hours) to the tasks of a
        type, or to all, by points.

        ``step`` is the time of one point: whole minutes, and whole hours for what is older than 48
        hours; ``"auto"`` chooses one. Raises QueryError for times and steps that cannot be used,
        and where there would be more than 200 points.
        """
        return await self._switch.running().statistics.history(from_, to, type, step)

    # Tasks

    async def run_task(self, task: BackgroundTaskBase, **options: Unpack[RunOptions]) -> UUID:
        """Accept ``task``; when this returns its id, the task is durable and will be run.

        ``owner`` says whose it is (at most 255 characters); ``delay`` (seconds, a timedelta, or a
        text such as ``"10 m"``) or ``run_at`` (an aware time) when it may start at the earliest,
        at most 3,660 days from now; a higher ``priority`` (-1,000,000 to 1,000,000) goes before a
        lower one.

        Of a type with ``unique=`` the returned id is that of the task that is there already with
        the same key. ``key`` (1 to 255 characters) is a key of your own in place of the fields; for
        other types it is held until the task has ended, and for 24 hours at least.

        With ``connection`` the task exists exactly when the caller's transaction is committed,
        and runs from then on. Accepted are an asyncpg connection, or an SQLAlchemy
        ``AsyncConnection`` or ``AsyncSession`` on asyncpg, to the PostgreSQL database that the
        tasks are kept in.

        Raises UnregisteredTaskError, SerializationError (which names the field),
        DuplicateTaskError for a taken id, or a held key where the type says
        ``conflict="refuse"`` (the caller's transaction can go on), SettingsError for the other
        arguments, BackendError where it could not be stored or ``connection`` cannot be used,
        ManagerStateError before start, after stop, and on another event loop. If it is cancelled
        while it waits for the store, the task may have been accepted, or be accepted yet.
        """
        _, holders = await self._switch.running().submit([task], submit_options(options))
        return holders[0].id if holders else task.id

    async def submit(self, task: BackgroundTaskBase, **options: Unpack[RunOptions]) -> Submission:
        """Accept ``task`` as ``run_task`` does; says whether it was accepted, or which task holds
        its key. With ``conflict="replace"`` that task has got the data of this one, if it waits.
        """
        run = self._switch.running()
        records, holders = await run.submit([task], submit_options(options))
        record = holders.get(0, records[0])
        return Submission(record.id, not holders, run.infos.of(record))

    async def run_tasks(
        self, tasks: Iterable[BackgroundTaskBase], **options: Unpack[RunOptions]
    ) -> list[UUID]:
        """Accept several tasks, all or none. Arguments and errors are those of ``run_task``; the
        ids are in the order of the tasks."""
        records, holders = await self._switch.running().submit(tasks, submit_options(options))
        return [holders.get(place, record).id for place, record in enumerate(records)]

    async def cancel_task(self, task_id: UUID) -> bool:
        """Ask for the end of a task; whether there was something to cancel.

        A waiting task is cancelled when this returns. A running one is told, and says
        ``Cancelled`` once its worker has ended.
        """
        return await self.request_cancel(task_id) is not None

    async def retry_task(self, task_id: UUID) -> bool:
        """Run a failed or cancelled task again; ``False`` if it is neither."""
        return await self.request_retry(task_id) is not None

    async def cancel_tasks(
        self,
        filter: TaskFilter | None = None,  # noqa: A002 - as all that take one call it
        **options: Unpack[FilterOptions],
    ) -> BulkResult:
        """Ask for the end of all tasks that fit and are not final, as ``cancel_task`` does; in
        batches, so it may take a while. Tasks that are submitted meanwhile are left alone."""
        backend = self._switch.running().backend
        wanted = filter_of(filter, options)
        return await change_all(backend, wanted, CANCELLABLE, backend.request_cancel)

    async def retry_tasks(
        self,
        filter: TaskFilter | None = None,  # noqa: A002 - as all that take one call it
        **options: Unpack[FilterOptions],
    ) -> BulkResult:
        """Run all tasks again that fit and have failed or were cancelled, as ``cancel_tasks``."""
        backend = self._switch.running().backend
        return await change_all(backend, filter_of(filter, options), RETRYABLE, backend.retry)

    async def delete_tasks(
        self,
        filter: TaskFilter | None = None,  # noqa: A002 - as all that take one call it
        **options: Unpack[FilterOptions],
    ) -> BulkResult:
        """Drop all final tasks that fit, as ``cancel_tasks``."""
        backend = self._switch.running().backend
        return await change_all(backend, filter_of(filter, options), DELETABLE, backend.delete)

    async def run_again(self, task_id: UUID, arguments: Mapping[str, Any] | None = None) -> UUID:
        """Submit a new task with the arguments, the owner and the priority of a task, whatever its
        status; returns the new id, as ``run_task`` does. ``arguments`` are those that shall be
        others, as JSON data with the keys of ``try_get_details``.

        Raises TaskNotFoundError, UnregisteredTaskError for a type that is not registered here,
        SerializationError where the arguments can no longer be read, QueryError for ``arguments``
        that make no such task, and what ``run_task`` raises.
        """
        run = self._switch.running()
        record = await run.backend.get(checked_id(task_id))
        if record is None:
            raise no_such_task(task_id)
        return await self.run_task(
            run.new_task_like(record, arguments), owner=record.owner, priority=record.priority
        )

    async def delete_task(self, task_id: UUID) -> None:
        """Drop a final task, with all that is kept of it. Raises TaskNotFoundError, and
        TaskStateError for a task that waits or runs."""
        backend = self._switch.running().backend
        while not await backend.delete(checked_id(task_id)):
            found = await backend.find([task_id])
            if not found:
                raise no_such_task(task_id)
            if not found[0].status.is_final:
                raise TaskStateError(
                    f"task {task_id} is {found[0].status} and cannot be deleted: cancel it first"
                )

    async def request_cancel(self, task_id: UUID) -> BackgroundTaskInfo[Any] | None:
        """As ``cancel_task``; returns the task as it is now, as a page has it, or ``None``."""
        run = self._switch.running()
        record = await run.backend.request_cancel(checked_id(task_id))
        return None if record is None else run.infos.of(record)

    async def request_retry(self, task_id: UUID) -> BackgroundTaskInfo[Any] | None:
        """As ``retry_task``; returns the task as it is now, as a page has it, or ``None``."""
        run = self._switch.running()
        record = await run.backend.retry(checked_id(task_id))
        return None if record is None else run.infos.of(record)

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
        Raises QueryError for a filter, limit, cursor or sort that cannot be used.
        """
        run = self._switch.running()
        query = make_query(filter_of(filter, options), limit, cursor, sort)
        page = await run.backend.list(query)
        if payloads:
            page = await with_payloads(run.backend, query, page)
        items = tuple(map(run.infos.of, page.records))
        return BackgroundTaskPage(items, cursor_of(query, page), page.complete)

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
        it ended and why. Of those that ended and did not complete, the newest 100 are kept. Empty
        if there is no such task."""
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

    async def get_failures(
        self,
        from_: datetime | None = None,
        to: datetime | None = None,
        *,
        type: Types | None = None,  # noqa: A002 - as filters call it
    ) -> Sequence[FailureGroup]:
        """Which failures there are of tasks whose newest failure was between two aware times
        (default: since 24 hours ago), of one type, several, or all: those first of which most tasks
        are still failed. At most 50, among the newest 200,000 tasks that failed then.

        ``get_tasks(error=group.group)`` gives the tasks of a group; the filter ``error`` is
        accepted wherever filters are. Raises QueryError for times and types that cannot be used.
        """
        return await failure_groups(self._switch.running().backend, from_, to, type)

    # Types

    async def get_types(self) -> Sequence[TypeInfo]:
        """The types that are registered here or have tasks, in the order of their names: what
        waits and runs of each, whether it is paused, and its limits."""
        return await self._switch.running().types.all()

    async def pause(self, type_name: str, reason: str | None = None) -> TypeInfo:
        """Start nothing of a type from now on, in any process, until ``resume``; returns how the
        type is now.

        What runs goes on, and tasks may be submitted, which wait. The pause is stored: a restart
        or a deployment does not end it. ``reason`` (at most 1,000 characters) is shown with it;
        pausing a paused type gives it another reason. Raises UnregisteredTaskError for a type that
        nobody knows, SettingsError for a ``reason`` that is none.
        """
        return await self._switch.running().types.pause(type_name, reason)

    async def resume(self, type_name: str) -> TypeInfo:
        """Start tasks of a type again; harmless where it is not paused. Returns how the type is
        now. Raises UnregisteredTaskError for a type that nobody knows."""
        return await self._switch.running().types.resume(type_name)

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

    # Schedules

    async def get_schedules(
        self, *, after: str = "", limit: int | None = None
    ) -> list[ScheduleInfo]:
        """The stored schedules, in the order of their names: at most ``limit`` of them, whose
        names come ``after`` a name."""
        return await self._switch.running().schedules.all(after=after, limit=limit)

    async def find_schedules(self, names: Iterable[str]) -> list[ScheduleInfo]:
        """Those of these schedules that there are, in the order of their names."""
        return await self._switch.running().schedules.some(list(names))

    async def get_schedule(self, name: str) -> ScheduleInfo:
        """One schedule. Raises ScheduleNotFoundError."""
        return await self._switch.running().schedules.one(name)

    async def run_schedule(self, name: str) -> UUID:
        """Submit a task of a schedule now, whatever its ticks are, and also while it is paused;
        returns the id of the task, whose ``tick`` is ``None``.

        Raises ScheduleNotFoundError, also for a schedule that is not registered in this process,
        and what making the task raises.
        """
        return await self._switch.running().schedules.run(name)

    async def pause_schedule(self, name: str) -> ScheduleInfo:
        """Let no tick of a schedule submit a task until it is resumed. A pause is stored, and stays
        through restarts. Returns the schedule as it is now; raises ScheduleNotFoundError."""
        return await self._switch.running().schedules.pause(name)

    async def resume_schedule(self, name: str) -> ScheduleInfo:
        """Go on with a paused schedule at its next tick: ticks of the pause count as not missed.
        Returns the schedule as it is now; raises ScheduleNotFoundError."""
        return await self._switch.running().schedules.resume(name)
