"""The worker, which a user writes, and the context that the worker gets."""

import inspect
import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Generic

from typing_extensions import TypeVar

from bgtasks.cancellation import CancellationToken
from bgtasks.core.record import TaskRecord
from bgtasks.core.task_log import LEVELS, checked_level
from bgtasks.core.text import shown
from bgtasks.models import (
    UNSET,
    BackgroundTaskBase,
    BackgroundTaskInfo,
    BackgroundTaskState,
    BackgroundTaskStatus,
    Unset,
)

__all__ = ["BackgroundWorker", "BackgroundWorkerContext", "TPayload", "TResult", "WorkerOf"]

TTask = TypeVar("TTask", bound=BackgroundTaskBase)
TPayload = TypeVar("TPayload")
TResult = TypeVar("TResult", default=None)

_MESSAGE = (str, type(None))


class BackgroundWorkerContext(ABC, Generic[TTask, TPayload]):
    """A running attempt as its worker sees it: the task, its newest state, four ways to report, and
    a log. Each report is a plain call from any thread that makes one whole new snapshot and
    never blocks. An argument left out leaves its field as it is; ``None`` clears the field.
    """

    __slots__ = (
        "_completed_at",
        "_dirty",
        "_encode",
        "_encoded_payload",
        "_error_message",
        "_lock",
        "_open",
        "_payload",
        "_progress",
        "_record",
        "_result",
        "_state",
        "_status",
        "_status_message",
        "_task",
        "_token",
    )

    def __init__(
        self,
        task: TTask,
        record: TaskRecord,
        payload: TPayload | None,
        token: CancellationToken,
        encode: Callable[[object], str | None],
    ) -> None:
        self._task = task
        self._record = record
        self._token = token
        self._encode = encode  # raises SerializationError, which names the field
        self._status = record.status
        self._progress = record.progress
        self._status_message = record.status_message
        self._error_message = record.error_message
        self._payload = payload
        self._encoded_payload = record.payload
        self._completed_at = record.completed_at
        self._result: str | None = None
        self._state: BackgroundTaskState[TPayload] | None = None
        self._lock = threading.RLock()  # what is called under it may look at the state
        self._dirty = False
        self._open = True

    @property
    def task(self) -> TTask:
        """The task to carry out, as it was submitted."""
        return self._task

    @property
    def state(self) -> BackgroundTaskState[TPayload]:
        """The newest snapshot."""
        # A report only notes what is new: most snapshots are looked at by nobody.
        if (state := self._state) is not None:
            return state
        with self._lock:
            self._state = state = self._snapshot()
            return state

    @property
    @abstractmethod
    def tick(self) -> datetime | None:
        """The time at which the schedule should have submitted this task, timezone-aware UTC,
        however late it was; ``None`` for a task of no schedule, or of one that was run by hand."""

    @property
    @abstractmethod
    def missed(self) -> int:
        """How many ticks of the schedule before this one were missed because nobody was there."""

    @property
    @abstractmethod
    def info(self) -> BackgroundTaskInfo[TPayload]:
        """The task as others see it, with the newest state: also ``owner`` and ``attempt``.

        ``revision`` is that of the snapshot with which this attempt began; a report gets its
        revision when it is written. May be read from any thread.
        """

    @property
    def cancellation_token(self) -> CancellationToken:
        """Says whether this attempt should end."""
        return self._token

    def report_progress(
        self,
        progress: float,
        status_message: str | None | Unset = UNSET,
        *,
        payload: TPayload | None | Unset = UNSET,
    ) -> None:
        """Report how far the work is, in percent: 0 to 100.

        A value outside that range is clamped. Raises ``ValueError`` for NaN and infinities,
        ``TypeError`` for what is no number, and :class:`~bgtasks.SerializationError` for a
        payload that cannot be JSON.
        """
        if type(progress) is not float or not 0.0 <= progress <= 100.0:
            progress = _clamped(progress)
        self._report(progress, status_message, payload)

    def report_status(
        self, status_message: str | None, *, payload: TPayload | None | Unset = UNSET
    ) -> None:
        """Report what is being done, in words; ``None`` clears the message."""
        self._report(UNSET, status_message, payload)

    def set_payload(self, payload: TPayload | None) -> None:
        """Report a new payload; ``None`` clears it.

        Raises :class:`~bgtasks.SerializationError`, which names the field that cannot be JSON.
        """
        self._report(UNSET, UNSET, payload)

    def set_status(
        self,
        status: BackgroundTaskStatus,
        status_message: str | None | Unset = UNSET,
        *,
        payload: TPayload | None | Unset = UNSET,
        error_message: str | None | Unset = UNSET,
        result: object = None,
    ) -> None:
        """Set the status. A final status is the task's outcome; nothing later changes it.
        ``result`` belongs to ``COMPLETED``, of the type that the worker declares for it.

        Raises ``ValueError`` for ``PENDING``, since a running task cannot be made to wait, and for
        a result with another status; ``TypeError`` for a message that is no text;
        :class:`~bgtasks.SerializationError`, which names the field, for a payload or a result that
        cannot be JSON. After an error nothing was set.
        """
        status = BackgroundTaskStatus(status)
        if status is BackgroundTaskStatus.PENDING:
            raise ValueError(
                "set_status(PENDING): a running task cannot be made to wait; "
                "raise an exception to have it retried"
            )
        for name, text in (("status_message", status_message), ("error_message", error_message)):
            if text is not UNSET and not isinstance(text, _MESSAGE):
                raise _no_message(name, text)
        encoded = None if payload is UNSET else self._encode(payload)
        if result is not None and status is not BackgroundTaskStatus.COMPLETED:
            raise ValueError(f"set_status({status.name}, result=...): only COMPLETED has a result")
        returned = None if result is None else self._encode_result(result)
        ended_at = self._now() if status.is_final else None
        with self._lock:
            if not self._open:
                return self._refuse_report()
            if payload is not UNSET:
                self._payload, self._encoded_payload = payload, encoded
            self._status, self._completed_at, self._result = status, ended_at, returned
            if status is BackgroundTaskStatus.COMPLETED:
                self._progress = 100.0
            if status_message is not UNSET:
                self._status_message = status_message
            if error_message is not UNSET:
                self._error_message = error_message
            self._state = None
            self._open = not status.is_final
            self._dirty = True
        if status.is_final:
            return self._decided()
        return self._changed()

    def log(self, message: str, *, level: str = "info") -> None:
        """Add a line to the task's log, for whoever watches the task. From any thread.

        ``level`` is ``"debug"``, ``"info"``, ``"warning"``, ``"error"`` or ``"critical"``. Of a
        message of more than 4,000 characters the rest is cut off. What is kept says the option
        ``logs`` of the task type. Raises ``TypeError`` for a message that is no text,
        ``ValueError`` for another level.
        """
        if not isinstance(message, str):
            raise TypeError(f"message is {shown(message)}; give a text")
        self._add_line(level if level in LEVELS else checked_level(level), message)

    def _report(
        self,
        progress: float | Unset,
        status_message: str | None | Unset,
        payload: TPayload | None | Unset,
    ) -> None:
        if status_message is not UNSET and not isinstance(status_message, _MESSAGE):
            raise _no_message("status_message", status_message)
        encoded = None if payload is UNSET else self._encode(payload)
        with self._lock:
            if not self._open:
                return self._refuse_report()
            if progress is not UNSET:
                self._progress = progress
            if status_message is not UNSET:
                self._status_message = status_message
            if payload is not UNSET:
                self._payload, self._encoded_payload = payload, encoded
            self._state = None
            if self._dirty:
                return None
            self._dirty = True
        return self._changed()

    def _snapshot(self) -> BackgroundTaskState[TPayload]:
        """The state with what was reported. Called under the lock."""
        record = self._record
        return BackgroundTaskState(
            record.id,
            record.type,
            record.name,
            self._payload,
            self._status,
            self._progress,
            self._status_message,
            self._error_message,
            record.created_at,
            record.started_at,
            self._completed_at,
        )

    @abstractmethod
    def _add_line(self, level: str, message: str) -> None:
        """The worker has logged a line. Called from any thread."""

    @abstractmethod
    def _encode_result(self, result: object) -> str | None:
        """The result's JSON. Raises SerializationError, which names the field."""

    @abstractmethod
    def _changed(self) -> None:
        """The state is newer than the published one. Called from any thread."""

    @abstractmethod
    def _decided(self) -> None:
        """The worker set a final status. Called from any thread."""

    @abstractmethod
    def _refuse_report(self) -> None:
        """A report came after the end. Called under the lock, from any thread."""

    @abstractmethod
    def _now(self) -> datetime:
        """The present time, aware UTC."""


