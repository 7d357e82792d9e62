"""The manager, which an application calls: accepts tasks, has them run, reports their state."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Self
from uuid import UUID

from bgtasks.backends.base import Backend
from bgtasks.clock import Clock, Timing
from bgtasks.concurrency.services import Service
from bgtasks.core.codec import TaskCodec
from bgtasks.core.schedules.definition import NO_SCHEDULES, Schedules
from bgtasks.core.task_types import TypeInfo
from bgtasks.errors import ManagerStateError
from bgtasks.execution.hooks import Hooks
from bgtasks.hooks import BackgroundTaskHook
from bgtasks.manager.current import attempt_context
from bgtasks.manager.doors.changing import Changing
from bgtasks.manager.doors.looking import Looking
from bgtasks.manager.doors.operating import Operating
from bgtasks.manager.doors.submitting import Submitting
from bgtasks.manager.run import ManagerRun
from bgtasks.manager.switch import Switch
from bgtasks.models import (
    Health,
)
from bgtasks.observing.subscribers import Subscribers
from bgtasks.observing.updates import TaskUpdatedEvent
from bgtasks.registry import Registry
from bgtasks.settings import Settings

__all__ = ["BackgroundTaskManager"]


class BackgroundTaskManager(Submitting, Changing, Looking, Operating):
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
