"""One numbered run of a task: build the worker, let it work, find out how it ended."""

import asyncio
import contextlib
import enum
import functools
import inspect
import logging
import random
import traceback
from collections.abc import Callable
from typing import Any, Protocol

from bgtasks.cancellation import CancellationSource
from bgtasks.clock import Clock
from bgtasks.errors import AttemptTimeoutError, SerializationError, TaskCancelled
from bgtasks.execution.context import AttemptContext
from bgtasks.execution.scope import Scope, ScopePlan
from bgtasks.execution.worker_thread import call_in_thread
from bgtasks.lifecycle import (
    Cancelled,
    Completed,
    Ended,
    Failed,
    Interrupted,
    Outcome,
    Report,
)
from bgtasks.logs import log_fields
from bgtasks.models import BackgroundTaskBase, BackgroundTaskStatus
from bgtasks.record import TaskRecord
from bgtasks.registration import Registration
from bgtasks.serialization import TaskCodec
from bgtasks.text import cut_traceback, describe

__all__ = ["Attempt", "AttemptListener", "StopReason"]

logger = logging.getLogger(__name__)


_is_coroutine_function = functools.lru_cache(maxsize=1024)(inspect.iscoroutinefunction)


class StopReason(enum.Enum):
    """Why a running attempt was told to end."""

    CANCEL = "its cancellation was requested"
    TIMEOUT = "it took longer than its timeout"
    STOP = "the application stopped"


class AttemptListener(Protocol):
    """Whom an attempt tells. Both may be called from any thread."""

    def changed(self, attempt: "Attempt") -> None:
        """There is a newer state to collect."""

    def decided(self, attempt: "Attempt") -> None:
        """The worker set a final status; it may go on running."""


