"""A manager between one start and the stop after it."""

import asyncio
import contextvars
import enum
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from bgtasks.backends.base import Backend
from bgtasks.clock import Clock, DatedClock, Timing
from bgtasks.concurrency.services import Service, Services, take_steps
from bgtasks.core.codec import TaskCodec
from bgtasks.core.keys import keyed
from bgtasks.core.overview import Vitals
from bgtasks.core.record import TaskRecord
from bgtasks.core.retention import rules_of
from bgtasks.core.schedules.definition import Schedules
from bgtasks.core.submission import SubmitOptions, new_record
from bgtasks.core.task_types import TypeInfo
from bgtasks.errors import SettingsError
from bgtasks.execution.executor import Executor
from bgtasks.execution.hooks import Hooks
from bgtasks.execution.launch import check_task_factory
from bgtasks.execution.log_capture import LogCapture
from bgtasks.execution.loop_watch import LoopWatch
from bgtasks.execution.memory import rss_bytes
from bgtasks.manager.again import task_like
from bgtasks.manager.infos import Infos
from bgtasks.manager.pruning import pruning
from bgtasks.manager.schedules.control import ScheduleControl
from bgtasks.manager.schedules.making import TaskMaker
from bgtasks.manager.schedules.ticking import Ticking
from bgtasks.manager.serving import Serving, say_what_is_waited_for
from bgtasks.manager.settled import TellingHooks
from bgtasks.manager.statistics import Statistics, keeping
from bgtasks.manager.types import Types
from bgtasks.manager.waiting import Waiting
from bgtasks.models import BackgroundTaskBase, Health
from bgtasks.observing.subscribers import Subscribers
from bgtasks.observing.updates import TaskUpdatedEvent
from bgtasks.registry import Registry
from bgtasks.settings import Settings

__all__ = ["ManagerRun", "State"]


class State(enum.Enum):
    """The states of a run, in the order it passes them."""

    STARTING = enum.auto()
    RUNNING = enum.auto()
    STOPPING = enum.auto()
    CLOSED = enum.auto()


