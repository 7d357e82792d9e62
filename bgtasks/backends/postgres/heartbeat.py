"""Heartbeats: this process says that it lives, and reads which others do."""

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from bgtasks.backends.loops.own_voice import OwnVoice
from bgtasks.backends.loops.runs import Runs
from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.server_clock import ServerClock
from bgtasks.backends.postgres.statements import STATEMENTS
from bgtasks.core.overview import MAX_SHOWN_TASKS, Vitals
from bgtasks.models import ProcessInfo
from bgtasks.version import __version__

__all__ = ["Heartbeat"]

MOST_EVERY = 5.0
"""Seconds between two heartbeats, at most."""


class Heartbeat:
    """Writes that this process lives, four times in ``timeout`` seconds, by a connection that
    nothing else uses. A process that was not heard of for ``timeout`` seconds by the server's
    clock is dead, and so are its attempts, where ``voice`` may condemn it.
    """

    def __init__(
        self,
        database: Database,
        process: UUID,
        runs: Runs,
        clock: ServerClock,
        *,
        types: Sequence[str],
        max_concurrency: int,
        timeout: float,
        vitals: Callable[[], Vitals] = Vitals,
    ) -> None:
        self.runs_tasks = False
        self.every: float = min(timeout / 4, MOST_EVERY)
        self._database = database
        self._process = process
        self._runs = runs
        self._clock = clock
        self._types = list(types)
        self._max_concurrency = max_concurrency
        self._timeout = timeout
        self._vitals = vitals
        self.voice: OwnVoice = OwnVoice(database.clock, timeout)
        self._seen_at: datetime | None = None
        self._server_started_at: datetime | None = None

    async def beat(self) -> None:
        """Say that this process lives. Raises what the server raises.

        The first time may take longer: it opens the connection, and the start waits for it.
        """
        try:
            first = self._database.bounds.statement
            await self._beat(self.every if self.has_spoken else first)
        except BaseException:
            self.voice.failed()
            raise

    async def _beat(self, within: float) -> None:
        async with self._database.heart.acquire(timeout=within) as connection:
            sent_at = self._clock.monotonic()
            row = await connection.fetchrow(
                STATEMENTS["beat"],
                self._process,
                socket.gethostname(),
                os.getpid(),
                self.runs_tasks,
                self._types,
                self._runs.running,
                self._max_concurrency,
                __version__,
                *self._vitals(),
                self._runs.ids(MAX_SHOWN_TASKS),
                timeout=within,
            )
        self._clock.heard(row["seen_at"], sent_at)
        self._spoke(row["seen_at"], row["server_started_at"])

    @property
    def has_spoken(self) -> bool:
        """Whether others know of this process."""
        return self._seen_at is not None

    async def leave(self) -> None:
        """Remove this process from those that live."""
        async with self._database.heart.acquire(timeout=self.every) as connection:
            await connection.execute(STATEMENTS["leave"], self._process, timeout=self.every)

    async def processes(self) -> list[ProcessInfo]:
        """The processes that were seen within a day."""
        found = await self._database.fetch(STATEMENTS["processes"], self._timeout)
        return [_info_of(row) for row in found]

    def _spoke(self, seen_at: datetime, server_started_at: datetime) -> None:
        """Note a heartbeat that was written, as the server dates it. If the server was started
        since, others may not have been able to speak before."""
        gap = 0.0 if self._seen_at is None else (seen_at - self._seen_at).total_seconds()
        self.voice.spoke(gap, anew=server_started_at != self._server_started_at)
        self._seen_at, self._server_started_at = seen_at, server_started_at


def _info_of(row: Mapping[str, Any]) -> ProcessInfo:
    lists = {name: tuple(row[name]) for name in ("types", "tasks")}
    return ProcessInfo(**{**row, **lists})
