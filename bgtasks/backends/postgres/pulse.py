"""What each process does from time to time, whether it runs tasks or only shows them."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from bgtasks.backends.loops.marking import Marking
from bgtasks.backends.loops.pacing import END_WITHIN
from bgtasks.backends.loops.periodic import Periodic
from bgtasks.backends.loops.recovery import Recovery
from bgtasks.backends.loops.runs import Run, Runs
from bgtasks.backends.loops.tending import RARELY, Tending
from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.engine import Jobs
from bgtasks.backends.postgres.flow_tables import FlowTables
from bgtasks.backends.postgres.heartbeat import Heartbeat
from bgtasks.backends.postgres.server_errors import SERVER_ERRORS
from bgtasks.backends.postgres.statements import STATEMENTS
from bgtasks.backends.task_store import TaskStore

__all__ = ["Pulse"]

LOOK_EVERY = 1.0
"""Seconds between two looks at whether running tasks were asked to end: a cancellation whose
notification was lost is noticed then."""

LOOK_GAP = 0.02
"""Seconds between two looks at the least: anybody who may connect can send notifications."""

SUM_UP_EVERY = 10.0
"""Seconds between two looks at whether there are many small numbers to be summed up."""

COUNTS_BATCH = 100_000
"""How many of them become few in one statement."""

LOG_BATCH = 10_000
"""Rows of PgQueuer's log dropped in one statement."""


class Pulse:
    """Says that this process lives, and looks after the tasks that run in it.

    ``asked_to_end(run)`` is called for a run whose task was asked to end, or was given to another
    attempt. ``give_turns`` is awaited once a minute.
    """

    def __init__(
        self,
        store: TaskStore,
        database: Database,
        heartbeat: Heartbeat,
        runs: Runs,
        *,
        asked_to_end: Callable[[Run], None],
        recovery: Recovery,
        marking: Marking,
        give_turns: Callable[[], Awaitable[None]],
    ) -> None:
        self._database = database
        self._heartbeat = heartbeat
        self._runs = runs
        self._asked_to_end = asked_to_end
        clock, every = database.clock, heartbeat.every
        self.tending: Tending = Tending(store, recovery, marking, clock, every)
        self._beats = Periodic(store, "takes no heartbeat", heartbeat.beat, every, clock)
        refused = "does not say what was cancelled"
        self.flows: FlowTables = FlowTables(database)
        self._looks = Periodic(store, refused, self.look, LOOK_EVERY, clock, gap=LOOK_GAP)
        self._duties = [
            *self.tending.duties,
            Periodic(store, "does not let old rows be dropped", self.tidy, RARELY, clock),
            Periodic(store, "does not say who waits for a turn", give_turns, RARELY, clock),
            Periodic(store, "does not let numbers be summed up", self.sum_up, SUM_UP_EVERY, clock),
        ]

    @property
    def trouble(self) -> str | None:
        """Which duty is no longer done, in words."""
        return next(filter(None, (loop.trouble for loop in self._loops)), None)

    @property
    def _loops(self) -> list[Periodic]:
        return [self._beats, self._looks, *self._duties]

    async def start(self) -> None:
        """Do each duty once, and again and again from now on. Raises what the server raises for
        the first heartbeat."""
        await self._heartbeat.beat()
        for duty in self._duties:
            await duty.once()
        for loop in self._loops:
            loop.start()

    async def stop(self) -> None:
        """End, and remove this process from those that live."""
        await asyncio.gather(*(loop.stop() for loop in self._loops))
        if self._heartbeat.has_spoken:
            with contextlib.suppress(*SERVER_ERRORS):
                async with asyncio.timeout(END_WITHIN):
                    await self._heartbeat.leave()

    def beat_soon(self) -> None:
        """Write a heartbeat now: it has something new about this process."""
        self._beats.soon()

    def look_soon(self) -> None:
        """Look now whether running tasks were asked to end."""
        self._looks.soon()

    async def look(self) -> None:
        """Look whether running tasks were asked to end, or are another attempt's by now."""
        runs = list(self._runs)
        if not runs:
            return
        found = await self._database.fetch(
            STATEMENTS["runs_to_end"],
            [run.record.id for run in runs],
            [run.attempt for run in runs],
        )
        for row in found:
            if (run := self._runs.of_attempt(row["id"], row["attempt"])) is not None:
                self._asked_to_end(run)

    async def sum_up(self) -> None:
        """Sum up what was written down of how many tasks there are, and of where they went."""
        await self._database.fetch(STATEMENTS["sum_up_counts"], COUNTS_BATCH)
        await self.flows.gather()

    async def tidy(self) -> None:
        """Drop processes that were killed long ago, and what PgQueuer writes down of each job."""
        await self._database.fetch(STATEMENTS["forget_dead"])
        more = True
        while more:
            async with self._database.connection() as connection:
                more = await Jobs(connection).tidy(LOG_BATCH)
