"""Whether processes live: this one says so, and looks who else did."""

import os
import socket
import time
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from bgtasks.backends.loops.runs import Runs
from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.server_clock import ServerClock
from bgtasks.backends.postgres.statements import STATEMENTS
from bgtasks.models import ProcessInfo

__all__ = ["Heartbeat"]

MOST_EVERY = 5.0
"""Seconds between two heartbeats, at most."""


class Heartbeat:
    """Writes that this process lives, four times in ``timeout`` seconds, by a connection that
    nothing else uses. A process that was not heard of for ``timeout`` seconds by the server's
    clock is dead, and so are its attempts.

    Whatever keeps one process from writing (a stall, a lock, a full disk, a server that is away)
    keeps the others as well. So ``may_condemn`` is true only where this process has spoken without
    a gap for ``timeout`` seconds: until then the others may not have had the time to.
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
    ) -> None:
        self.runs_tasks = False
        self.every = min(timeout / 4, MOST_EVERY)
        self._database = database
        self._process = process
        self._runs = runs
        self._clock = clock
        self._types = list(types)
        self._max_concurrency = max_concurrency
        self._timeout = timeout
        self._longest_gap = timeout / 2
        self._is_silenced = True
        self._spoke_at = self._speaks_since = 0.0
        self._seen_at: datetime | None = None
        self._server_started_at: datetime | None = None

    async def beat(self) -> None:
        """Say that this process lives. Raises what the server does not do that with.

        The first time may take longer: it opens the connection, and the start waits for it.
        """
        try:
            first = self._database.bounds.statement
            await self._beat(self.every if self.has_spoken else first)
        except BaseException:
            self._is_silenced = True
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
                len(self._runs),
                self._max_concurrency,
                timeout=within,
            )
        self._clock.heard(row["seen_at"], sent_at)
        self._spoke(row["seen_at"], row["server_started_at"])

    def may_condemn(self) -> bool:
        """Whether the silence of another process means that it is dead."""
        if self._is_silenced:
            return False
        now = time.monotonic()
        is_current = now - self._spoke_at <= self._longest_gap
        return is_current and now - self._speaks_since >= self._timeout

    @property
    def has_spoken(self) -> bool:
        """Whether others know of this process."""
        return self._seen_at is not None

    async def leave(self) -> None:
        """Say goodbye."""
        async with self._database.heart.acquire(timeout=self.every) as connection:
            await connection.execute(STATEMENTS["leave"], self._process, timeout=self.every)

    async def processes(self) -> list[ProcessInfo]:
        """Everyone who was seen within a day."""
        found = await self._database.fetch(STATEMENTS["processes"], self._timeout)
        return [ProcessInfo(**{**row, "types": tuple(row["types"])}) for row in found]

    def _spoke(self, seen_at: datetime, server_started_at: datetime) -> None:
        """Note a heartbeat that was written, as the server dates it.

        Silence of others counts from here if the one before had failed or is long ago, be it by
        the clock here or by the server's, which may have been set forward; or if the server was
        started since.
        """
        now, was_silenced = time.monotonic(), self._is_silenced
        self._is_silenced = False
        if self._seen_at is not None:
            by_server = (seen_at - self._seen_at).total_seconds()
            gap = max(now - self._spoke_at, by_server)
            was_silenced |= gap > self._longest_gap or server_started_at != self._server_started_at
        if was_silenced:
            self._speaks_since = now
        self._spoke_at, self._seen_at = now, seen_at
        self._server_started_at = server_started_at
