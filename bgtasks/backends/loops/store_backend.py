"""A backend over a task store: the loops stand here once for all stores."""

from abc import abstractmethod
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID

from bgtasks.backends.base import AttemptRunner, Backend, ChangeHandler, TypeHandler
from bgtasks.backends.log_store import LogHandler
from bgtasks.backends.loops.commands import Commands
from bgtasks.backends.loops.faceting import facets
from bgtasks.backends.loops.log_outbox import LogOutbox
from bgtasks.backends.loops.outbox import Outbox
from bgtasks.backends.loops.pacing import OutboxPace, ServingPace
from bgtasks.backends.loops.runs import Run, Runs
from bgtasks.backends.loops.searching import Searching
from bgtasks.backends.loops.serving import Serving
from bgtasks.backends.schedule_store import ScheduleHandler, ScheduleStore
from bgtasks.backends.task_store import Doing, TaskStore
from bgtasks.clock import Clock
from bgtasks.core.attempts import bounded
from bgtasks.core.events import Ended, Reported
from bgtasks.core.facets import FacetQuery
from bgtasks.core.flows import Flows
from bgtasks.core.log_chunks import NewLines, StoredLog
from bgtasks.core.overview import MAX_SHOWN_TASKS, Overview
from bgtasks.core.record import Counts, OwnerCounts, TaskPage, TaskQuery, TaskRecord
from bgtasks.core.retention import PruneRule
from bgtasks.core.task_log import Logs
from bgtasks.core.task_types import TypeRecord
from bgtasks.errors import BackendError
from bgtasks.models import Attempt, FailureFacet, FailureGroup, ProcessInfo
from bgtasks.observing.subscribers import Subscribers

__all__ = ["OpenStore", "StoreBackend"]

TStore = TypeVar("TStore", bound=TaskStore)


class OpenStore(Generic[TStore]):
    """What is there between a start and its stop: the store, and the loops over it.

    ``clock`` is the one that the loops wait by, ``now`` dates changes.
    """

    def __init__(
        self,
        store: TStore,
        runs: Runs,
        clock: Clock,
        now: Callable[[], datetime],
        *,
        outbox_pace: OutboxPace,
        serving_pace: ServingPace,
    ) -> None:
        self.store = store
        self.runs = runs
        self.logs: LogOutbox = LogOutbox(store, clock, outbox_pace.pauses)
        self.outbox: Outbox = Outbox(
            store, runs, clock, now, lost=self._lost, pace=outbox_pace, before=self.logs.send
        )
        self.serving: Serving = Serving(store, runs, self.outbox, clock, serving_pace)
        self.commands: Commands = Commands(store, runs, clock, now, cancel=self.serving.cancel)

    def save(self, task_id: UUID, event: Reported | Ended) -> None:
        """Take over what a running attempt reports, or how it ended."""
        run = self.runs.of_attempt(task_id, event.attempt)
        if run is None:
            return
        if isinstance(event, Ended):
            self.outbox.end(run, event, over=False)
        else:
            self.outbox.report(run, event)

    async def close(self) -> None:
        """Write what waits, for some seconds, and let the store go."""
        self.store.hurry()
        await self.outbox.stop()
        await self.logs.stop()
        await self.store.close()

    def _lost(self, run: Run) -> None:
        self.serving.cancel(run.record.id, run.attempt)


