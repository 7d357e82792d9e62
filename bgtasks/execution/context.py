"""The context that a worker gets: its reports go to the attempt that the context belongs to."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from bgtasks.cancellation import CancellationToken
from bgtasks.core.events import Report
from bgtasks.core.record import TaskRecord, info_of
from bgtasks.execution.attempt_log import AttemptLog
from bgtasks.models import (
    BackgroundTaskBase,
    BackgroundTaskInfo,
    BackgroundTaskStatus,
)
from bgtasks.worker import BackgroundWorkerContext

__all__ = ["AttemptContext"]

logger: logging.Logger = logging.getLogger(__name__)


class ContextOwner(Protocol):
    """The attempt that a context belongs to. Each method may be called from any thread."""

    def reported(self) -> None:
        """There is a newer state to collect."""

    def declared(self) -> None:
        """The worker set a final status."""

    def is_cancel_requested(self) -> bool:
        """Whether a user has asked for the end of this attempt."""

    def encode_result(self, result: object) -> str | None:
        """The JSON of what the worker returned. Raises SerializationError."""


class AttemptContext(BackgroundWorkerContext[Any, Any]):
    """Keeps what the worker reports and notifies its attempt of a newer or final state.

    ``part`` ends the tie to the attempt, so that neither keeps the other in memory.
    """

    __slots__ = ("_is_cancel_requested", "_log", "_owner", "_reported", "_time", "_warned")

    def __init__(
        self,
        task: BackgroundTaskBase,
        record: TaskRecord,
        payload: Any,
        token: CancellationToken,
        *,
        encode: Callable[[object], str | None],
        now: Callable[[], datetime],
        owner: ContextOwner,
        log: AttemptLog | None = None,
    ) -> None:
        super().__init__(task, record, payload, token, encode)
        self._time = now
        self._owner: ContextOwner | None = owner
        self._log = log
        self._is_cancel_requested = record.cancel_requested
        self._reported = False
        self._warned = False

    @property
    def tick(self) -> datetime | None:
        return self._record.tick

    @property
    def missed(self) -> int:
        return self._record.missed

    @property
    def info(self) -> BackgroundTaskInfo[Any]:
        owner, state = self._owner, self.state
        newest = self._record._replace(
            status=state.status,
            progress=state.progress,
            status_message=state.status_message,
            error_message=state.error_message,
            completed_at=state.completed_at,
            cancel_requested=self._is_cancel_requested
            or (owner is not None and owner.is_cancel_requested()),
        )
        return info_of(newest, state.payload)

    def collect(self) -> Report | None:
        """What is newer than at the last call; ``None`` if nothing is."""
        with self._lock:
            if not self._dirty:
                return None
            self._dirty = False
            self._reported = True
            return self._newest()

    def close(self) -> Report | None:
        """Refuse further reports; returns the last one, ``None`` if there was none."""
        with self._lock:
            self._open = False
            if not (self._reported or self._dirty):
                return None
            return self._newest()

    def part(self) -> None:
        """The attempt is over: forget it."""
        if self._owner is not None:
            self._is_cancel_requested |= self._owner.is_cancel_requested()
            self._owner = None

    @property
    def decision(self) -> BackgroundTaskStatus | None:
        """The final status that the worker set, if it did."""
        status = self._status
        return status if status.is_final else None

    @property
    def result(self) -> str | None:
        """The result, as JSON text, that the worker set with its status."""
        return self._result

    def _encode_result(self, result: object) -> str | None:
        return None if (owner := self._owner) is None else owner.encode_result(result)

    def _add_line(self, level: str, message: str) -> None:
        if self._log is not None and not self._log.say(level, message):
            self._refuse_report()

    def _newest(self) -> Report:
        return Report(
            self._progress, self._status_message, self._error_message, self._encoded_payload
        )

    def _changed(self) -> None:
        if (owner := self._owner) is not None:
            owner.reported()

    def _decided(self) -> None:
        if (owner := self._owner) is not None:
            owner.declared()

    def _refuse_report(self) -> None:
        if not self._warned:
            self._warned = True
            logger.warning(
                "task %s (%s) reported after its attempt was over, from thread %s: ignored",
                self._record.id,
                self._record.type,
                threading.current_thread().name,
                extra={"task_id": str(self._record.id), "task_type": self._record.type},
            )

    def _now(self) -> datetime:
        return self._time()
