"""One numbered run of a task: build the worker, let it work, find out how it ended."""

import asyncio
import functools
import inspect
import logging
import random
from collections.abc import Callable
from typing import Any, Protocol

from attrs import evolve

from bgtasks.cancellation import CancellationSource, CancellationToken
from bgtasks.clock import Clock, Timer, Timing
from bgtasks.core.codec import TaskCodec
from bgtasks.core.events import Cancelled, Completed, Ended, Failed, Outcome, Report
from bgtasks.core.record import TaskRecord
from bgtasks.core.text import describe
from bgtasks.execution.attempt_log import AttemptLog
from bgtasks.execution.context import AttemptContext
from bgtasks.execution.hooks import NO_HOOKS, AroundAttempt, Hooks
from bgtasks.execution.opened import Resource
from bgtasks.execution.outcome import Ending, Phase, StopReason, failed, outcome_of
from bgtasks.execution.own_task import (
    forget_cancels,
    is_from_terminal,
    is_thrown_away,
    pass_on_interrupt,
)
from bgtasks.execution.scope import Scope, ScopePlan
from bgtasks.execution.worker_thread import call_in_thread, is_coroutine_function
from bgtasks.logs import log_fields, log_safely
from bgtasks.models import BackgroundTaskStatus
from bgtasks.registration import Registration

__all__ = ["Attempt", "AttemptListener"]

logger: logging.Logger = logging.getLogger(__name__)


class AttemptListener(Protocol):
    """Is notified by an attempt. ``changed`` and ``decided`` may be called from any thread."""

    def changed(self, attempt: "Attempt") -> None:
        """There is a newer state to collect."""

    def decided(self, attempt: "Attempt") -> None:
        """The worker set a final status; it may go on running."""

    def ended(self, attempt: "Attempt", ended: Ended) -> None:
        """The attempt is over. Called once, perhaps from inside the attempt's asyncio task."""


