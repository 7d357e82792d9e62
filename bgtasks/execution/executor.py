"""All attempts that run in this process: starts them, paces their reports, ends them."""

import asyncio
import contextvars
import logging
import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

from bgtasks.clock import Clock, Timing, resolve, wait_done
from bgtasks.core.codec import TaskCodec
from bgtasks.core.events import Ended, Failed, Reported
from bgtasks.core.log_chunks import NewLines
from bgtasks.core.record import TaskRecord
from bgtasks.core.task_log import Logs
from bgtasks.execution.attempt import Attempt
from bgtasks.execution.hooks import NO_HOOKS, Hooks
from bgtasks.execution.launch import launch, never_began
from bgtasks.execution.outcome import StopReason
from bgtasks.execution.scope import ScopePlan
from bgtasks.logs import LoggedTask, log_fields, log_safely, task_of_context
from bgtasks.observing.coalescing import Coalescer
from bgtasks.registry import Registry

__all__ = ["Executor"]

logger: logging.Logger = logging.getLogger(__name__)

Save = Callable[[UUID, Reported | Ended], None]
Over = Callable[[Ended], None]
KeepLines = Callable[[UUID, int, NewLines, Logs], None]


class Executor:
    """Runs attempts on the event loop it was made on.

    ``save`` takes what attempts report; it must not block. Reports of one attempt reach ``save``
    at most once every ``publish_interval`` seconds, counted from the claim, which was published
    too. No later station delays a report. ``torn_down`` says whether the event loop is being
    ended without a stop: an attempt cancelled then was interrupted and did not fail.
    ``new_context`` makes the context of an attempt. ``log`` takes the lines that attempts log, as
    often as ``save`` takes reports, and before it takes an outcome.
    """

    def __init__(
        self,
        registry: Registry,
        codec: TaskCodec,
        clock: Clock,
        timing: Timing,
        publish_interval: float,
        save: Save,
        torn_down: Callable[[], bool] = lambda: False,
        hooks: Hooks = NO_HOOKS,
        new_context: Callable[[], contextvars.Context] = contextvars.Context,
        log: KeepLines = lambda *_: None,
    ) -> None:
        self._registry = registry
        self._codec = codec
        self._clock = clock
        self._timing = timing
        self._save = save
        self._torn_down = torn_down
        self._hooks = hooks
        self._new_context = new_context
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()  # no attempt's: what it reports is told in this
        self._thread = threading.get_ident()
        self._coalescer: Coalescer[Attempt] = Coalescer(clock, publish_interval, self._publish)
        self._plans = {item.type_name: ScopePlan(item.worker_provider) for item in registry}
        self._running: dict[int, Attempt] = {}  # by ids as numbers: to hash a UUID is slow
        self._over: dict[Attempt, Over] = {}
        self._all_over: asyncio.Future[None] | None = None
        self._tasks: dict[asyncio.Task[Any], Attempt] = {}
        self.hurried: asyncio.Event = asyncio.Event()

    def start(self, record: TaskRecord, over: Over) -> None:
        """Begin the attempt that ``record`` was claimed for; ``over`` is told how it ended."""
        registration = self._registry.named(record.type)
        if registration is None:
            message = f"no worker is registered for {record.type}"
            return over(Ended(record.attempt, Failed(message)))
        attempt = Attempt(
            record,
            registration,
            self._plans[registration.type_name],
            codec=self._codec,
            clock=self._clock,
            timing=self._timing,
            listener=self,
            torn_down=self._torn_down,
            hooks=self._hooks,
        )
        self._running[record.id.int] = attempt
        self._over[attempt] = over
        task = launch(attempt, self._clock, self._gone, self._new_context())
        if task is not None:
            self._tasks[task] = attempt
        return None

    def cancel(self, task_id: UUID, attempt_number: int) -> None:
        """Tell a running attempt that its cancellation was requested; without effect on others."""
        attempt = self._running.get(task_id.int)
        if attempt is not None and attempt.record.attempt == attempt_number:
            attempt.interrupt(StopReason.CANCEL)

    def is_running(self, task_id: UUID) -> bool:
        """Whether an attempt of this task is running here."""
        return task_id.int in self._running

    @property
    def running(self) -> int:
        """How many attempts run here now."""
        return len(self._running)

    def running_tasks(self) -> list[TaskRecord]:
        """The tasks whose attempts run here now, as they were claimed."""
        return [attempt.record for attempt in self._running.values()]

    def whose_turn(self) -> LoggedTask | None:
        """The task whose code the event loop runs at this moment (any thread)."""
        current = asyncio.current_task(self._loop)
        if current is None:
            return None
        if (attempt := self._tasks.get(current)) is not None:
            return attempt.record
        # An asyncio task that a worker started; it shows its context only from Python 3.12 on.
        get_context = getattr(current, "get_context", None)
        return get_context().get(task_of_context) if get_context else None

    def hurry(self) -> None:
        """End the grace period of attempts that are waited for, now or later."""
        self.hurried.set()

    async def drain(self, grace: float) -> None:
        """Wait ``grace`` seconds for the running attempts, then tell them to end, and abandon
        those that still run ``abandon_after`` seconds later."""
        await self._wait(grace, unless=self.hurried)
        for attempt in list(self._running.values()):
            attempt.interrupt(StopReason.STOP)
        await self._wait(self._timing.abandon_after)
        for attempt in list(self._running.values()):
            self._abandon(attempt)
        self._coalescer.close()

    def changed(self, attempt: Attempt) -> None:
        """An attempt has a newer state (any thread)."""
        if threading.get_ident() == self._thread:
            self._loop.call_soon(self._mark, attempt, context=self._context)
        else:
            self._loop.call_soon_threadsafe(self._mark, attempt, context=self._context)

    def decided(self, attempt: Attempt) -> None:
        """A worker set a final status (any thread)."""
        self._loop.call_soon_threadsafe(self._settle, attempt, context=self._context)

    def ended(self, attempt: Attempt, ended: Ended) -> None:
        """An attempt is over: its slot is free."""
        self._coalescer.drop(attempt)
        self._forget(attempt)
        self._hand_over_lines(attempt)
        self._over.pop(attempt)(ended)

    def _gone(self, task: asyncio.Task[Any]) -> None:
        attempt = self._tasks.pop(task)
        if attempt.outcome is None:
            never_began(attempt, task)

    def _forget(self, attempt: Attempt) -> None:
        key = attempt.record.id.int
        if self._running.get(key) is attempt:
            del self._running[key]
        if self._all_over is not None and not self._running:
            resolve(self._all_over)

    def _settle(self, attempt: Attempt) -> None:
        decision = attempt.decision()
        if decision is not None:
            self._coalescer.drop(attempt)
            self._hand_over_lines(attempt)
            self._save(attempt.record.id, decision)

    def _publish(self, attempt: Attempt) -> None:
        if attempt.record.id.int not in self._running:
            return
        self._hand_over_lines(attempt)
        if (report := attempt.collect()) is not None:
            self._save(attempt.record.id, Reported(attempt.record.attempt, report))

    def _hand_over_lines(self, attempt: Attempt) -> None:
        log = attempt.log
        if log is not None and (lines := log.take()) is not None:
            self._log(attempt.record.id, attempt.record.attempt, lines, log.logs)

    def _mark(self, attempt: Attempt) -> None:
        if attempt.outcome is None:  # else its end has told it
            self._coalescer.mark(attempt, since=attempt.began)

    async def _wait(self, seconds: float, unless: asyncio.Event | None = None) -> None:
        if self._running:
            self._all_over = self._loop.create_future()
            await wait_done([self._all_over], self._clock, seconds, unless=unless)

    def _abandon(self, attempt: Attempt) -> None:
        log_safely(
            logger,
            logging.ERROR,
            "task %s (%s) did not end within %g seconds of being told to: left behind, "
            "it will run again",
            attempt.record.id,
            attempt.record.type,
            self._timing.abandon_after,
            extra=log_fields(attempt.record),
        )
        attempt.abandon()
