"""Public snapshots of stored tasks."""

from typing import Any

from bgtasks.core.codec import TaskCodec
from bgtasks.core.record import TaskRecord
from bgtasks.models import BackgroundTaskInfo
from bgtasks.registration import Registry

__all__ = ["Infos"]


class Infos:
    """Makes the snapshot of a record, its payload to be read as its type is registered here."""

    def __init__(self, registry: Registry, codec: TaskCodec) -> None:
        self._registry = registry
        self._codec = codec

    def of(self, record: TaskRecord) -> BackgroundTaskInfo[Any]:
        """The snapshot of one record."""
        registration = self._registry.named(record.type)
        return self._codec.info(record, registration.payload_type if registration else None)