class Attempt:
    """Runs ``record`` once. ``run`` must be the body of a task with an empty context.

    ``listener`` hears how it ended, before ``run`` returns if dependencies had to be abandoned.
    """

    __slots__ = (
        "_around",
        "_cancellable",
        "_clock",
        "_codec",
        "_context",
        "_error_phase",
        "_giving_up",
        "_hooks",
        "_is_result_refused",
        "_listener",
        "_phase",
        "_plan",
        "_reason",
        "_registration",
        "_result",
        "_source",
        "_timing",
        "_torn_down",
        "_uniform",
        "_worker_cancelled",
        "began",
        "error",
        "log",
        "outcome",
        "record",
        "runner",
    )

    def __init__(
        self,
        record: TaskRecord,
        registration: Registration,
        plan: ScopePlan,
        *,
        codec: TaskCodec,
        clock: Clock,
        timing: Timing,
        listener: AttemptListener,
        uniform: Callable[[float, float], float] = random.uniform,
        torn_down: Callable[[], bool] = lambda: False,
        hooks: Hooks = NO_HOOKS,
    ) -> None:
        self.record: TaskRecord = record
        self.began: float = clock.monotonic()
        self.error: BaseException | None = None
        self.outcome: Outcome | None = None
        self.runner: asyncio.Task[Any] | None = None
        self.log: AttemptLog | None = None
        self._registration = registration
        self._plan = plan
        self._codec = codec
        self._clock = clock
        self._timing = timing
        self._listener = listener
        self._uniform = uniform
        self._torn_down = torn_down
        self._hooks = hooks
        self._around: AroundAttempt | None = None
        self._source = CancellationSource()
        self._reason: StopReason | None = None
        self._context: AttemptContext | None = None
        self._phase = self._error_phase = Phase.OPENING
        self._cancellable: asyncio.Task[Any] | None = None
        self._worker_cancelled = False
        self._result: str | None = None
        self._is_result_refused = False
        self._giving_up: Timer | None = None

    def begin_log(self) -> AttemptLog | None:
        """Its log, if there is to be one; made when the attempt begins, since many may wait for
        that at the same time."""
        logs = self._registration.logs
        if logs is not None:
            self.log = AttemptLog(logs, self._clock, self.reported)
        return self.log

    def interrupt(self, reason: StopReason) -> None:
        """Tell the attempt to end: set the worker's token and, unless the worker is to end by
        itself, cancel what runs, once; a stop cancels it again. A user's cancel outweighs other
        reasons. Never raises."""
        first = self._reason is None
        if first or reason is StopReason.CANCEL:
            self._reason = reason
        self._source.cancel()
        if reason is StopReason.STOP or (first and not self._is_left_to_the_worker()):
            self._cancel()

    def collect(self) -> Report | None:
        """What the worker reported since the last call; ``None`` if nothing."""
        return self._context.collect() if self._context is not None else None

    @property
    def has_decided(self) -> bool:
        """Whether the worker itself declared how its task ends."""
        return self._context is not None and self._context.decision is not None

    def decision(self) -> Ended | None:
        """The end that the worker itself declared with ``set_status``, if it did."""
        context = self._context
        if context is None or context.decision is None:
            return None
        return Ended(self.record.attempt, self._declared(context.decision), context.close())

    def finish(self, ended: Ended) -> None:
        """Tell how the attempt ended, unless that is told already."""
        if self.outcome is None:
            self.outcome = ended.outcome
            if self._context is not None:
                self._context.part()
            self._listener.ended(self, ended)
            if self.log is not None:
                self.log.close()

    def reported(self) -> None:
        self._listener.changed(self)

    def declared(self) -> None:
        self._listener.decided(self)

    def is_cancel_requested(self) -> bool:
        return self._reason is StopReason.CANCEL

    def encode_result(self, result: object) -> str | None:
        hint = self._registration.result_type
        if hint is None:
            say_result_is_lost(self.record.type, type(result).__name__)
            return None
        return self._codec.result_encoder(hint)(result)

    def abandon(self) -> None:
        """End without the worker, which was told to end and still runs."""
        self._note(asyncio.CancelledError())
        self.finish(self.result())

    async def run(self) -> Ended:
        """Carry out the attempt. Every error becomes an outcome: raises only if the coroutine is
        thrown away with its event loop."""
        if self.runner is None:
            self.runner = asyncio.current_task()
        try:
            scope, self._context = Scope(self._plan, self._clock, self._timing), self._new_context()
        except BaseException as raised:  # self._plan could not be read, and cannot be later either
            self._caught(raised)
            return Ended(self.record.attempt, failed(raised))
        seconds = self._registration.timeout
        timeout = self._start_timeout(seconds) if seconds is not None else None
        try:
            await self._work(scope, self._context)
        except BaseException as raised:
            self._caught(raised)
        self._leave_in_peace()
        try:
            if self.runner is not None and self.runner.cancelling():
                await forget_cancels(self.runner)
            if opened := scope.opened():
                await self._close(scope, opened)
        except BaseException as raised:
            self._caught(raised)
        if timeout is not None:
            timeout.cancel()
        ended = self.result()
        if self._around is not None:
            await self._leave(self._around, ended.outcome)
        return ended

    async def _leave(self, around: AroundAttempt, outcome: Outcome) -> None:
        """Leave the hooks, now that the end is known."""
        try:
            await around.leave(self.error, outcome, self._clock, self._timing.handler_grace)
        except BaseException as raised:
            self._caught(raised)

    def result(self) -> Ended:
        """How the attempt ended, as far as is known."""
        try:
            report = self._context.close() if self._context is not None else None
            return self.decision() or Ended(self.record.attempt, self._outcome(), report)
        except BaseException as error:
            told = error if self.error is None else self.error
            return Ended(self.record.attempt, Failed(describe(told)))

    async def _work(self, scope: Scope, context: AttemptContext) -> None:
        """Open the scope and have the worker do its work."""
        if self._reason is not None:
            raise asyncio.CancelledError  # told to end before it began: don't build a worker
        self._cancellable = self.runner
        if (around := self._hooks.around(context, self.record)) is not None:
            self._around = around
            await around.enter()
        worker = scope.begin()
        if scope.takes_time:
            worker = await scope.finish(worker)
        if self._reason is not None:
            raise asyncio.CancelledError  # told to end while the scope opened
        self._phase = Phase.WORKING
        if is_coroutine_function(worker.execute):
            returned = await worker.execute(context)
        else:
            returned = await self._execute_in_thread(worker.execute, context)
        if returned is not None and self.error is None:
            self._take_result(returned)

    def _take_result(self, returned: object) -> None:
        try:
            self._result = self.encode_result(returned)
        except Exception as error:
            self._is_result_refused = True
            self._note(error)

    async def _execute_in_thread(
        self, execute: Callable[..., Any], context: AttemptContext
    ) -> object:
        self._cancellable = None  # a thread cannot be cancelled, only asked
        result, error = await call_in_thread(functools.partial(execute, context), self.record)
        if error is not None:
            self._note(error)
        elif inspect.isawaitable(result):  # a decorator hides that execute is a coroutine function
            self._cancellable = self.runner
            told = self._reason is not None
            if self._reason is StopReason.STOP or (told and not self._is_left_to_the_worker()):
                self._cancel()
            result = await result
        return result

    async def _close(self, scope: Scope, opened: tuple[Resource, ...]) -> None:
        """Close what was opened, undisturbed but in bounded time."""
        self._phase, self._cancellable = Phase.CLOSING, self.runner
        timing = self._timing
        patience = timing.close_within if self._reason is None else timing.give_up_after
        timer = self._clock.call_later(patience, functools.partial(self._closes_late, patience))
        try:
            # A resource that fails to close may be a transaction that was not committed.
            if (error := await scope.close(opened)) is not None:
                self._caught(error)
        finally:
            timer.cancel()
            self._leave_in_peace()

    def _leave_in_peace(self) -> None:
        """From here on nothing is cancelled and nothing abandoned."""
        self._cancellable = None
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None

    def _closes_late(self, patience: float) -> None:
        if self._reason is None:
            self._note(TimeoutError(f"Its dependencies did not close within {patience:g} seconds"))
        self._cancel()

    def _is_left_to_the_worker(self) -> bool:
        """Whether only the token is set. Dependencies cannot see the token and are cancelled."""
        return self._phase is Phase.WORKING and self._registration.cancellation == "cooperative"

    def _cancel(self) -> None:
        """Cancel what the attempt waits for; abandon dependencies that still run after that."""
        if self._cancellable is None:
            return
        self._cancellable.cancel()
        # While dependencies are closing, the work is done and counts.
        self._worker_cancelled |= self._phase is not Phase.CLOSING
        if self._phase is not Phase.WORKING and self._giving_up is None:
            self._giving_up = self._clock.call_later(self._timing.give_up_after, self._give_up)

    def _give_up(self) -> None:
        """End without dependencies that do not react to a cancel. If they open or close later,
        ``run`` continues from there."""
        log_safely(
            logger,
            logging.ERROR,
            "task %s (%s): %s has not ended within %g seconds of being cancelled: left behind",
            self.record.id,
            self.record.type,
            self._phase.value.lower(),
            self._timing.give_up_after,
            extra=log_fields(self.record),
        )
        self.abandon()

    def _caught(self, raised: BaseException) -> None:
        """Keep ``raised`` as the error of the attempt, unless it is meant for somebody else."""
        if is_thrown_away(raised, self.runner):
            raise raised
        if is_from_terminal(raised):
            pass_on_interrupt()
            self._reason = self._reason or StopReason.STOP
        self._note(raised)

    def _note(self, error: BaseException) -> None:
        if self.error is None:
            self.error, self._error_phase = error, self._phase

    def _start_timeout(self, seconds: float) -> Timer:
        return self._clock.call_later(seconds, lambda: self.interrupt(StopReason.TIMEOUT))

    def _outcome(self) -> Outcome:
        if self.error is None and self._reason is None:
            return Completed(self._result)
        told = self._worker_cancelled or self._source.seen
        ending = Ending(
            self.error,
            self._error_phase if self.error is not None else self._phase,
            self._reason,
            told or self.error is not None,
            self._torn_down(),
        )
        outcome = outcome_of(ending, self._registration, self.record.failures, self._uniform)
        if isinstance(outcome, Completed):
            return Completed(self._result)
        if isinstance(outcome, Failed) and self._is_result_refused:
            return evolve(outcome, retry_after=None)  # another attempt would return the same
        return outcome

    def _declared(self, status: BackgroundTaskStatus) -> Outcome:
        match status:
            case BackgroundTaskStatus.COMPLETED:
                return Completed(self._context.result if self._context else None)
            case BackgroundTaskStatus.CANCELLED:
                return Cancelled()
            case _:
                message = self._context.state.error_message if self._context else None
                return Failed(message or "The worker declared the task as failed")

    def _new_context(self) -> AttemptContext:
        record, codec, registration = self.record, self._codec, self._registration
        return AttemptContext(
            registration.task_of(record, codec),
            record,
            codec.decode_payload(registration.payload_type, record.payload, record.id),
            CancellationToken(self._source),
            encode=codec.payload_encoder(registration.payload_type),
            now=self._clock.now,
            owner=self,
            log=self.log,
        )


@functools.cache
def say_result_is_lost(type_name: str, returned: str) -> None:
    """Say so once for each type of task."""
    logger.warning(
        "the worker of %s returned a %s, which is not kept: declare it as the third parameter, "
        "BackgroundWorker[Task, Payload, Result]",
        type_name,
        returned,
    )
