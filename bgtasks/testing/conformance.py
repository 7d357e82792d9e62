"""The base of a backend's tests: a clock that stands still and attempts that end on command.

The conformance suite itself is ``tests/contract``. It runs over every backend that has a
:class:`BackendHome`; the author of a backend writes one and runs the suite.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

from attrs import evolve

from bgtasks.backends.base import Backend
from bgtasks.clock import Clock
from bgtasks.core.events import Interrupted, Outcome, Report, Reported
from bgtasks.core.record import TaskPage, TaskQuery, TaskRecord
from bgtasks.core.task_types import TypeRecord
from bgtasks.ids import uuid7
from bgtasks.models import Attempt, BackgroundTaskStatus
from bgtasks.registry import Registry
from bgtasks.testing.clock import FakeClock
from bgtasks.testing.conformance_types import make_registry
from bgtasks.testing.scripted_runner import ScriptedRunner

__all__ = [
    "BackendBench",
    "BackendHome",
    "BenchMaker",
    "until",
]

PATIENCE = 20.0
"""Seconds after which a test has waited long enough for what should have happened."""


async def until(condition: Callable[[], object], what: str) -> None:
    """Let the event loop run until ``condition()``; a ``TimeoutError`` names ``what``."""
    deadline = time.monotonic() + PATIENCE
    pause = 0.0
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {PATIENCE:g} seconds, but not: {what}")
        await asyncio.sleep(pause)
        pause = min(pause + 0.0005, 0.02)


class BackendHome(Protocol):
    """Makes backends that keep their tasks in one place: each continues where the last ended."""

    def backend(self, registry: Registry, clock: Clock, max_concurrency: int) -> Backend:
        """A new backend, not started."""

    async def crash(self, backend: Backend) -> None:
        """Leave what a process leaves that is killed now, and make the kill old enough to be
        noticed by the next backend."""

    async def recovered(self, backend: Backend) -> None:
        """Wait until ``backend`` has recovered, after its start, what a crash left behind."""

    async def time_passed(self, seconds: float) -> None:
        """Tell a store with a clock of its own that the bench's clock was advanced."""

    async def settled(self, backend: Backend) -> None:
        """Wait until what was handed over before is written, and has had its effect."""


