"""What each process does from time to time, whether it runs tasks or only shows them."""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import asyncpg

from bgtasks.backends.postgres.database import CONNECTION_ERRORS, Database
from bgtasks.backends.postgres.runs import Run, Runs
from bgtasks.backends.postgres.statements import STATEMENTS
from bgtasks.processes import ProcessInfo

__all__ = ["Pulse"]

logger = logging.getLogger(__name__)

LOOK_EVERY = 1.0
"""Seconds between two looks at whether running tasks were asked to end: a cancellation whose
notification was lost is noticed then."""

RARELY = 60.0
"""Seconds between two rounds of ``rare_duties``."""

Duty = Callable[[], Awaitable[Any]]


class Pulse:
    """Says that this process lives, and looks after the tasks that run in it.

    ``duties`` are called with each beat: about four times in ``heartbeat_timeout`` seconds, at
    least every five seconds; ``rare_duties`` about once a minute. ``asked_to_end(run)``
    is called for a run whose task was asked to end, or was given to another attempt.
    """

    def __init__(
        self,
        database: Database,
        process: UUID,
        runs: Runs,
        *,
        types: Sequence[str],
        max_concurrency: int,
        heartbeat_timeout: float,
        asked_to_end: Callable[[Run], None],
        duties: Sequence[Duty],
        rare_duties: Sequence[Duty],
    ) -> None:
        self.runs_tasks = False
        self._database = database
        self._process = process
        self._runs = runs
        self._types = list(types)
        self._max_concurrency = max_concurrency
        self._timeout = heartbeat_timeout
        self._every = min(heartbeat_timeout / 4, 5.0)
        self._asked_to_end = asked_to_end
        self._duties = duties
        self._rare_duties = rare_duties
        self._loops: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Do everything once, and again and again from now on. Raises what the first time does."""
        await self.beat()
        for duty in [*self._duties, *self._rare_duties]:
            await duty()
        self._loops = [
            asyncio.create_task(self._repeat(self._every, [self.beat, *self._duties])),
            asyncio.create_task(self._repeat(LOOK_EVERY, [self.look])),
            asyncio.create_task(self._repeat(RARELY, self._rare_duties)),
        ]

    async def stop(self) -> None:
        """Say goodbye."""
        loops, self._loops = self._loops, []
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        if loops:
            with contextlib.suppress(*CONNECTION_ERRORS, asyncpg.PostgresError):
                await self._database.pool.execute(
                    STATEMENTS["leave"], self._process, timeout=self._every
                )

    async def beat(self) -> None:
        """Say that this process lives."""
        await self._database.pool.execute(
            STATEMENTS["beat"],
            self._process,
            socket.gethostname(),
            os.getpid(),
            self.runs_tasks,
            self._types,
            len(self._runs),
            self._max_concurrency,
        )

    async def look(self) -> None:
        """Look whether running tasks were asked to end, or are another attempt's by now."""
        runs = list(self._runs)
        if not runs:
            return
        found = await self._database.pool.fetch(
            STATEMENTS["runs_to_end"],
            [run.record.id for run in runs],
            [run.attempt for run in runs],
        )
        for row in found:
            if (run := self._runs.of_attempt(row["id"], row["attempt"])) is not None:
                self._asked_to_end(run)

    async def processes(self) -> list[ProcessInfo]:
        """Everyone who was seen within a day."""
        await self._database.pool.execute(STATEMENTS["forget_dead"])
        found = await self._database.pool.fetch(STATEMENTS["processes"], self._timeout)
        return [ProcessInfo(**{**row, "types": tuple(row["types"])}) for row in found]

    async def _repeat(self, every: float, duties: Sequence[Duty]) -> None:
        while True:
            await asyncio.sleep(every)
            for duty in duties:
                try:
                    await duty()
                except (*CONNECTION_ERRORS, asyncpg.PostgresError) as error:
                    self._database.note("cannot be asked", error)
                except Exception:
                    logger.exception("%r failed; it is tried again", duty)
