"""A new task with the arguments of one that there was."""

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from bgtasks.core.codec import TaskCodec
from bgtasks.core.codec.json_text import decode, encode
from bgtasks.core.record import TaskRecord
from bgtasks.core.text import describe, shown
from bgtasks.errors import QueryError, SerializationError, UnregisteredTaskError
from bgtasks.ids import uuid7
from bgtasks.models import BackgroundTaskBase
from bgtasks.registry import Registry

__all__ = ["task_like"]


def task_like(
    registry: Registry, codec: TaskCodec, record: TaskRecord, changed: Mapping[str, Any] | None
) -> BackgroundTaskBase:
    """A task with the same arguments and a new id, but for those that are ``changed``. Raises
    UnregisteredTaskError, SerializationError where they can no longer be read, and QueryError for
    changes that cannot be made."""
    registration = registry.named(record.type)
    if registration is None:
        raise UnregisteredTaskError(
            f"task {record.id} is a {record.type}, which is not registered here; registered: "
            f"{', '.join(sorted(registry.names()))}"
        )
    task = registration.task_of(record, codec)
    if changed:
        task = _changed(codec, task, changed)
    return evolve(task, id=uuid7())


def _changed(
    codec: TaskCodec, task: BackgroundTaskBase, changed: Mapping[str, Any]
) -> BackgroundTaskBase:
    data = decode(codec.encode_task(task))
    names = [name for name in data if name != "id"]
    if unknown := [name for name in changed if name not in names]:
        raise QueryError(
            f"{type(task).__name__} has no argument {shown(unknown[0])}; accepted: "
            f"{', '.join(names)}"
        )
    try:
        return codec.decode_task(type(task), encode({**data, **changed}))
    except (SerializationError, TypeError, ValueError, RecursionError) as error:
        raise QueryError(f"the changed arguments cannot be used: {describe(error)}") from error