class BackendBench:
    """One backend in a home, its clock, its runner, and everything it announced."""

    def __init__(self, home: BackendHome, max_concurrency: int = 100) -> None:
        self.home = home
        self.max_concurrency = max_concurrency
        self.clock: FakeClock = FakeClock()
        self._serving: asyncio.Task[None] | None = None
        self._renew(make_registry())

    def _renew(self, registry: Registry) -> None:
        self.runner: ScriptedRunner = ScriptedRunner()
        self.changes: list[TaskRecord] = []
        self.backend: Backend = self.home.backend(registry, self.clock, self.max_concurrency)
        self.unsubscribe: Callable[[], None] = self.backend.subscribe(self.changes.append)
        self.type_changes: list[TypeRecord] = []
        self.backend.subscribe_types(self.type_changes.append)

    # Starting and stopping

    async def open(self, *, serving: bool = True) -> None:
        """Start the backend and, with ``serving``, have it claim."""
        await self.backend.start()
        if serving:
            await self.serve()

    async def serve(self) -> None:
        """Have it claim from now on."""
        self.begin_serving()
        await self.written()

    def begin_serving(self) -> "asyncio.Task[None]":
        """Have the backend claim, without waiting for its first claim."""
        self._serving = asyncio.create_task(self.backend.serve(self.runner))
        return self._serving

    async def stop_serving(self) -> None:
        """End the attempts as a stop of the application does, and wait for ``serve`` to return."""
        await self.backend.stop_serving()
        if self._serving is not None:
            while not self._serving.done():
                self.runner.end_all(Interrupted("the application stopped"))
                await asyncio.wait([self._serving], timeout=0.01)
            serving, self._serving = self._serving, None
            await serving

    async def close(self) -> None:
        """An orderly stop."""
        await self.stop_serving()
        await self.backend.stop()

    async def reopen(
        self, *, registry: Registry | None = None, serving: bool = True, crash: bool = False
    ) -> None:
        """Stop, or ``crash``, and open the same tasks again with a new backend and runner."""
        if crash:
            await self.written()
            await self.home.crash(self.backend)
        await self.close()
        self._renew(registry or make_registry())
        await self.backend.start()
        if crash:
            await self.home.recovered(self.backend)
        if serving:
            await self.serve()

    # Tasks

    def record(self, type_name: str = "Quick", **fields: Any) -> TaskRecord:
        """A task that was not submitted yet; ``delay`` seconds make it wait."""
        now = self.clock.now()
        if (delay := fields.pop("delay", None)) is not None:
            due = now + timedelta(seconds=delay)
            fields |= {"scheduled_at": due, "due_at": due}
        made: dict[str, Any] = {"name": type_name, "data": "{}", "status_message": "Pending"}
        made |= {"id": uuid7(), "type": type_name, "created_at": now, "changed_at": now}
        return TaskRecord(**(made | fields))

    async def submit(self, type_name: str = "Quick", **fields: Any) -> UUID:
        """Submit one task."""
        record = self.record(type_name, **fields)
        await self.backend.submit([record])
        return record.id

    async def run(self, type_name: str = "Quick", **fields: Any) -> TaskRecord:
        """Submit a task and wait until its first attempt is started."""
        return await self.started(await self.submit(type_name, **fields))

    async def finished(self, outcome: Outcome | None = None, **fields: Any) -> UUID:
        """Submit a task and end its first attempt."""
        record = await self.run(**fields)
        self.runner.end(record, outcome)
        await self.reaches(record.id, lambda found: found.revision > record.revision)
        return record.id

    async def started(self, task_id: UUID, attempt: int = 1) -> TaskRecord:
        """Wait until this attempt is started; returns the record it was started with."""

        def find() -> list[TaskRecord]:
            items = self.runner.started
            return [item for item in items if item.id == task_id and item.attempt == attempt]

        await until(find, f"attempt {attempt} of task {task_id} started")
        (record,) = find()
        return record

    async def count_started(self, count: int) -> None:
        """Wait until ``count`` attempts were started."""
        await until(lambda: len(self.runner.started) >= count, f"{count} attempts started")

    async def get(self, task_id: UUID) -> TaskRecord:
        """The stored task, which must be there."""
        record = await self.backend.get(task_id)
        if record is None:
            raise LookupError(f"task {task_id} is not stored")
        return record

    async def failures(self, task_id: UUID) -> list[Attempt]:
        """Those attempts of a task that ended badly, oldest first."""
        return [item for item in await self.backend.attempts(task_id) if item.error is not None]

    async def reaches(
        self, task_id: UUID, goal: BackgroundTaskStatus | Callable[[TaskRecord], bool]
    ) -> TaskRecord:
        """Wait until a change of the task was announced that has this status or fulfils this."""

        def there() -> bool:
            return any(
                goal(item) if callable(goal) else item.status is goal
                for item in self.announced(task_id)
            )

        await until(there, f"task {task_id} is {goal}")
        return await self.get(task_id)

    def announced(self, task_id: UUID) -> list[TaskRecord]:
        """Every change of this task that was announced, in the order it was."""
        return [item for item in self.changes if item.id == task_id]

    def save(
        self,
        record: TaskRecord,
        progress: float,
        message: str | None = None,
        payload: str | None = None,
    ) -> None:
        """Report something for the attempt that was started with ``record``."""
        report = Report(progress, message, None, payload)
        self.backend.save(record.id, Reported(record.attempt, report))

    async def written(self) -> None:
        """Wait until what was handed over before is written, and has had its effect."""
        await self.home.settled(self.backend)

    async def advance(self, seconds: float) -> None:
        """Advance the clock."""
        self.clock.advance(seconds)
        await self.home.time_passed(seconds)

    async def pages(self, query: TaskQuery) -> Sequence[TaskPage]:
        """All pages of a listing."""
        pages = [await self.backend.list(query)]
        while (before := pages[-1].next_before) is not None:
            pages.append(await self.backend.list(evolve(query, before=before)))
        return pages


BenchMaker = Callable[..., BackendBench]
"""Makes benches that are not opened yet; takes ``max_concurrency``."""
