"""The context that a worker gets: its reports go to the attempt that the context belongs to."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from bgtasks.cancellation import CancellationToken
from bgtasks.core.events import Report
from bgtasks.core.record import TaskRecord, info_of
from bgtasks.models import (
    BackgroundTaskBase,
    BackgroundTaskInfo,
    BackgroundTaskState,
    BackgroundTaskStatus,
)
from bgtasks.worker import BackgroundWorkerContext

__all__ = ["AttemptContext"]

logger = logging.getLogger(__name__)


class AttemptContext(BackgroundWorkerContext[Any, Any]):
    """Keeps the newest state and notifies its attempt of a newer or final one."""

    __slots__ = (
        "_encode",
        "_is_cancel_requested",
        "_on_changed",
        "_on_decided",
        "_record",
        "_reported",
        "_time",
        "_warned",
    )

    def __init__(
        self,
        task: BackgroundTaskBase,
        record: TaskRecord,
        payload: Any,
        token: CancellationToken,
        *,
        encode: Callable[[object], str | None],
        now: Callable[[], datetime],
        is_cancel_requested: Callable[[], bool],
        on_changed: Callable[[], None],
        on_decided: Callable[[], None],
    ) -> None:
        super().__init__(task, _state_of(record, payload), token, record.payload)
        self._record = record
        self._encode = encode
        self._time = now
        self._is_cancel_requested = is_cancel_requested
        self._on_changed = on_changed
        self._on_decided = on_decided
        self._reported = False
        self._warned = False

    @property
    def info(self) -> BackgroundTaskInfo[Any]:
        state, record = self._state, self._record
        newest = record._replace(
            status=state.status,
            progress=state.progress,
            status_message=state.status_message,
            error_message=state.error_message,
            completed_at=state.completed_at,
            cancel_requested=record.cancel_requested or self._is_cancel_requested(),
        )
        return info_of(newest, state.payload)

    def collect(self) -> Report | None:
        """What is newer than at the last call; ``None`` if nothing is."""
        with self._lock:
            if not self._dirty:
                return None
            self._dirty = False
            self._reported = True
            return self._report_of(self._state, self._encoded_payload)

    def close(self) -> Report | None:
        """Refuse further reports; returns the last one, ``None`` if there was none."""
        with self._lock:
            self._open = False
            if not (self._reported or self._dirty):
                return None
            return self._report_of(self._state, self._encoded_payload)

    @property
    def decision(self) -> BackgroundTaskStatus | None:
        """The final status that the worker set, if it did."""
        status = self._state.status
        return status if status.is_final else None

    @staticmethod
    def _report_of(state: BackgroundTaskState[Any], payload: str | None) -> Report:
        return Report(state.progress, state.status_message, state.error_message, payload)

    def _encode_payload(self, payload: Any) -> str | None:
        return self._encode(payload)

    def _changed(self) -> None:
        self._on_changed()

    def _decided(self) -> None:
        self._on_decided()

    def _refuse_report(self) -> None:
        if not self._warned:
            self._warned = True
            logger.warning(
                "task %s (%s) reported after its attempt was over, from thread %s: ignored",
                self._task.id,
                self._state.type,
                threading.current_thread().name,
                extra={"task_id": str(self._task.id), "task_type": self._state.type},
            )

    def _now(self) -> datetime:
        return self._time()


def _state_of(record: TaskRecord, payload: Any) -> BackgroundTaskState[Any]:
    return BackgroundTaskState(
        record.id,
        record.type,
        record.name,
        payload,
        record.status,
        record.progress,
        record.status_message,
        record.error_message,
        record.created_at,
        record.started_at,
        record.completed_at,
    )
