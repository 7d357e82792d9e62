"""The manager: takes tasks in, has them run, tells how they are."""

import asyncio
import contextlib
import logging
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from bgtasks.backends.base import Backend
from bgtasks.backends.payloads import with_payloads
from bgtasks.clock import Clock, DatedClock, sleep
from bgtasks.concurrency.lasting import ends_this_task
from bgtasks.concurrency.pace import Pace
from bgtasks.core.codec import TaskCodec
from bgtasks.core.durations import EXAMPLES, Duration, to_seconds
from bgtasks.core.query import BackgroundTaskPage, cursor_of, make_query
from bgtasks.core.record import MAX_PAGE, TaskRecord
from bgtasks.core.submission import due_time, new_record
from bgtasks.core.text import describe, shown
from bgtasks.errors import (
    BackgroundTasksError,
    ManagerStateError,
    SettingsError,
    TaskNotFoundError,
)
from bgtasks.execution.executor import Executor
from bgtasks.execution.launch import check_task_factory
from bgtasks.execution.loop_watch import LoopWatch
from bgtasks.execution.services import Service, Services
from bgtasks.execution.stop_message import say_what_is_waited_for
from bgtasks.logs import log_safely
from bgtasks.models import (
    UNSET,
    AttemptFailure,
    BackgroundTaskBase,
    BackgroundTaskInfo,
    BackgroundTaskStatus,
    Health,
    ProcessInfo,
    Unset,
)
from bgtasks.observing.updates import TaskUpdatedEvent
from bgtasks.observing.watching import Watch, Watchers
from bgtasks.registration import Registry
from bgtasks.settings import Settings

__all__ = ["BackgroundTaskManager"]

logger = logging.getLogger(__name__)

PRUNE_EVERY = 60.0
"""Seconds between two looks for tasks that have been kept long enough."""

LONG_BLOCK = 5.0
"""Seconds for which the event loop may be blocked before the manager is called unhealthy."""

SERVING_GRACE = 10.0
"""Seconds in which a backend ceases to serve, once no attempt runs any more."""

HANDLER_GRACE = 5.0
"""Seconds that busy handlers of ``task_updated`` get at a stop."""

PRUNE_BATCH = 500
"""Tasks dropped in one commit, so that pruning holds nobody up."""


