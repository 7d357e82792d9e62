"""Hooks are told of the ends of tasks: once for each, by one of all processes."""

import asyncio

from bgtasks.backends.base import Backend
from bgtasks.backends.loops.pacing import wait_set
from bgtasks.clock import Clock, Timing
from bgtasks.concurrency.lasting import LastingLoop
from bgtasks.core.record import TaskRecord
from bgtasks.execution.hooks import Hooks
from bgtasks.manager.infos import Infos
from bgtasks.models import Attempt, BackgroundTaskStatus

__all__ = ["TellingHooks"]

BATCH = 100
"""How many ends are told at the same time."""

LOOK_EVERY = 15.0
"""Seconds after which it is looked for ends that this process has not heard of."""


class TellingHooks:
    """A service that takes ends from the store, calls the hooks, and notes that they were told.

    If the process dies in between, another one takes the ends once more: each is told at least
    once, and by one process at a time.
    """

    def __init__(
        self, backend: Backend, hooks: Hooks, infos: Infos, clock: Clock, timing: Timing
    ) -> None:
        self._backend = backend
        self._hooks = hooks
        self._infos = infos
        self._clock = clock
        self._timing = timing
        self._wanted = asyncio.Event()
        self._wanted.set()
        self._told: list[TaskRecord] = []
        self._rest = asyncio.Event()
        self._rest.set()
        self._loop = LastingLoop("telling hooks of ends", self._round, clock)

    @property
    def trouble(self) -> str | None:
        """What keeps ends from being told, in words."""
        return self._loop.trouble

    def heard(self, record: TaskRecord) -> None:
        """A task has changed."""
        if record.tell_at is not None and record.status.is_final:
            self._wanted.set()

    def start(self) -> None:
        """Begin with what was left by those who are gone."""
        self._loop.start()

    async def stop(self) -> None:
        """Let the hooks finish that are being called, for some seconds. What is not told by then
        is told by another process, or after the next start."""
        # By the event loop's time: with a test's FakeClock the stop might never end.
        await asyncio.wait(
            [asyncio.ensure_future(self._rest.wait())], timeout=self._timing.handler_grace
        )
        await self._loop.stop()

    async def _round(self) -> None:
        await wait_set(self._wanted, LOOK_EVERY, self._clock)
        self._rest.clear()
        try:
            self._wanted.clear()
            await self._note_told()
            ended = await self._backend.take_ended(self._timing.told_within, BATCH)
            if len(ended) == BATCH:
                self._wanted.set()
            answers = await asyncio.gather(*map(self._tell, ended), return_exceptions=True)
            await self._note_told()
            for error in filter(None, answers):
                raise error
        finally:
            self._rest.set()

    async def _tell(self, record: TaskRecord) -> None:
        failure = await self._failure_of(record)
        await self._hooks.settled(record, self._infos.of(record), failure, self._clock)
        self._told.append(record)

    async def _failure_of(self, record: TaskRecord) -> Attempt | None:
        if record.status is not BackgroundTaskStatus.FAILED:
            return None
        attempts = await self._backend.attempts(record.id)
        return attempts[-1] if attempts else None

    async def _note_told(self) -> None:
        """Note in the store what was told; where it does not answer, before anything else later."""
        if self._told:
            await self._backend.told(self._told)
            self._told = []
