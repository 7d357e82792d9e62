"""Claims tasks for this process, though an answer of the server may be lost."""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from bgtasks.backends.cutting_off import taken_back
from bgtasks.backends.loops.pacing import Backoff, Seldom
from bgtasks.backends.postgres.claims import DIED, Claims
from bgtasks.backends.postgres.engine import JOBS_CHANNEL, ClaimedJob, Jobs, News, news_in
from bgtasks.backends.postgres.feed import MAX_IDS
from bgtasks.backends.postgres.held_jobs import HeldJobs
from bgtasks.backends.postgres.listener import Listener
from bgtasks.backends.postgres.openings import Openings
from bgtasks.backends.postgres.peer import Peer
from bgtasks.backends.postgres.rates import OverRateError, Rates
from bgtasks.backends.postgres.server_errors import SERVER_ERRORS
from bgtasks.backends.postgres.statements import BEGIN
from bgtasks.backends.postgres.tables import Tables
from bgtasks.backends.postgres.turns import Turns
from bgtasks.backends.task_store import Claimant, Look, Nobody, Stored
from bgtasks.core.attempts import process_name
from bgtasks.core.lifecycle import Change
from bgtasks.core.record import TaskRecord
from bgtasks.models import BackgroundTaskStatus

__all__ = ["Claiming"]

logger: logging.Logger = logging.getLogger(__name__)

PENDING = BackgroundTaskStatus.PENDING

LOOK_EVERY = 5.0
"""Seconds after which the queue is looked at when no notification comes."""

LOST_LOOK_EVERY = 0.25
"""The same while a statement whose answer was lost may still be carried out."""

SOON = timedelta(seconds=0.05)
"""After this long a job is given again whose task could not be decided on."""

AT_STOP = 3.0
"""Seconds that a stop waits for a claim that is under way, and then once more for what became of
claims whose answer was lost."""

REFUSES = "gives no tasks"


