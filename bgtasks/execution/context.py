"""The context that a worker really gets: reports go to the attempt it belongs to."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from bgtasks.cancellation import CancellationToken
from bgtasks.lifecycle import Report
from bgtasks.models import BackgroundTaskBase, BackgroundTaskState, BackgroundTaskStatus
from bgtasks.text import MAX_MESSAGE, clean
from bgtasks.worker import BackgroundWorkerContext

__all__ = ["AttemptContext"]

logger = logging.getLogger(__name__)


class AttemptContext(BackgroundWorkerContext[Any, Any]):
    """Keeps the newest state and tells when there is a newer one, or a final one."""

    __slots__ = ("_encode", "_on_changed", "_on_decided", "_reported", "_time", "_warned")

    def __init__(
        self,
        task: BackgroundTaskBase,
        state: BackgroundTaskState[Any],
        token: CancellationToken,
        encoded_payload: str | None,
        *,
        encode: Callable[[object], str | None],
        now: Callable[[], datetime],
        on_changed: Callable[[], None],
        on_decided: Callable[[], None],
    ) -> None:
        super().__init__(task, state, token, encoded_payload)
        self._encode = encode
        self._time = now
        self._on_changed = on_changed
        self._on_decided = on_decided
        self._reported = False
        self._warned = False

    def collect(self) -> Report | None:
        """What is newer than the last time this was asked; ``None`` if nothing is."""
        with self._lock:
            if not self._dirty:
                return None
            self._dirty = False
            self._reported = True
            return self._report_of(self._state, self._encoded_payload)

    def close(self) -> Report | None:
        """Take no more reports; gives back the last one, ``None`` if there never was any."""
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
        message, error = state.status_message, state.error_message
        return Report(
            state.progress,
            None if message is None else clean(message, MAX_MESSAGE),
            None if error is None else clean(error, MAX_MESSAGE),
            payload,
        )

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