class StoreBackend(Backend, Generic[TStore]):
    """Opens a store at the start, and lets it go at the stop. ``name`` stands for the store in
    messages."""

    def __init__(self, name: str, clock: Clock) -> None:
        self._name = name
        self._clock = clock
        self.subscribers: Subscribers[TaskRecord] = Subscribers(lambda item: f"task {item.id}")
        self.type_subscribers: Subscribers[TypeRecord] = Subscribers(
            lambda item: f"type {item.name}"
        )
        self.schedule_subscribers: Subscribers[Collection[str]] = Subscribers(lambda _: "schedules")
        self.log_subscribers: Subscribers[Collection[UUID] | None] = Subscribers(lambda _: "logs")
        self._opened: OpenStore[TStore] | None = None

    @abstractmethod
    async def _open(self) -> OpenStore[TStore]:
        """Open the store, as :meth:`Backend.start` says; it announces to ``subscribers``."""

    async def start(self) -> None:
        self._opened = await self._open()

    async def stop(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.close()

    # Changing tasks

    def submit(
        self, records: Sequence[TaskRecord], connection: Any = None
    ) -> Coroutine[Any, Any, Mapping[int, TaskRecord]]:
        return self._there.store.insert(records, connection)

    def save(self, task_id: UUID, event: Reported | Ended) -> None:
        if self._opened is not None:
            self._opened.save(task_id, event)

    def log(self, task_id: UUID, attempt: int, lines: NewLines, logs: Logs) -> None:
        opened = self._opened
        run = None if opened is None else opened.runs.of_attempt(task_id, attempt)
        if opened is not None and run is not None:
            opened.logs.add(run, lines, logs)

    async def request_cancel(self, task_id: UUID) -> TaskRecord | None:
        return await self._there.commands.cancel(task_id)

    async def retry(self, task_id: UUID) -> TaskRecord | None:
        return await self._there.commands.retry(task_id)

    async def delete(self, task_id: UUID) -> bool:
        return await self.store.delete(task_id)

    async def prune(self, rule: PruneRule, limit: int) -> int:
        return await self.store.prune(rule, self.now() - rule.age, limit)

    async def take_ended(self, seconds: float, limit: int) -> Sequence[TaskRecord]:
        now = self.now()
        return await self.store.take_ended(now, now + timedelta(seconds=seconds), limit)

    async def told(self, ended: Sequence[TaskRecord]) -> None:
        await self.store.told(ended)

    async def pause(self, type_name: str, reason: str | None) -> None:
        await self.store.pause(type_name, reason)

    async def resume(self, type_name: str) -> None:
        await self.store.resume(type_name)

    def now(self) -> datetime:
        return self._clock.now()

    # Looking at tasks

    async def get(self, task_id: UUID) -> TaskRecord | None:
        return await self.store.reads.get(task_id)

    async def find(
        self, task_ids: Sequence[UUID], *, payloads: bool = False
    ) -> Sequence[TaskRecord]:
        return await self.store.reads.show(task_ids, payloads=payloads)

    async def list(self, query: TaskQuery) -> TaskPage:
        if query.search:
            return await self._searching.page(query)
        return await self.store.reads.page(query)

    async def count(self, query: TaskQuery) -> Counts:
        if query.search:
            return await self._searching.count(query)
        return await self.store.reads.count(query)

    async def count_owners(self, query: TaskQuery) -> OwnerCounts:
        return await self._searching.count_owners(query)

    async def attempts(self, task_id: UUID) -> Sequence[Attempt]:
        return bounded(await self.store.reads.attempts(task_id))

    async def logs(self, task_id: UUID, after: int = 0) -> StoredLog:
        return await self.store.logs.read(task_id, after)

    async def types(self, names: Sequence[str] | None = None) -> Sequence[TypeRecord]:
        return await self.store.reads.types(names)

    async def processes(self) -> Sequence[ProcessInfo]:
        opened = self._there
        return await opened.store.processes(
            Doing(
                runs_tasks=opened.serving.is_serving,
                running=opened.runs.running,
                tasks=opened.runs.ids(MAX_SHOWN_TASKS),
                vitals=self.vitals(),
            )
        )

    async def flows(self, first: int, step: int, points: int, type_name: str | None) -> Flows:
        return await self.store.reads.flows(first, step, points, type_name)

    async def flows_by_type(self, first: int, last: int) -> Mapping[tuple[str, int, int], int]:
        return await self.store.reads.flows_by_type(first, last)

    async def sum_up_flows(self, first: int, last: int) -> int | None:
        return await self.store.sum_up_flows(first, last)

    async def drop_flows(self, before: int) -> None:
        await self.store.drop_flows(before)

    async def failure_groups(
        self, start: datetime, end: datetime, types: Sequence[str] = ()
    ) -> Sequence[FailureGroup]:
        return await self.store.reads.failure_groups(start, end, types)

    async def failure_facets(self, wanted: FacetQuery) -> Sequence[FailureFacet]:
        return await facets(self.store.reads, wanted)

    async def overview(self) -> Overview:
        return await self.store.reads.overview(self.now())

    def trouble(self) -> str | None:
        opened = self._opened
        return None if opened is None else opened.store.trouble() or opened.serving.trouble

    @property
    def schedules(self) -> ScheduleStore:
        return self.store.schedules

    def subscribe_logs(self, handler: LogHandler) -> Callable[[], None]:
        return self.log_subscribers.subscribe(handler)

    def subscribe_schedules(self, handler: ScheduleHandler) -> Callable[[], None]:
        return self.schedule_subscribers.subscribe(handler)

    def subscribe(
        self, handler: ChangeHandler, wanted: Callable[[], bool] = lambda: True
    ) -> Callable[[], None]:
        return self.subscribers.subscribe(handler, wanted)

    def subscribe_types(self, handler: TypeHandler) -> Callable[[], None]:
        return self.type_subscribers.subscribe(handler)

    # Running tasks

    async def serve(self, runner: AttemptRunner) -> None:
        await self._there.serving.run(runner)

    async def stop_serving(self) -> None:
        if self._opened is not None:
            await self._opened.serving.stop()

    async def written(self) -> None:
        """Wait until every report and outcome that was handed over is written, and the queue was
        looked at since. For tests and tools; nothing else needs to know."""
        await self._there.outbox.flushed()
        await self._there.logs.flushed()
        await self._there.serving.looked()

    @property
    def _searching(self) -> Searching:
        return Searching(self.store.reads, self.now, self._clock)

    @property
    def _there(self) -> OpenStore[TStore]:
        if self._opened is None:
            raise BackendError(f"the task database {self._name} is not open")
        return self._opened

    @property
    def store(self) -> TStore:
        """The store while it is open. Raises BackendError before the start and after the stop."""
        return self._there.store
