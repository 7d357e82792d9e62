"""Types of tasks: how they are, and whether anything of them starts."""

from collections.abc import Callable
from typing import Any

from attrs import evolve

from bgtasks.backends.base import Backend
from bgtasks.core.flows import Flow, minute_of
from bgtasks.core.history import RUNS, percentiles
from bgtasks.core.task_types import TypeInfo, TypeOptions, TypeRecord, checked_reason
from bgtasks.core.text import shown
from bgtasks.errors import UnregisteredTaskError
from bgtasks.manager.infos import Infos
from bgtasks.registry import Registry

__all__ = ["Types"]

HOUR = 60

Numbers = dict[tuple[int, int], int]
"""How many there were of each flow and bucket."""


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
        """All of them, in the order of their names, with what is known of the last hour."""
        backend = self._backend
        found = {record.name: record for record in await backend.types()}
        found = {name: TypeRecord(name) for name in self._registry.names()} | found
        overview, processes = await backend.overview(), await backend.processes()
        alive = [item for item in processes if item.alive]
        last = minute_of(backend.now()) + 1
        hour: dict[str, Numbers] = {}
        for (name, *key), number in (await backend.flows_by_type(last - HOUR, last)).items():
            hour.setdefault(name, {})[key[0], key[1]] = number
        return [
            evolve(
                self._infos.of_type(found[name]),
                registered=name in self._registry or any(name in item.types for item in alive),
                options=self._options(name),
                processes=sum(item.runs_tasks and name in item.types for item in alive),
                oldest_waiting_since=oldest.at if (oldest := overview.oldest.get(name)) else None,
                **_of_an_hour(hour.get(name, {})),
            )
            for name in sorted(found)
        ]

    def _options(self, type_name: str) -> TypeOptions | None:
        registration = self._registry.named(type_name)
        if registration is None:
            return None
        return TypeOptions(
            max_concurrency=registration.max_concurrency,
            rate=registration.rate,
            per_key=None if registration.per_key is None else registration.per_key.limit,
            retry=registration.retry.max_attempts,
            timeout=registration.timeout,
            cancellation=registration.cancellation,
            rerun_interrupted=registration.rerun_interrupted,
            unique=registration.unique is not None,
            version=registration.version,
        )

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


def _of_an_hour(numbers: Numbers) -> dict[str, Any]:
    def count(*flows: Flow) -> int:
        return sum(number for (flow, _), number in numbers.items() if flow in flows)

    ended = count(Flow.COMPLETED, Flow.FAILED, Flow.STOPPED, Flow.WITHDRAWN)
    attempts = count(*RUNS)
    return {
        "per_minute": ended / HOUR,
        "failure_rate": count(Flow.FAILED, Flow.TRIED_AGAIN) / attempts if attempts else None,
        "wait_ms": percentiles(numbers, [Flow.STARTED]),
        "run_ms": percentiles(numbers, RUNS),
    }
