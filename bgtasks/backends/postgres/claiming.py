"""From the engine's jobs to attempts that run here, though an answer of the server may be lost."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from uuid import UUID

from bgtasks.backends.postgres.claims import Claims
from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.runs import Runs
from bgtasks.backends.postgres.store import Store
from bgtasks.core.events import Ended, NotBegun
from bgtasks.core.lifecycle import Change, decide
from bgtasks.core.record import TaskRecord
from bgtasks.models import BackgroundTaskStatus
from bgtasks.registration import Registry

__all__ = ["Claiming"]

RUNNING = BackgroundTaskStatus.RUNNING

STOPPED = "the process stopped before the worker began"


class Claiming:
    """Claims tasks and has ``start(job, record)`` begin their attempts.

    A claim is *open* from the moment that its COMMIT may have been carried out until its attempt
    was started. If the answer is lost, ``look_up`` finds out what became of it: a claim that
    holds is started, or handed back to wait again once this was closed.

    ``announce(records)`` is called with what was changed, ``doubt(ids)`` with tasks that may have
    been; ``told(ids)`` is awaited before attempts of these tasks are started.
    """

    def __init__(
        self,
        database: Database,
        process: UUID,
        registry: Registry,
        runs: Runs,
        now: Callable[[], datetime],
        *,
        start: Callable[[int, TaskRecord], None],
        announce: Callable[[Iterable[TaskRecord]], None],
        doubt: Callable[[Iterable[UUID]], None],
        told: Callable[[Iterable[UUID]], Awaitable[None]],
        look_for_cancels: Callable[[], None],
    ) -> None:
        self._database = database
        self._process = process
        self._registry = registry
        self._runs = runs
        self._now = now
        self._start = start
        self._announce = announce
        self._doubt = doubt
        self._told = told
        self._look_for_cancels = look_for_cancels
        self._open: dict[int, TaskRecord] = {}
        self._is_closed = False
        self._cancel_was_heard = False

    @property
    def is_open(self) -> bool:
        """Whether there are claims whose attempts have not been started."""
        return bool(self._open)

    @property
    def is_closed(self) -> bool:
        """Whether no further attempt is started."""
        return self._is_closed

    def cancel_heard(self) -> None:
        """A running task may have been asked to end, perhaps one that is being claimed now."""
        self._cancel_was_heard = True

    def reopen(self) -> None:
        """Start attempts from now on."""
        self._is_closed = False

    def close(self) -> None:
        """Start no further attempt: claims that are open are handed back by ``look_up``."""
        self._is_closed = True

    async def take(self, size: int, limits: Mapping[str, int]) -> int:
        """Claim at most ``size`` jobs and their tasks, by ``Jobs.claim``, and start the attempts;
        how many jobs were claimed."""
        self._cancel_was_heard = False
        claims = Claims()
        try:
            async with self._database.transaction() as connection:
                store = Store(connection, self._process)
                jobs = await store.jobs.claim(size, limits, self._process)
                if not jobs:
                    return 0
                claims = await Claims.take(
                    store, jobs, self._registry, self._runs, self._now, start=True
                )
                await store.jobs.release(claims.obsolete)
                self._open.update(claims.claimed)
        except BaseException:
            self._doubt(record.id for record in claims.announced)
            raise
        await self._begin(claims.announced)
        return len(jobs)

    async def look_up(self) -> None:
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
            self._start(job, self._open.pop(job))
        self._announce(announced)
        if self._cancel_was_heard:
            self._look_for_cancels()

    async def _held(self) -> dict[int, TaskRecord]:
        """The open claims that this process holds.

        Reading locks the rows, and so waits for the end of a transaction that still claims them:
        the answer is final. Nothing is committed here, so no answer of that can be lost.
        """
        async with self._database.connection() as connection:
            store = Store(connection, self._process)
            stored = await store.find([item.id for item in self._open.values()], lock=True)
            jobs = await store.jobs.held_by(self._process, list(self._open))
        held = {}
        for job, claimed in self._open.items():
            found = stored.get(claimed.id)
            if found is None or found.job != job or job not in jobs:
                continue
            if found.record.status is RUNNING and found.record.attempt == claimed.attempt:
                held[job] = found.record._replace(data=claimed.data)
        return held

    async def _hand_back(self, held: dict[int, TaskRecord]) -> None:
        written: list[Change] = []
        try:
            async with self._database.transaction() as connection:
                store = Store(connection, self._process)
                for job, record in held.items():
                    ended = Ended(record.attempt, NotBegun(STOPPED))
                    change = decide(record, ended, self._now())
                    if change is not None and await store.write([change]):
                        written.append(change)
                        await store.release_job(job, change.after, self._now())
        except BaseException:
            self._doubt(record.id for record in held.values())
            raise
        self._open.clear()
        self._announce(change.after for change in written)
