"""Running one worker once, with nothing around it."""

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any, Generic, overload

from attrs import frozen
from typing_extensions import TypeVar

from bgtasks.clock import Clock, Timing
from bgtasks.core.codec import TaskCodec
from bgtasks.core.events import Claimed, Ended, Reported
from bgtasks.core.lifecycle import decide
from bgtasks.core.log_chunks import NewLines, next_chunks, stored_log
from bgtasks.core.submission import SubmitOptions, new_record
from bgtasks.core.task_log import LogLine
from bgtasks.execution.attempt import Attempt
from bgtasks.execution.launch import launch, never_began
from bgtasks.execution.log_capture import capturing
from bgtasks.execution.outcome import StopReason
from bgtasks.execution.scope import ScopePlan
from bgtasks.models import BackgroundTaskBase, BackgroundTaskInfo
from bgtasks.registration import Registration
from bgtasks.worker import WorkerOf

__all__ = ["WorkerRun", "run_worker"]

TPayload = TypeVar("TPayload", default=Any)
TResult = TypeVar("TResult", default=Any)


@frozen
class WorkerRun(Generic[TPayload, TResult]):
    """How one attempt went.

    ``info`` is the last snapshot. ``updates`` is what a watcher would have seen without
    coalescing: the start, one snapshot for each report, the end. If the worker itself reports
    the progress it starts or ends with, that is one snapshot, not two.
    ``lines`` is what it logged, with ``context.log`` and with ``logging``, as far as its type
    keeps it.
    ``error`` is the exception the worker ended with, if any: ``raise run.error`` shows it whole.
    """

    info: BackgroundTaskInfo[TPayload, TResult]
    updates: tuple[BackgroundTaskInfo[TPayload, TResult], ...]
    error: BaseException | None
    lines: tuple[LogLine, ...] = ()


@overload
async def run_worker(
    background_tasks: Any,
    task: BackgroundTaskBase,
    *,
    owner: str | None = None,
    cancel_when: Callable[[BackgroundTaskInfo[Any]], object] | None = None,
) -> WorkerRun[Any]: ...
@overload
async def run_worker(
    background_tasks: Any,
    task: BackgroundTaskBase,
    *,
    owner: str | None = None,
    cancel_when: Callable[[BackgroundTaskInfo[TPayload, TResult]], object] | None = None,
    worker: WorkerOf[TPayload, TResult],
) -> WorkerRun[TPayload, TResult]: ...
async def run_worker(
    background_tasks: Any,
    task: BackgroundTaskBase,
    *,
    owner: str | None = None,
    cancel_when: Callable[[BackgroundTaskInfo[Any]], object] | None = None,
    worker: WorkerOf[Any, Any] | None = None,
) -> WorkerRun[Any]:
    """Run ``task`` once with its registered worker, in a scope of its own: no store, no server,
    no retry, and no ``current_manager()``; overridden providers are used.

    ``background_tasks`` is the ``BackgroundTasksContainer`` or the provider that holds it.
    ``cancel_when`` is called with each snapshot; once it returns true, the cancellation of the
    task is requested. ``worker`` says for type checkers of what types payload and result are: the
    class that does this task, else TypeError is raised. Raises UnregisteredTaskError and
    SerializationError as ``run_task`` does.
    """
    registry, codec = background_tasks.registry(), background_tasks.codec()
    clock, timing = background_tasks.clock(), background_tasks.timing()
    options = SubmitOptions(owner=owner)
    registration = registry.of(task)
    if worker is not None:
        registration.check_done_by(worker)
    run = _Run(registration, codec, clock, timing, task, options, cancel_when)
    with capturing():
        launch(run.attempt, clock, run.gone, contextvars.Context())
        return run.result(await run.over)


class _Run:
    """Stands in for the backend: applies each event to a record in memory."""

    def __init__(
        self,
        registration: Registration,
        codec: TaskCodec,
        clock: Clock,
        timing: Timing,
        task: BackgroundTaskBase,
        options: SubmitOptions,
        cancel_when: Any,
    ) -> None:
        self._codec = codec
        self._clock = clock
        self._registration = registration
        self._cancel_when = cancel_when
        now = clock.now()
        data = codec.encode_task(task)
        waiting = new_record(task, registration.type_name, data, options, now)
        claimed = decide(waiting, Claimed(), now)
        assert claimed is not None  # noqa: S101 - a waiting task can always be claimed
        self._record = claimed.after
        self._updates: list[BackgroundTaskInfo[Any]] = []
        self._log: NewLines | None = None
        self.over: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self.attempt = Attempt(
            self._record,
            registration,
            ScopePlan(registration.worker_provider),
            codec=codec,
            clock=clock,
            timing=timing,
            listener=self,
        )
        self._see()

    def changed(self, attempt: Attempt) -> None:
        """Every report becomes a snapshot at once (any thread)."""
        report = attempt.collect()
        if report is not None:
            self._apply(Reported(self._record.attempt, report))

    def decided(self, attempt: Attempt) -> None:
        """The final status that the worker set (any thread)."""
        decision = attempt.decision()
        if decision is not None:
            self._apply(decision)

    def ended(self, attempt: Attempt, ended: Ended) -> None:
        """The attempt is over."""
        if attempt.log is not None:
            self._log = attempt.log.take()
        if not self.over.done():
            self.over.set_result(ended)

    def gone(self, task: asyncio.Task[Any]) -> None:
        """The asyncio task of the attempt has ended, or is about to."""
        if self.attempt.outcome is None:
            never_began(self.attempt, task)

    def result(self, ended: Ended) -> WorkerRun[Any, Any]:
        """The run as a whole."""
        self._apply(ended)
        updates = self._updates
        if len(updates) > 2 and updates[0].progress == updates[1].progress:
            updates = updates[1:]
        if len(updates) > 2 and updates[-1].progress == updates[-2].progress:
            updates = [*updates[:-2], updates[-1]]
        return WorkerRun(self._info(), tuple(updates), self.attempt.error, self._lines())

    def _lines(self) -> tuple[LogLine, ...]:
        logs = self._registration.logs
        if self._log is None or logs is None:
            return ()
        chunks = next_chunks(None, 1, self._log, logs)
        log = stored_log(chunks[-1], chunks[0].first, chunks, after=0)
        return tuple(log.of_everything())

    def _apply(self, event: Reported | Ended) -> None:
        change = decide(self._record, event, self._clock.now())
        if change is not None:
            self._record = change.after
            self._see()

    def _see(self) -> None:
        info = self._info()
        self._updates.append(info)
        if self._cancel_when is not None and self._cancel_when(info):
            self._cancel_when = None
            self.attempt.interrupt(StopReason.CANCEL)

    def _info(self) -> BackgroundTaskInfo[Any]:
        types = self._registration.payload_type, self._registration.result_type
        return self._codec.info(self._record, *types)