class BackgroundWorker(ABC, Generic[TTask, TPayload, TResult]):
    """Does the work of one task type. Built anew for each attempt by its provider.

    ``execute`` may be ``async def``, which runs on the event loop, or plain ``def``, which runs
    in a thread of its own. Returning means ``Completed``; an exception means ``Failed``.
    ``BackgroundWorker[Task, Payload, Result]`` declares what ``execute`` returns, which is then
    kept with the task as its ``result``; a result that cannot be JSON fails the task for good.
    """

    @abstractmethod
    def execute(
        self, context: BackgroundWorkerContext[TTask, TPayload]
    ) -> Awaitable[TResult] | TResult:
        """Carry out ``context.task`` and report on the way; return the result."""

    @classmethod
    def is_async(cls) -> bool:
        """Whether ``execute`` is a coroutine function."""
        return inspect.iscoroutinefunction(cls.execute)


WorkerOf = type[BackgroundWorker[Any, TPayload, TResult]]
"""A class of workers, by what they report and return."""


def _no_message(name: str, given: object) -> TypeError:
    return TypeError(f"{name} is {shown(given)}; give a text or None")


def _clamped(progress: float) -> float:
    if not hasattr(progress, "__float__"):
        raise TypeError(f"progress is {shown(progress)}; give a number from 0 to 100")
    if isinstance(progress, int):  # which may be too large for a float
        return float(min(max(progress, 0), 100))
    progress = float(progress)
    if not math.isfinite(progress):
        raise ValueError(f"progress is {progress!r}; give a finite number from 0 to 100")
    return min(max(progress, 0.0), 100.0)