class ManagerRun:
    """Builds what a running manager consists of and connects it: the store, the executor of
    attempts, and the services. To be started once and stopped once."""

    def __init__(
        self,
        registry: Registry,
        codec: TaskCodec,
        clock: Clock,
        timing: Timing,
        updates: TaskUpdatedEvent,
        type_updates: Subscribers[TypeInfo],
        schedule_updates: Subscribers[Collection[str]],
        log_updates: Subscribers[Collection[UUID] | None],
        context: contextvars.Context,
        settings: Settings,
        visits: bool,
        schedules: Schedules,
        backend: Backend,
        hooks: Hooks,
    ) -> None:
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self.state: State = State.STARTING
        self.answers: bool = False
        """Whether the store is open (any thread)."""
        self.backend = backend
        self.infos: Infos = Infos(registry, codec, backend.now)
        self.statistics: Statistics = Statistics(backend)
        self.types: Types = Types(registry, backend, self.infos, type_updates.tell)
        self._registry = registry
        self._settings = settings
        self._visits = visits
        self._codec = codec
        self._timing = timing
        self._updates = updates
        self._hooks = hooks
        self._executor = Executor(
            registry,
            codec,
            DatedClock(clock, backend.now),
            timing,
            settings.publish_interval,
            backend.save,
            torn_down=lambda: self._serving.is_torn_down,
            hooks=hooks,
            new_context=context.copy,
            log=backend.log,
        )
        self.waiting: Waiting = Waiting(backend, self._executor)
        self._watch = LoopWatch(timing, self._executor.whose_turn)
        backend.vitals = self._vitals
        self._serving = Serving(backend, self._executor, clock, timing, settings.stop_grace)
        self._services = Services()
        if hooks.are_told_of_ends and not visits:
            telling = TellingHooks(backend, hooks, self.infos, clock, timing)
            self._services.add(telling)
            backend.subscribe(telling.heard, wanted=lambda: False)
        if settings.run_tasks:
            if any(item.logs is not None for item in registry):
                self._services.add(LogCapture())
            self._services.add(self._watch)  # the event loop is watched while workers run on it
            self._services.add(self._serving)
        rules = rules_of(settings.retention, {item.type_name: item.retention for item in registry})
        if rules and not visits:
            self._services.add(pruning(backend, rules, clock, timing))
        if not visits:
            age = settings.statistics_retention
            self._services.add(keeping(backend, age, clock, timing))
        maker = TaskMaker(self._record)
        self.schedules: ScheduleControl = ScheduleControl(backend, schedules, maker, backend.now)
        backend.subscribe_schedules(schedule_updates.tell)
        backend.subscribe_logs(log_updates.tell)
        if settings.fires and schedules and not visits:
            types = registry.names(settings.types)
            store_clock = DatedClock(clock, backend.now)
            self._services.add(Ticking(backend, schedules, types, maker, store_clock))
        self._stopped: asyncio.Task[None] | None = None
        backend.subscribe(self._on_change, wanted=self._is_watched)

    async def start(self, accompanying: Iterable[Service]) -> None:
        """Open the store and start the services, ``accompanying`` ones last."""
        if self._settings.run_tasks:
            await check_task_factory()
        await self.backend.start()
        self.state, self.answers = State.RUNNING, True
        try:
            if not self._visits:
                await self.schedules.register(fires=self._settings.fires)
            for service in accompanying:
                self._services.add(service)
            self._services.start()
        except BaseException:
            await self.stop()
            raise

    def accompany(self, service: Service) -> None:
        """One more service, started as soon as the event loop comes to it (any thread)."""
        self.loop.call_soon_threadsafe(self._start_late, service)

    async def stop(self) -> None:
        """Stop the services, then close the store. Goes on to its end even if the call is
        cancelled; the next call waits for it."""
        if self._stopped is None:
            self.state = State.STOPPING
            self._stopped = asyncio.create_task(self._stop())
        try:
            await asyncio.shield(self._stopped)
        except KeyboardInterrupt:  # it came in the middle of the stop: the next call begins anew
            self._stopped = None
            raise

    def hurry(self) -> None:
        """End the grace period of running workers at the stop."""
        self._executor.hurry()

    async def served(self) -> None:
        """Wait until tasks are no longer run here; raises the error that ended it."""
        await self._serving.served()

    def health(self) -> Health:
        """Whether tasks are kept, run and shown (any thread)."""
        troubles = [
            self._serving.trouble,
            self._watch.trouble,
            self.backend.trouble(),
            self._services.trouble,
        ]
        return Health(
            trouble=next((trouble for trouble in troubles if trouble is not None), None),
            running=self._executor.running,
            max_concurrency=self._settings.max_concurrency,
            blocked_for=self._watch.blocked_for,
        )

    def _vitals(self) -> Vitals:
        lag = self._watch.lag * 1000 if self._settings.run_tasks else None
        return Vitals(lag, rss_bytes())

    def new_task_like(
        self, record: TaskRecord, changed: Mapping[str, Any] | None
    ) -> BackgroundTaskBase:
        """See :func:`~bgtasks.manager.again.task_like`."""
        return task_like(self._registry, self._codec, record, changed)

    async def submit(
        self, tasks: Iterable[BackgroundTaskBase], options: SubmitOptions
    ) -> tuple[list[TaskRecord], Mapping[int, TaskRecord]]:
        """Keep new tasks, all or none. Returns their records, and by their places those of tasks
        that hold the keys of tasks that were not accepted."""
        now = self.backend.now()
        records = [self._record(task, options, now) for task in tasks]
        if not records:
            return [], {}
        if options.key is not None and len(records) > 1:
            raise SettingsError(
                f"key is for one task, and there are {len(records)}: submit each with its own"
            )
        return records, await self.backend.submit(records, options.connection)

    def _record(
        self, task: BackgroundTaskBase, options: SubmitOptions, now: datetime | None = None
    ) -> TaskRecord:
        now = now or self.backend.now()
        registration = self._registry.of(task)
        data = self._codec.encode_task(task)
        per_key = registration.per_key
        turn_key = None if per_key is None else per_key.key_of(options.owner, task, data)
        record = new_record(task, registration.type_name, data, options, now, turn_key)
        if registration.version != 1:
            record = record._replace(version=registration.version)
        record = self._hooks.with_headers(task, record)
        if registration.unique is None and options.key is None:
            return record
        return keyed(record, task, registration.unique, options.key)

    def _is_watched(self) -> bool:
        """Whether anybody would hear of what other processes change."""
        return bool(self.waiting) or self._updates.has_subscribers

    def _on_change(self, record: TaskRecord) -> None:
        self.waiting.tell(record)
        if self._updates.has_subscribers:
            self._updates.publish(self.infos.of(record))

    def _start_late(self, service: Service) -> None:
        if self.state is State.RUNNING:
            self._services.add(service)
            service.start()

    async def _stop(self) -> None:
        say_what_is_waited_for(self._executor.running_tasks(), self._settings.stop_grace)
        grace, hurried = self._timing.handler_grace, self._executor.hurried
        await take_steps(
            [
                self._services.stop,
                self._close,
                partial(self._updates.drain, grace, unless=hurried),
            ]
        )
        self.waiting.close()

    async def _close(self) -> None:
        self.state, self.answers = State.CLOSED, False
        await self.backend.stop()
