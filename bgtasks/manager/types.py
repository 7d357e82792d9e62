"""Types of tasks: how they are, and whether anything of them starts."""

from collections.abc import Callable
from typing import Any

from bgtasks.backends.base import Backend
from bgtasks.core.task_types import TypeInfo, TypeRecord, checked_reason
from bgtasks.core.text import shown
from bgtasks.errors import UnregisteredTaskError
from bgtasks.manager.infos import Infos
from bgtasks.registry import Registry

__all__ = ["Types"]


class Types:
    """Those that are registered here, and those that others have tasks of. ``announce`` is called
    with each that was paused or resumed, in any process."""

    def __init__(
        self,
        registry: Registry,
        backend: Backend,
        infos: Infos,
        announce: Callable[[TypeInfo], None],
    ) -> None:
        self._registry = registry
        self._backend = backend
        self._infos = infos
        backend.subscribe_types(lambda record: announce(infos.of_type(record)))

    async def all(self) -> list[TypeInfo]:
        """All of them, in the order of their names."""
        found = {record.name: record for record in await self._backend.types()}
        found = {name: TypeRecord(name) for name in self._registry.names()} | found
        return [self._infos.of_type(found[name]) for name in sorted(found)]

    async def pause(self, type_name: Any, reason: Any) -> TypeInfo:
        """Start nothing of a type from now on."""
        reason = checked_reason(reason)
        await self._check(type_name)
        await self._backend.pause(type_name, reason)
        return self._infos.of_type(await self._record(type_name))

    async def resume(self, type_name: Any) -> TypeInfo:
        """Start its tasks again."""
        await self._check(type_name)
        await self._backend.resume(type_name)
        return self._infos.of_type(await self._record(type_name))

    async def _record(self, type_name: str) -> TypeRecord:
        return (await self._backend.types([type_name]))[0]

    async def _check(self, type_name: Any) -> None:
        if type_name in self._registry.names():
            return
        if isinstance(type_name, str) and type_name in {
            record.name for record in await self._backend.types()
        }:
            return
        raise UnregisteredTaskError(
            f"there is no task type {shown(type_name)}; registered here: "
            f"{', '.join(sorted(self._registry.names()))}"
        )