class BackgroundTaskManager:
    """Runs tasks and tells about them. All ``async`` methods belong to the event loop that
    ``start`` ran on; from other threads (sync request handlers) use
    :class:`~bgtasks.BlockingTaskManager`.

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
        backend_factory: Callable[[], Backend],
    ) -> None:
        registry.names(settings.types)  # before anything is started
        self.task_updated = TaskUpdatedEvent(clock)
        self._registry = registry
        self._settings = settings
        self._codec = codec
        self._clock = clock
        self._backend_factory = backend_factory
        self._backend: Backend | None = None
        self._executor: Executor | None = None
        self._loop_watch: LoopWatch | None = None
        self._watchers = Watchers()
        self._services = Services()
        self._entered = 0
        self._background: list[asyncio.Task[Any]] = []
        self._serving: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._switching = asyncio.Lock()
        self._stopping: asyncio.Task[None] | None = None

    # Start and stop

    def configure(self, settings: Settings) -> None:
        """Use other settings from the next start on; the backend gets those of the container.

        Raises ManagerStateError while it is running, SettingsError for unregistered ``types``.
        """
        if self._backend is not None:
            raise ManagerStateError(
                "the background task manager is running: stop it before it is given other settings"
            )
        self._registry.names(settings.types)
        self._settings = settings

    async def start(self) -> None:
        """Open the store, take back what a crash left, and begin to run tasks.

        Raises BackendError and its kind where the store cannot be used, ManagerStateError where
        the event loop's task factory cannot run attempts.
        """
        async with self._switch():
            await self._stopped()
            if self._backend is not None:
                return
            self._loop = asyncio.get_running_loop()
            if self._settings.run_tasks:
                await check_task_factory()
            backend = self._backend_factory()
            backend.subscribe(self._on_change, wanted=self._is_watched)
            await backend.start()
            try:
                executor = self._new_executor(backend)
            except BaseException:
                await backend.stop()
                raise
            self._backend, self._executor = backend, executor
            try:
                self._run(backend, executor)
            except BaseException:
                await self._stop(backend, executor)
                raise

    async def stop(self) -> None:
        """Claim nothing more, give running workers the grace period, then tell them to end;
        what is interrupted waits for the next start. Returns when all is written.

        Handlers of ``task_updated`` that are still busy then get five seconds more. What goes
        wrong on the way is logged and does not keep the rest from being stopped.

        A stop goes on to its end even if the call is cancelled; the next call waits for it.
        """
        async with self._switch():
            await self._stopped()
            backend, executor = self._backend, self._executor
            if backend is None or executor is None:
                return
            self._stopping = asyncio.create_task(self._stop(backend, executor))
            await self._stopped()

    def hurry(self) -> None:
        """Give running workers no more grace at the stop that is under way, or at the next one."""
        if self._executor is not None:
            self._executor.hurry()

    async def wait_served(self) -> None:
        """Wait until no more tasks are run here: returns at a stop; raises BackendError and its
        kind, or whatever else has put an end to it."""
        if self._serving is not None:
            self._check_loop()
            await asyncio.shield(self._serving)

    async def __aenter__(self) -> Self:
        self._entered += 1
        try:
            await self.start()
        except BaseException:
            self._entered -= 1
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._entered -= 1
        if self._entered == 0:
            await self.stop()

    def accompany(self, service: Service) -> None:
        """Start ``service`` with this manager, right after it, and stop it right before it, from
        now on; at once, if the manager runs already."""
        self._services.add(service)
        if self._backend is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._start_late, service)

    def _start_late(self, service: Service) -> None:
        if self._backend is not None and self._stopping is None:
            service.start()

    @property
    def event_loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop that a running manager belongs to; ``None`` if it is not running."""
        return self._loop if self._backend is not None else None

    async def get_processes(self) -> Sequence[ProcessInfo]:
        """The processes that share the database, this one too, oldest start first."""
        return await self._started().processes()

    def now(self) -> datetime:
        """The present time by the clock that dates all tasks: that of the database server, which
        may differ from this host's; timezone-aware UTC. May be called from any thread."""
        return self._clock.now() if self._backend is None else self._backend.now()

    def health(self) -> Health:
        """Whether this manager can do its work. May be called from any thread."""
        backend, executor, watch = self._backend, self._executor, self._loop_watch
        if backend is None or executor is None:
            return Health(trouble="the background task manager is not running")
        blocked_for = watch.blocked_for if watch else 0.0
        trouble = backend.trouble()
        if self._serving is not None and self._serving.done():
            trouble = "background tasks are not run any more: see the log"
        elif blocked_for > LONG_BLOCK:
            trouble = f"the event loop has been blocked for {blocked_for:.0f} seconds: see the log"
        return Health(
            trouble=trouble or self._services.trouble,
            running=executor.running,
            max_concurrency=self._settings.max_concurrency,
            blocked_for=blocked_for,
        )

    # Tasks

    async def run_task(
        self,
        task: BackgroundTaskBase,
        *,
        owner: str | None = None,
        delay: Duration | None = None,
        run_at: datetime | None = None,
        priority: int = 0,
        connection: Any = None,
    ) -> UUID:
        """Accept ``task``; when this returns its id, the task is durable and will be run.

        ``owner`` says whose it is (at most 255 characters); ``delay`` (seconds, a timedelta, or a
        text such as ``"10 m"``) or ``run_at`` (an aware time) when it may start at the earliest,
        at most 3,660 days from now; a higher ``priority`` (-1,000,000 to 1,000,000) goes before a
        lower one.

        With ``connection`` the task exists exactly when the caller's transaction is committed,
        and runs from then on. Accepted are an asyncpg connection, or an SQLAlchemy
        ``AsyncConnection`` or ``AsyncSession`` on asyncpg, to the PostgreSQL database that the
        tasks are kept in.

        Raises UnregisteredTaskError, SerializationError (which names the field),
        DuplicateTaskError (the caller's transaction can go on), SettingsError for the other
        arguments, BackendError where it could not be stored or ``connection`` cannot be used,
        ManagerStateError before start, after stop, and on another event loop.
        """
        backend = self._started()
        due = due_time(delay, run_at, backend.now())
        record = self._record(task, owner, due, priority, delayed=delay is not None)
        await backend.submit([record], connection)
        return task.id

    async def run_tasks(
        self,
        tasks: Iterable[BackgroundTaskBase],
        *,
        owner: str | None = None,
        delay: Duration | None = None,
        run_at: datetime | None = None,
        priority: int = 0,
        connection: Any = None,
    ) -> list[UUID]:
        """Accept several tasks, all or none. Arguments and errors are those of ``run_task``."""
        backend = self._started()
        due = due_time(delay, run_at, backend.now())
        delayed = delay is not None
        records = [self._record(task, owner, due, priority, delayed=delayed) for task in tasks]
        if records:
            await backend.submit(records, connection)
        return [record.id for record in records]

    async def cancel_task(self, task_id: UUID) -> bool:
        """Ask for the end of a task; whether there was something to cancel.

        A waiting task is cancelled when this returns. A running one is told, and says
        ``Cancelled`` once its worker has ended.
        """
        return await self.request_cancel(task_id) is not None

    async def retry_task(self, task_id: UUID) -> bool:
        """Run a failed or cancelled task again; ``False`` if it is neither."""
        return await self.request_retry(task_id) is not None

    async def request_cancel(self, task_id: UUID) -> BackgroundTaskInfo[Any] | None:
        """As ``cancel_task``; returns the task as it is now, as a page has it, or ``None``."""
        record = await self._started().request_cancel(_checked_id(task_id))
        return None if record is None else self._info(record)

    async def request_retry(self, task_id: UUID) -> BackgroundTaskInfo[Any] | None:
        """As ``retry_task``; returns the task as it is now, as a page has it, or ``None``."""
        record = await self._started().retry(_checked_id(task_id))
        return None if record is None else self._info(record)

    async def try_get_task(self, task_id: UUID) -> BackgroundTaskInfo[Any] | None:
        """The newest snapshot of a task; ``None`` if there is no such task."""
        record = await self._find(task_id)
        return None if record is None else self._info(record)

    async def find_tasks(self, task_ids: Iterable[UUID]) -> list[BackgroundTaskInfo[Any]]:
        """Those of these tasks that there are, in the order of their ids, as a page has them."""
        ids = [_checked_id(task_id) for task_id in task_ids]
        backend = self._started()
        found: list[BackgroundTaskInfo[Any]] = []
        for start in range(0, len(ids), MAX_PAGE):
            records = await backend.find(ids[start : start + MAX_PAGE])
            known = {info.id: info for info in await self._infos(records)}
            found += [known[item] for item in ids[start : start + MAX_PAGE] if item in known]
        return found

    async def get_tasks(
        self,
        *,
        type: str | Iterable[str] | Unset = UNSET,  # noqa: A002 - the glossary's word
        status: BackgroundTaskStatus | str | Iterable[BackgroundTaskStatus | str] | Unset = UNSET,
        owner: str | None | Iterable[str | None] | Unset = UNSET,
        limit: int = 50,
        cursor: str | None = None,
        payloads: bool = False,
    ) -> BackgroundTaskPage:
        """A page of tasks, newest accepted first.

        Each filter takes one value or several; ``owner=None`` means tasks without an owner.
        ``limit`` is 1 to 1,000; ``cursor`` is the ``next_cursor`` of the page before. Payloads of
        more than 4,096 characters of JSON are left out (``payload_omitted``), unless ``payloads``
        asks for them: then a page ends where those it has are longer than a million characters.
        Raises QueryError for what cannot be asked.
        """
        backend = self._started()
        query = make_query(type=type, status=status, owner=owner, limit=limit, cursor=cursor)
        page = await backend.list(query)
        if payloads:
            page = await with_payloads(backend, page)
        items = tuple(await self._infos(page.records))
        return BackgroundTaskPage(items, cursor_of(page.next_before))

    async def cursor_after(self, task_id: UUID) -> str | None:
        """The cursor for ``get_tasks`` that goes on after this task; ``None`` if there is no such
        task."""
        records = await self._started().find([_checked_id(task_id)])
        return cursor_of(records[0].sequence) if records else None

    async def get_failures(self, task_id: UUID) -> Sequence[AttemptFailure]:
        """How each attempt of a task ended that failed or was interrupted, oldest first."""
        return await self._started().failures(_checked_id(task_id))

    async def wait_for(
        self, task_id: UUID, timeout: Duration | None = None
    ) -> BackgroundTaskInfo[Any]:
        """Wait until a task is final; gives back its final snapshot.

        Raises TaskNotFoundError, ``TimeoutError`` after ``timeout`` (seconds, a timedelta, or a
        text such as ``"10 m"``) with what the task is then, and ManagerStateError if the manager is
        stopped meanwhile. Raises SettingsError for a ``timeout`` that is none.
        """
        watch = self._watchers.add(_checked_id(task_id), only_final=True)
        try:
            if timeout is None:
                return self._info(await self._final_record(watch, task_id))
            seconds = _checked_timeout(timeout)
            try:
                async with asyncio.timeout(seconds) as timer:
                    return self._info(await self._final_record(watch, task_id))
            except TimeoutError:
                if not timer.expired():
                    raise
            raise TimeoutError(f"{self._not_final(watch, task_id)} after {seconds:g} seconds")
        finally:
            self._watchers.remove(task_id, watch)

    async def watch(self, task_id: UUID) -> AsyncGenerator[BackgroundTaskInfo[Any], None]:
        """Iterate over the updates of a task: first what it is now, last its final snapshot.

        A reader that is slower than the task misses steps in between, never the last. Raises
        what ``wait_for`` raises.
        """
        self._started()
        watch = self._watchers.add(_checked_id(task_id))
        try:
            await self._begin(watch, task_id)
            final = False
            while not final:
                record = await watch.next()
                final = record.status.is_final
                yield self._info(record)
        finally:
            self._watchers.remove(task_id, watch)

    # Inside

    def _new_executor(self, backend: Backend) -> Executor:
        return Executor(
            self._registry,
            self._codec,
            DatedClock(self._clock, backend.now),
            self._settings.publish_interval,
            backend.save,
            torn_down=self._is_torn_down,
        )

    def _run(self, backend: Backend, executor: Executor) -> None:
        if self._settings.run_tasks:
            self._serving = asyncio.create_task(backend.serve(executor))
            self._serving.add_done_callback(_log_failure)
            self._loop_watch = LoopWatch(executor.whose_turn)
            self._loop_watch.start()
        if self._settings.retention is not None:
            self._background = [asyncio.create_task(self._prune(self._settings.retention))]
        self._services.start()

    async def _stop(self, backend: Backend, executor: Executor) -> None:
        """Every step is taken, whatever another one raises."""
        watch, self._loop_watch = self._loop_watch, None
        steps: list[Callable[[], Awaitable[object]]] = [
            partial(self._say_what_is_waited_for, executor),
            self._services.stop,
            self._stop_background,
            backend.stop_serving,
            partial(executor.drain, self._settings.stop_grace),
            self._wait_for_serving,
            watch.stop if watch is not None else _nothing,
            partial(self._close, backend),
            partial(self.task_updated.drain, HANDLER_GRACE, unless=executor.hurried),
        ]
        for step in steps:
            try:
                await step()
            except KeyboardInterrupt:
                raise
            except BaseException:
                logger.exception("a step of the stop failed; the stop goes on")
        self._executor = None
        self._watchers.close()

    async def _say_what_is_waited_for(self, executor: Executor) -> None:
        say_what_is_waited_for(executor.running_tasks(), self._settings.stop_grace)

    async def _stop_background(self) -> None:
        background, self._background = self._background, []
        for task in background:
            task.cancel()
        if background:
            await asyncio.wait(background, timeout=SERVING_GRACE)
        for task in background:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                message = "a background task of the manager failed"
                log_safely(logger, logging.ERROR, message, error=error)

    async def _wait_for_serving(self) -> None:
        serving, self._serving = self._serving, None
        if serving is None:
            return
        await asyncio.wait([serving], timeout=SERVING_GRACE)
        if not serving.done():
            logger.error("the backend did not cease to serve within %g seconds", SERVING_GRACE)
            serving.cancel()

    async def _close(self, backend: Backend) -> None:
        self._backend = None
        await backend.stop()

    async def _stopped(self) -> None:
        """Wait for a stop that has begun, if one has."""
        if (stopping := self._stopping) is None:
            return
        try:
            await asyncio.shield(stopping)
        finally:
            if stopping.done():
                self._stopping = None

    def _check_loop(self) -> None:
        loop = self._loop
        if loop is asyncio.get_running_loop():
            return
        if loop is not None and loop.is_closed():
            raise ManagerStateError(
                "the background task manager was started on another event loop, which ended "
                "without stopping it; use 'async with manager:' or the lifespan, which stop it"
            )
        raise ManagerStateError(
            "the background task manager runs on another event loop, and its methods have to be "
            "awaited there; from elsewhere call BlockingTaskManager "
            "(container.background_tasks.blocking_manager()) in a thread: "
            "await asyncio.to_thread(blocking_manager.run_task, task)"
        )

    def _started(self) -> Backend:
        if self._backend is None:
            raise ManagerStateError(
                "the background task manager is not running: start it with the application's "
                "lifespan=container.background_tasks.lifespan(), or 'async with manager:'"
            )
        self._check_loop()
        return self._backend

    def _record(
        self,
        task: BackgroundTaskBase,
        owner: str | None,
        due: datetime | None,
        priority: int,
        *,
        delayed: bool,
    ) -> TaskRecord:
        registration = self._registry.of(task)
        return new_record(
            task,
            registration.type_name,
            self._codec.encode_task(task),
            owner=owner,
            due=due,
            priority=priority,
            now=self.now(),
            delayed=delayed,
        )

    def _info(self, record: TaskRecord) -> BackgroundTaskInfo[Any]:
        registration = self._registry.named(record.type)
        return self._codec.info(record, registration.payload_type if registration else None)

    async def _infos(self, records: Sequence[TaskRecord]) -> list[BackgroundTaskInfo[Any]]:
        """The public snapshots of many records, made some at a time: others have their turn."""
        pace = Pace()
        infos = []
        for record in records:
            await pace.spent(len(record.payload or ""))
            infos.append(self._info(record))
        return infos

    async def _find(self, task_id: UUID) -> TaskRecord | None:
        records = await self._started().find([_checked_id(task_id)], payloads=True)
        return records[0] if records else None

    def _is_watched(self) -> bool:
        """Whether anybody would hear of what other processes change."""
        return bool(self._watchers) or self.task_updated.has_subscribers

    def _on_change(self, record: TaskRecord) -> None:
        self._watchers.tell(record)
        if self.task_updated.has_subscribers:
            self.task_updated.publish(self._info(record))

    async def _final_record(self, watch: Watch, task_id: UUID) -> TaskRecord:
        if not self._ends_here(task_id):
            await self._begin(watch, task_id)
        return await watch.next()

    def _not_final(self, watch: Watch, task_id: UUID) -> str:
        """What is known of a task that was waited for in vain."""
        running = self._executor.running_tasks() if self._executor is not None else []
        record = watch.told or next((item for item in running if item.id == task_id), None)
        if record is None:
            return f"the database has not said what became of task {task_id}"
        return f"task {task_id} ({record.type}) is still {record.status}"

    def _ends_here(self, task_id: UUID) -> bool:
        """Whether the end of a task is still to come for sure, so that the store need not be
        asked: an attempt of it runs here, and can't have been given to another process."""
        if self._executor is None or self._started().shared:
            return False
        return self._executor.is_running(task_id)

    async def _begin(self, watch: Watch, task_id: UUID) -> None:
        record = await self._find(task_id)
        if record is None:
            raise TaskNotFoundError(
                f"there is no task with the id {task_id}: it was never accepted here, or was pruned"
            )
        watch.put(record)

    async def _prune(self, retention: timedelta) -> None:
        while True:
            try:
                dropped = PRUNE_BATCH
                while dropped == PRUNE_BATCH:
                    dropped = await self._started().prune(retention, PRUNE_BATCH)
            except BaseException as error:
                if ends_this_task(error):
                    raise
                expected = isinstance(error, BackgroundTasksError)
                trace = None if expected else error
                logger.error("old tasks could not be dropped: %s", error, exc_info=trace)
            await sleep(self._clock, PRUNE_EVERY)

    def _is_torn_down(self) -> bool:
        """Whether the event loop ends without ``stop``: then it has cancelled ``serve`` too."""
        return self._serving is not None and self._serving.cancelling() > 0

    @contextlib.asynccontextmanager
    async def _switch(self) -> AsyncGenerator[None, None]:
        """One start or stop at a time; a manager that is stopped may change its event loop."""
        if self._backend is not None:
            self._check_loop()
        if self._backend is None and self._loop is not asyncio.get_running_loop():
            self._loop, self._switching = asyncio.get_running_loop(), asyncio.Lock()
            self._stopping = None
        async with self._switching:
            yield


def _checked_id(task_id: UUID) -> UUID:
    if not isinstance(task_id, UUID):
        raise TypeError(f"task_id is {shown(task_id)}; accepted: a uuid.UUID, as run_task gives it")
    return task_id


async def _nothing() -> None:
    """A step that is not there."""


def _checked_timeout(timeout: Any) -> float:
    seconds = math.inf if timeout == math.inf else to_seconds(timeout)
    if seconds is None:
        raise SettingsError(f"timeout is {shown(timeout)}; accepted: seconds, {EXAMPLES}")
    return seconds


def _log_failure(task: "asyncio.Task[None]") -> None:
    message = "background tasks are not run any more: %s"
    if task.cancelled():
        reason = "what runs them was cancelled from outside, or the event loop ended without a stop"
        log_safely(logger, logging.ERROR, message, reason)
    elif (error := task.exception()) is not None:
        log_safely(logger, logging.CRITICAL, message, describe(error), error=error)