class Attempt:
    """Runs ``record`` once. ``run`` must be the body of a task with an empty context.

    ``task`` is what ``record.data`` holds, where that has been decoded before.
    """

    def __init__(
        self,
        record: TaskRecord,
        registration: Registration,
        plan: ScopePlan,
        *,
        codec: TaskCodec,
        clock: Clock,
        listener: AttemptListener,
        task: BackgroundTaskBase | None = None,
        uniform: Callable[[float, float], float] = random.uniform,
        torn_down: Callable[[], bool] = lambda: False,
    ) -> None:
        self.record = record
        self.error: BaseException | None = None
        self._registration = registration
        self._plan = plan
        self._codec = codec
        self._clock = clock
        self._listener = listener
        self._uniform = uniform
        self._task = task
        self._torn_down = torn_down
        self._source = CancellationSource()
        self._reason: StopReason | None = None
        self._context: AttemptContext | None = None
        self._cancellable: asyncio.Task[Any] | None = None
        self._coroutine_cancelled = False

    def interrupt(self, reason: StopReason) -> None:
        """Tell the worker to end: set its token and, unless it is to end by itself, cancel
        its coroutine, once; a stop cancels it again. What a user asked for outweighs the rest."""
        first = self._reason is None
        if first or reason is StopReason.CANCEL:
            self._reason = reason
        self._source.cancel()
        stop = reason is StopReason.STOP
        cooperative = self._registration.cancellation == "cooperative"
        if self._cancellable is not None and (stop or (first and not cooperative)):
            self._coroutine_cancelled = True
            self._cancellable.cancel()

    def collect(self) -> Report | None:
        """What the worker reported since the last time; ``None`` if nothing."""
        return self._context.collect() if self._context is not None else None

    def decision(self) -> Ended | None:
        """The end that the worker itself declared with ``set_status``, if it did."""
        context = self._context
        if context is None or context.decision is None:
            return None
        return Ended(self.record.attempt, self._declared(context.decision), context.close())

    async def run(self) -> Ended:
        """Carry out the attempt. Never raises: everything that happens is an outcome."""
        try:
            task = self._task or self._codec.decode_task(
                self._registration.task_type, self.record.data
            )
        except SerializationError as error:
            return Ended(self.record.attempt, Failed(describe(error)))
        self._context = context = self._new_context(task)
        self.error = await self._work(context)
        if context.decision is not None and self.error is not None:
            logger.warning(
                "task %s: its worker raised after it had set the status %s, which stands",
                self.record.id,
                context.decision,
                exc_info=self.error,
                extra=log_fields(self.record),
            )
        report = context.close()
        return self.decision() or Ended(self.record.attempt, self._outcome(self.error), report)

    def _new_context(self, task: BackgroundTaskBase) -> AttemptContext:
        record = self.record
        payload = self._codec.decode_payload(self._registration.payload_type, record.payload)
        return AttemptContext(
            task,
            record,
            payload,
            self._source.token,
            encode=self._codec.encode_payload,
            now=self._clock.now,
            is_cancel_requested=lambda: self._reason is StopReason.CANCEL,
            on_changed=lambda: self._listener.changed(self),
            on_decided=lambda: self._listener.decided(self),
        )

    async def _work(self, context: AttemptContext) -> BaseException | None:
        """Open the scope, execute, close the scope; gives back what was raised on the way."""
        if self._reason is not None:
            return asyncio.CancelledError()  # told to end before it began: don't build a worker
        scope = Scope(self._plan)
        timeout = self._start_timeout()
        error: BaseException | None = None
        try:
            self._cancellable = asyncio.current_task()
            worker = await scope.open()
            await self._execute(worker, context)
        except (Exception, asyncio.CancelledError, SystemExit) as raised:
            error = raised
        finally:
            await self._end_cancellable()
            if timeout is not None:
                timeout.cancel()
        # A resource that cannot be closed may be a transaction that was not committed.
        not_closed = await scope.close()
        return not_closed if error is None else error

    async def _end_cancellable(self) -> None:
        """From here on nothing may cancel this task: resources are to be closed in peace. A
        cancel that the worker ended before it could be delivered is delivered here."""
        task, self._cancellable = self._cancellable, None
        if not self._coroutine_cancelled or task is None:
            return
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
        while task.cancelling():
            task.uncancel()

    def _start_timeout(self) -> Any:
        seconds = self._registration.timeout
        if seconds is None:
            return None
        return self._clock.call_later(seconds, lambda: self.interrupt(StopReason.TIMEOUT))

    async def _execute(self, worker: Any, context: AttemptContext) -> None:
        if _is_coroutine_function(getattr(worker.execute, "__func__", worker.execute)):
            await worker.execute(context)
            return
        self._cancellable = None  # a thread cannot be cancelled, only asked
        result = await call_in_thread(functools.partial(worker.execute, context), self.record)
        if inspect.isawaitable(result):
            await result

    def _declared(self, status: BackgroundTaskStatus) -> Outcome:
        match status:
            case BackgroundTaskStatus.COMPLETED:
                return Completed()
            case BackgroundTaskStatus.CANCELLED:
                return Cancelled()
            case _:
                message = self._context.state.error_message if self._context else None
                return Failed(message or "The worker declared the task as failed")

    def _outcome(self, error: BaseException | None) -> Outcome:
        """What the way the worker ended means, given what it was told."""
        noticed = error is not None or self._coroutine_cancelled or self._source.seen
        gave_up = error is None or isinstance(error, (asyncio.CancelledError, TaskCancelled))
        unasked = self._reason is None and isinstance(error, asyncio.CancelledError)
        if unasked and self._torn_down():
            return self.interrupted("the event loop ended")
        match self._reason if noticed else None:
            case None if error is None:
                return Completed()
            case StopReason.CANCEL if gave_up:
                return Cancelled()
            case StopReason.STOP:
                return self.interrupted(StopReason.STOP.value)
            case StopReason.TIMEOUT:
                return self._timed_out(error)
            case None if gave_up:
                return self._failed(error, "The worker was cancelled, but nobody had asked for it")
        return self._failed(error, describe(error or TaskCancelled()))

    def interrupted(self, by: str) -> Interrupted:
        """The outcome of an attempt that was cut off, with the options of its type."""
        options = self._registration
        return Interrupted(by, options.rerun_interrupted, options.max_interruptions)

    def _timed_out(self, error: BaseException | None) -> Failed:
        seconds = self._registration.timeout
        late = AttemptTimeoutError(f"The attempt took longer than its timeout of {seconds} seconds")
        return self._failed(late, str(late), kind="timed out", cause=error)

    def _failed(
        self,
        error: BaseException | None,
        message: str,
        *,
        kind: str = "failed",
        cause: BaseException | None = None,
    ) -> Failed:
        error = error or TaskCancelled(message)
        shown = cause or error
        retry_after = self._registration.retry.wait_after(
            self.record.failures + 1, error, self._uniform
        )
        text = cut_traceback("".join(traceback.format_exception(shown)))
        return Failed(message, text, retry_after, kind)
