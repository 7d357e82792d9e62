"""What this process holds without knowing it: an answer to a claim was lost, or a task is to be
decided on."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

from bgtasks.backends.loops.ahead import STOPPED
from bgtasks.backends.postgres.claims import Claims
from bgtasks.backends.postgres.engine import ClaimedJob
from bgtasks.backends.postgres.peer import Peer
from bgtasks.backends.postgres.server_errors import is_fate_unknown
from bgtasks.backends.postgres.tables import Tables
from bgtasks.backends.task_store import Stored
from bgtasks.core.events import Ended, NotBegun
from bgtasks.core.lifecycle import Change, decide
from bgtasks.core.record import TaskRecord
from bgtasks.models import BackgroundTaskStatus

__all__ = ["HeldJobs"]

RUNNING = BackgroundTaskStatus.RUNNING

LOOK_FOR = 30.0
"""Seconds for which a statement whose answer was lost may still be carried out, at the most."""

RARELY = 60.0
"""Seconds after which this process looks what it holds though nothing was lost."""

NOW = timedelta(0)


class HeldJobs:
    """Finds out what this process holds, where it may hold what it does not know of: an attempt of
    which nothing is known is begun, or handed back to wait again once claiming has stopped.

    ``is_unsure`` says that a look is due. ``decide(connection, jobs)`` decides on the tasks of
    jobs, ``begin(begun, announced)`` begins attempts and announces what was changed.
    ``is_closed()`` says whether claiming has stopped.
    """

    def __init__(
        self,
        peer: Peer,
        decide: Callable[[Any, Sequence[ClaimedJob]], Awaitable[Claims]],
        begin: Callable[[Iterable[Stored], Iterable[TaskRecord]], Awaitable[None]],
        is_closed: Callable[[], bool],
        look_for_cancels: Callable[[], None],
    ) -> None:
        self.is_unsure: bool = False
        self._database = peer.database
        self._process = peer.process
        self._runs = peer.runs
        self._feed = peer.feed
        self._now = peer.now
        self._monotonic = peer.database.clock.monotonic
        self._decide = decide
        self._begin = begin
        self._is_closed = is_closed
        self._look_for_cancels = look_for_cancels
        self._look_until = self._looked_at = 0.0

    @property
    def may_come(self) -> bool:
        """Whether a statement whose answer was lost may still be carried out."""
        return self._monotonic() < self._look_until

    def lost(self, error: BaseException, *, is_one_statement: bool) -> None:
        """There is no answer. If it is lost, the server may still carry out what was asked for. One
        statement is a transaction of its own: whatever is said of it, a look tells what stands."""
        is_lost = is_fate_unknown(error)
        self.is_unsure = is_lost or is_one_statement
        if is_lost:
            self._look_until = self._monotonic() + LOOK_FOR

    async def look(self) -> None:
        """Begin what is held, or hand it back where claiming has stopped. Raises what the server
        raises; then it is looked again."""
        now = self._monotonic()
        if not self.is_unsure and now >= self._look_until and now - self._looked_at < RARELY:
            return
        self.is_unsure = True
        known = [run.place for run in self._runs]
        async with self._database.connection() as connection:
            tables = Tables(connection, self._process)
            held = await tables.jobs.held(self._process, known)
            begun = await _begun_of(tables, held)
        if self._is_closed():
            await self._hand_back(held, begun)
        else:
            others = [job.id for job in held if job.id not in begun]
            claims = await self._decide_on(known, others) if others else Claims()
            begun |= claims.claimed
            records = [*begun.values(), *claims.announced]
            await self._begin((Stored(record, job) for job, record in begun.items()), records)
            if begun:
                self._look_for_cancels()
        self.is_unsure = bool(held) and self._is_closed()
        self._looked_at = now

    async def _decide_on(self, known: Sequence[int], others: Sequence[int]) -> Claims:
        """Decide on the tasks of jobs that are not plainly waiting for them, in a transaction."""
        claims = Claims()
        try:
            async with self._database.transaction() as connection:
                jobs = Tables(connection, self._process).jobs
                held = await jobs.held(self._process, known, lock=True)
                claims = await self._decide(connection, [job for job in held if job.id in others])
                await jobs.renew(list(claims.claimed))
        except BaseException as error:
            self.lost(error, is_one_statement=False)
            self.is_unsure = True
            self._feed.doubt(record.id for record in claims.announced)
            raise
        return claims

    async def _hand_back(self, held: Sequence[ClaimedJob], begun: dict[int, TaskRecord]) -> None:
        """Let the tasks wait again whose attempts were not begun, and the jobs of all others."""
        written: list[Change] = []
        try:
            async with self._database.transaction() as connection:
                tables = Tables(connection, self._process)
                for job in held:
                    if (record := begun.get(job.id)) is None:
                        await tables.jobs.release(waiting={job.id: NOW})
                        continue
                    ended = Ended(record.attempt, NotBegun(STOPPED))
                    change = decide(record, ended, self._now())
                    if change is not None and await tables.write([change]):
                        written.append(change)
                        await tables.release_job(job.id, change.after, self._now())
        except BaseException:
            self._feed.doubt(record.id for record in begun.values())
            raise
        self._feed.announce(change.after for change in written)


async def _begun_of(tables: Tables, held: Sequence[ClaimedJob]) -> dict[int, TaskRecord]:
    """The tasks that run since the claim of these jobs, their attempts not begun."""
    jobs = [job for job in held if job.is_begun]
    stored = await tables.find_whole([job.task for job in jobs]) if jobs else {}
    found = ((job.id, stored.get(job.task)) for job in jobs)
    return {
        job: item.record
        for job, item in found
        if item is not None and item.place == job and item.record.status is RUNNING
    }
