"""Public snapshots of stored records."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from bgtasks.core.codec import TaskCodec
from bgtasks.core.record import TaskRecord
from bgtasks.core.task_details import TaskDetails, arguments_text
from bgtasks.core.task_types import TypeInfo, TypeRecord
from bgtasks.errors import UnregisteredTaskError
from bgtasks.models import BackgroundTaskInfo
from bgtasks.registry import Registry
from bgtasks.worker import WorkerOf

__all__ = ["Infos"]


class Infos:
    """Makes the snapshot of a record as its type is registered here."""

    def __init__(self, registry: Registry, codec: TaskCodec, now: Callable[[], datetime]) -> None:
        self._registry = registry
        self._codec = codec
        self._now = now

    def of(self, record: TaskRecord) -> BackgroundTaskInfo[Any]:
        """The snapshot of one record."""
        registration = self._registry.named(record.type)
        now = None if record.due_at is None else self._now()
        if registration is None:
            return self._codec.info(record, None, now=now)
        return self._codec.info(record, registration.payload_type, registration.result_type, now)

    def of_worker(
        self, record: TaskRecord, worker: WorkerOf[Any, Any] | None
    ) -> BackgroundTaskInfo[Any]:
        """The snapshot of a record whose payload and result are those of ``worker``. Raises
        TypeError where they are not, UnregisteredTaskError where that is not known."""
        if worker is not None:
            registration = self._registry.named(record.type)
            if registration is None:
                raise UnregisteredTaskError(
                    f"task {record.id} is a {record.type}, which is not registered here, so its "
                    f"payload is not that of {worker.__name__}: leave out worker="
                )
            registration.check_done_by(worker)
        return self.of(record)

    def details_of(self, record: TaskRecord) -> TaskDetails:
        """What of a task its snapshot does not have."""
        registration = self._registry.named(record.type)
        return TaskDetails(
            arguments_json=arguments_text(record.data),
            priority=record.priority,
            changed_at=record.changed_at,
            max_attempts=registration.retry.max_attempts if registration else None,
            timeout=registration.timeout if registration else None,
        )

    def of_type(self, record: TypeRecord) -> TypeInfo:
        """The public form of one type."""
        registration = self._registry.named(record.name)
        return TypeInfo(
            *record,
            max_concurrency=registration.max_concurrency if registration else None,
            rate=registration.rate if registration else None,
        )