class Claiming:
    """Claims what ``openings`` say, and has a claimant begin the attempts.

    A claim is one statement (``is_one_statement``): the engine gives jobs, and the tasks that
    plainly wait for them run; in a process that keeps rates it is a transaction of several. From
    the moment that it is sent until the attempts were begun, this process may hold jobs that it
    does not know of: its answer may be lost, or a task is in a state that is to be decided on. The
    next look finds out what this process holds (:class:`HeldJobs`).
    """

    def __init__(
        self,
        peer: Peer,
        listener: Listener,
        openings: Openings,
        look_for_cancels: Callable[[], None],
    ) -> None:
        self.claimant: Claimant = Nobody()
        self._database = database = peer.database
        self._process = process = peer.process
        self._registry = peer.registry
        self._runs = peer.runs
        self._now = peer.now
        self._feed = peer.feed
        self._untold = peer.untold
        self._listener = listener
        self._openings = openings
        self._look_for_cancels = look_for_cancels
        self._name = process_name(process, socket.gethostname(), os.getpid())
        self._rates = Rates(peer.registry, openings.types, database.clock.monotonic)
        self._held = HeldJobs(
            peer, self._decided, self._begin, lambda: self._is_closed, look_for_cancels
        )
        self._in_claim = asyncio.Lock()
        self._is_closed = True
        self.is_one_statement: bool = True
        self._cancel_was_heard = False
        self._junk = Seldom(database.clock)

    async def start(self, claimant: Claimant) -> None:
        """Begin attempts from now on."""
        if self._rates:
            async with self._database.connection() as connection:
                await self._rates.prepare(connection)
        self.is_one_statement = not self._rates and await self._probe()
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
                while self._held.is_unsure:
                    try:
                        await self._held.look()
                    except SERVER_ERRORS as error:
                        self._database.failed(REFUSES, error)
                        await backoff.wait()

    async def claim(self, room: int) -> int:
        """Claim at most ``room`` tasks and begin their attempts; returns how many jobs were
        claimed."""
        async with self._in_claim:
            await self._held.look()
            limits = self._openings.now()
            if self._is_closed or room <= 0 or not limits:
                return 0
            return await self._take(min(room, MAX_IDS), limits)

    async def next_look(self) -> Look:
        """When something is due."""
        limits = self._openings.now()
        if self._is_closed or not limits:
            return Look(LOOK_EVERY)
        async with self._database.connection() as connection:
            jobs = Jobs(connection)
            open_types = [name for name in limits if not self._rates.wait_for(name)]
            due_in = await jobs.next_due(open_types) if open_types else None
            for name in limits:  # what waits for its rate is looked at when that has a start left
                if (wait := self._rates.wait_for(name)) and await jobs.next_due([name]) is not None:
                    due_in = min(due_in or timedelta(seconds=wait), timedelta(seconds=wait))
        seconds = LOST_LOOK_EVERY if self._held.may_come else LOOK_EVERY
        if due_in is None:
            return Look(seconds)
        return Look(min(due_in.total_seconds(), seconds), is_ready=not due_in)

    def may_wait(self, claimed: TaskRecord) -> bool:
        """What ``TaskStore.may_wait`` says."""
        change = self._cut_off(claimed)
        return change is not None and change.after.status is PENDING

    def cancel_heard(self) -> None:
        """A running task may have been asked to end, perhaps one that is being claimed now."""
        self._cancel_was_heard = True
        self._look_for_cancels()

    def _heard(self, payload: str) -> None:
        """A notification is a hint, whoever sent it: what is stored decides."""
        try:
            news = news_in(payload)
        except ValueError:
            if self._junk.may():
                logger.warning(
                    "a notification on %r is not PgQueuer's: %.200r", JOBS_CHANNEL, payload
                )
            return
        if news is News.CANCELLED:
            self.cancel_heard()
        elif news is News.OTHER or self._openings.are_limited:
            self.claimant.wake()  # with every attempt that ends somewhere a job goes

    async def _probe(self) -> bool:
        """Whether a claim can be one statement. Where the server does not say, it is as before."""
        try:
            async with self._database.connection() as connection:
                works = await BEGIN.works(connection, self._openings.now())
        except SERVER_ERRORS:
            return self.is_one_statement
        if not works:
            logger.warning("this version of PgQueuer is not known: claims take more statements")
        return works

    async def _take(self, size: int, limits: Mapping[str, int]) -> int:
        self._cancel_was_heard = False
        self._held.is_unsure = True
        take = self._take_at_once if self.is_one_statement else self._take_by_steps
        try:
            count, claims = await take(size, limits)
        except OverRateError:
            self._held.is_unsure = False
            return 0  # nothing of it stands
        except BaseException as error:
            self._held.lost(error, is_one_statement=self.is_one_statement)
            raise
        begun = [Stored(record, job) for job, record in claims.claimed.items()]
        await self._begin(begun, claims.announced)
        self._held.is_unsure = self._is_closed or (self.is_one_statement and len(begun) < count)
        await self._held.look()
        return count

    async def _take_at_once(self, size: int, limits: Mapping[str, int]) -> tuple[int, Claims]:
        async with self._database.connection() as connection:
            tables = Tables(connection, self._process)
            count, begun = await tables.claim(
                size, limits, self._now(), self._openings.versions, self._name
            )
        claimed = {stored.place: stored.record for stored in begun}
        return count, Claims(claimed, list(claimed.values()))

    async def _take_by_steps(self, size: int, limits: Mapping[str, int]) -> tuple[int, Claims]:
        """In one transaction: where the rates of types are to be kept, or a claim cannot be one
        statement."""
        claims = Claims()
        try:
            async with self._database.transaction() as connection:
                tables = Tables(connection, self._process)
                starts = await self._rates.starts(connection, limits) if self._rates else None
                limits = limits if starts is None else starts.limits
                jobs = await tables.jobs.claim(size, limits, self._process) if limits else []
                if not jobs:
                    return 0, claims
                claims = await self._decided(connection, jobs)
                if starts is not None:
                    begun = [record.type for record in claims.claimed.values()]
                    await starts.spend(connection, begun)
        except OverRateError:
            raise
        except BaseException:
            self._feed.doubt(record.id for record in claims.announced)
            raise
        return len(jobs), claims

    async def _decided(self, connection: Any, jobs: Sequence[ClaimedJob]) -> Claims:
        tables = Tables(connection, self._process)
        turns = Turns(connection, tables, self._registry)
        claims = await Claims.take(
            tables,
            turns,
            jobs,
            self._cut_off,
            self._runs,
            self._now,
            start=True,
            process=self._name,
            why_too_new=self._registry.why_too_new,
        )
        for type_name in claims.too_new:
            self._openings.close(type_name)
        waiting = dict.fromkeys(claims.requeued, SOON)
        await tables.jobs.release(claims.obsolete, waiting)
        return claims

    async def _begin(self, begun: Iterable[Stored], announced: Iterable[TaskRecord]) -> None:
        """Begin attempts, unless claiming has stopped meanwhile; then they are handed back."""
        begun = list(begun)
        await self._untold.told([stored.record.id for stored in begun])
        for stored in begun:
            if self._is_closed:
                break
            self.claimant.begin(stored)
        self._feed.announce(announced)
        if self._cancel_was_heard:
            self._look_for_cancels()

    def _cut_off(self, record: TaskRecord) -> Change | None:
        return taken_back(record, self._registry, DIED, self._now())
