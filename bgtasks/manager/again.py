"""A new task of arguments in JSON, or with those of one that there was."""

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

__all__ = ["new_task", "task_like"]


def new_task(
    registry: Registry, codec: TaskCodec, type_name: str, arguments: Mapping[str, Any]
) -> BackgroundTaskBase:
    """A task of a type with these arguments, as JSON data with keys in camelCase. Raises
    UnregisteredTaskError, and QueryError for arguments that make none."""
    registration = registry.named(type_name)
    if registration is None:
        raise UnregisteredTaskError(
            f"{type_name} is not registered here; registered: {', '.join(sorted(registry.names()))}"
        )
    cls = registration.task_type
    task = _read(codec, cls, {"id": str(uuid7()), **arguments}, "the arguments cannot be used")
    _check_names(codec, task, arguments)
    return task


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
    data = _check_names(codec, task, changed)
    return _read(codec, type(task), {**data, **changed}, "the changed arguments cannot be used")


def _read(
    codec: TaskCodec, cls: type[BackgroundTaskBase], data: Mapping[str, Any], complaint: str
) -> BackgroundTaskBase:
    try:
        return codec.decode_task(cls, encode(data))
    except (SerializationError, TypeError, ValueError, RecursionError) as error:
        raise QueryError(f"{complaint}: {describe(error)}") from error


def _check_names(
    codec: TaskCodec, task: BackgroundTaskBase, given: Mapping[str, Any]
) -> dict[str, Any]:
    """The JSON data of a task. Raises QueryError for names that it does not have."""
    data: dict[str, Any] = decode(codec.encode_task(task))
    names = [name for name in data if name != "id"]
    if unknown := [name for name in given if name not in names]:
        raise QueryError(
            f"{type(task).__name__} has no argument {shown(unknown[0])}; accepted: "
            f"{', '.join(names) or 'none'}"
        )
    return data
