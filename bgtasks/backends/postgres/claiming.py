"""Claims tasks for this process, though an answer of the server may be lost."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from bgtasks.backends.cutting_off import taken_back
from bgtasks.backends.loops.pacing import Backoff, Seldom
from bgtasks.backends.loops.runs import Runs
from bgtasks.backends.postgres.claims import DIED, Claims
from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.engine import JOBS_CHANNEL, Jobs, is_cancellation
from bgtasks.backends.postgres.listener import Listener
from bgtasks.backends.postgres.rates import OverRateError, Rates
from bgtasks.backends.postgres.server_errors import SERVER_ERRORS
from bgtasks.backends.postgres.tables import Tables
from bgtasks.backends.postgres.turns import Turns
from bgtasks.backends.task_store import Claimant, Look, Nobody, Stored
from bgtasks.core.events import Ended, NotBegun
from bgtasks.core.lifecycle import Change, decide
from bgtasks.core.record import TaskRecord
from bgtasks.models import BackgroundTaskStatus
from bgtasks.registration import Registry

__all__ = ["Claiming"]

logger = logging.getLogger(__name__)

RUNNING = BackgroundTaskStatus.RUNNING

LOOK_EVERY = 5.0
"""Seconds after which the queue is looked at when no notification comes."""

SOON = timedelta(seconds=0.05)
"""After this long a job is given again whose task could not be decided on."""

AT_STOP = 3.0
"""Seconds that a stop waits for a claim that is under way, and then once more for what became of
claims whose answer was lost."""

REFUSES = "gives no tasks"

STOPPED = "the process stopped before the worker began"


class Claiming:
    """Claims tasks of ``types`` and has a claimant begin their attempts.

    A claim is *open* from the moment that its COMMIT may have been carried out until its attempt
    was begun. If the answer is lost, the next look finds out what became of it: a claim that
    holds is begun, or handed back to wait again once claiming has stopped.

    ``announce(records)`` is called with what was changed, ``doubt(ids)`` with tasks that may have
    been; ``told(ids)`` is awaited before attempts of these tasks are begun. Nothing is claimed of
    types that ``is_paused(name)``.
    """

    def __init__(
        self,
        database: Database,
        listener: Listener,
        process: UUID,
        registry: Registry,
        types: Sequence[str],
        runs: Runs,
        now: Callable[[], datetime],
        *,
        announce: Callable[[Iterable[TaskRecord]], None],
        doubt: Callable[[Iterable[UUID]], None],
        told: Callable[[Iterable[UUID]], Awaitable[None]],
        is_paused: Callable[[str], bool],
        look_for_cancels: Callable[[], None],
    ) -> None:
        self.claimant: Claimant = Nobody()
        self._database = database
        self._listener = listener
        self._process = process
        self._registry = registry
        self._limits = {
            item.type_name: item.max_concurrency or 0
            for item in registry
            if item.type_name in types
        }
        self._rates = Rates(registry, types)
        self._runs = runs
        self._now = now
        self._announce = announce
        self._doubt = doubt
        self._told = told
        self._is_paused = is_paused
        self._look_for_cancels = look_for_cancels
        self._open: dict[int, TaskRecord] = {}
        self._in_claim = asyncio.Lock()
        self._is_closed = True
        self._cancel_was_heard = False
        self._junk = Seldom(database.clock)

    async def start(self, claimant: Claimant) -> None:
        """Begin attempts from now on."""
        if self._rates:
            async with self._database.connection() as connection:
                await self._rates.prepare(connection)
        self.claimant, self._is_closed = claimant, False
        await self._listener.add(JOBS_CHANNEL, self._heard)

    async def stop(self) -> None:
        """Begin no further attempt, once a claim that is under way has been answered, or was
        waited for long enough."""
        try:
            async with asyncio.timeout(AT_STOP):
                async with self._in_claim:
                    self._is_closed = True
        except TimeoutError:
            logger.warning("%s does not answer a claim: not waited for", self._database.name)
            self._is_closed = True
        self._listener.remove(JOBS_CHANNEL, self._heard)

    async def hand_back(self) -> None:
        """Let claims whose answer was lost wait again, if the server says within seconds what
        became of them."""
        backoff = Backoff(self._database.clock)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(AT_STOP):
                while self._open:
                    try:
                        await self._look_up()
                    except SERVER_ERRORS as error:
                        self._database.failed(REFUSES, error)
                        await backoff.wait()

    async def claim(self, room: int) -> int:
        """Claim at most ``room`` tasks and begin their attempts; returns how many jobs were
        claimed."""
        async with self._in_claim:
            await self._look_up()
            limits = self._open_limits()
            if self._is_closed or room <= 0 or not limits:
                return 0
            return await self._take(room, limits)

    async def next_look(self) -> Look:
        """When the next job is due."""
        types = list(self._open_limits())
        if self._is_closed or not types:
            return Look(LOOK_EVERY)
        async with self._database.connection() as connection:
            jobs = Jobs(connection)
            open_types = [name for name in types if not self._rates.wait_for(name)]
            due_in = await jobs.next_due(open_types) if open_types else None
            for name in types:  # what waits for its rate is looked at when that has a start left
                if (wait := self._rates.wait_for(name)) and await jobs.next_due([name]) is not None:
                    due_in = min(due_in or timedelta(seconds=wait), timedelta(seconds=wait))
        if due_in is None:
            return Look(LOOK_EVERY)
        return Look(min(due_in.total_seconds(), LOOK_EVERY), is_ready=not due_in)

    def cancel_heard(self) -> None:
        """A running task may have been asked to end, perhaps one that is being claimed now."""
        self._cancel_was_heard = True
        self._look_for_cancels()

    def _heard(self, payload: str) -> None:
        """A notification is a hint, whoever sent it: what is stored decides."""
        try:
            asks_to_end = is_cancellation(payload)
        except ValueError:
            if self._junk.may():
                logger.warning(
                    "a notification on %r is not PgQueuer's: %.200r", JOBS_CHANNEL, payload
                )
            return
        if asks_to_end:
            self.cancel_heard()
        else:
            self.claimant.wake()

    def _open_limits(self) -> dict[str, int]:
        """The limits of the types of which something may begin."""
        limits = self._limits.items()
        return {name: limit for name, limit in limits if not self._is_paused(name)}

    async def _take(self, size: int, limits: Mapping[str, int]) -> int:
        self._cancel_was_heard = False
        claims = Claims()
        try:
            async with self._database.transaction() as connection:
                tables = Tables(connection, self._process)
                starts = await self._rates.starts(connection, limits) if self._rates else None
                limits = limits if starts is None else starts.limits
                if not limits:
                    return 0
                jobs = await tables.jobs.claim(size, limits, self._process)
                if not jobs:
                    return 0
                turns = Turns(connection, tables, self._registry)
                claims = await Claims.take(
                    tables, turns, jobs, self._cut_off, self._runs, self._now, start=True
                )
                waiting = dict.fromkeys(claims.requeued, SOON)
                await tables.jobs.release(claims.obsolete, waiting)
                if starts is not None:
                    begun = [record.type for record in claims.claimed.values()]
                    await starts.spend(connection, begun)
                self._open.update(claims.claimed)
        except OverRateError:
            return 0  # nothing of it stands
        except BaseException:
            self._doubt(record.id for record in claims.announced)
            raise
        await self._begin(claims.announced)
        return len(jobs)

    def _cut_off(self, record: TaskRecord) -> Change | None:
        return taken_back(record, self._registry, DIED, self._now())

    async def _look_up(self) -> None:
        """Find out what became of the claims that are open. Raises what the server raises; then
        they stay open."""
        if not self._open:
            return
        self._open = held = await self._held()
        if self._is_closed:
            await self._hand_back(held)
        else:
            await self._begin(held.values())
            self._look_for_cancels()

    async def _begin(self, announced: Iterable[TaskRecord]) -> None:
        await self._told([record.id for record in self._open.values()])
        while self._open and not self._is_closed:
            job = next(iter(self._open))
            self.claimant.begin(Stored(self._open.pop(job), job))
        self._announce(announced)
        if self._cancel_was_heard:
            self._look_for_cancels()

    async def _held(self) -> dict[int, TaskRecord]:
        """The open claims that this process holds.

        Reading locks the rows, and so waits for the end of a transaction that still claims them:
        the answer is final. Nothing is committed here, so no answer of that can be lost.
        """
        async with self._database.connection() as connection:
            tables = Tables(connection, self._process)
            stored = await tables.find([item.id for item in self._open.values()], lock=True)
            jobs = await tables.jobs.held_by(self._process, list(self._open))
        held = {}
        for job, claimed in self._open.items():
            found = stored.get(claimed.id)
            if found is None or found.place != job or job not in jobs:
                continue
            if found.record.status is RUNNING and found.record.attempt == claimed.attempt:
                held[job] = found.record._replace(data=claimed.data, headers=claimed.headers)
        return held

    async def _hand_back(self, held: dict[int, TaskRecord]) -> None:
        written: list[Change] = []
        try:
            async with self._database.transaction() as connection:
                tables = Tables(connection, self._process)
                for job, record in held.items():
                    ended = Ended(record.attempt, NotBegun(STOPPED))
                    change = decide(record, ended, self._now())
                    if change is not None and await tables.write([change]):
                        written.append(change)
                        await tables.release_job(job, change.after, self._now())
        except BaseException:
            self._doubt(record.id for record in held.values())
            raise
        self._open.clear()
        self._announce(change.after for change in written)
