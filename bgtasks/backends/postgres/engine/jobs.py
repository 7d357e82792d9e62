"""PgQueuer's jobs: put into its queue, claimed, let go."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Any
from uuid import UUID

from attrs import frozen
from pgqueuer import Job, JobId
from pgqueuer.models import AnyEvent, CancellationEvent, QueueManagerId, TableChangedEvent
from pgqueuer.ports.repository import EntrypointExecutionParameter

from bgtasks.backends.postgres.engine.schema import ENGINE, NEVER, queries_on
from bgtasks.backends.statements import load_statements

__all__ = [
    "JOBS_CHANNEL",
    "PARTS",
    "STATEMENTS",
    "ClaimedJob",
    "Jobs",
    "News",
    "cancellation",
    "news_in",
]

JOBS_CHANNEL: str = ENGINE.channel
"""Where PgQueuer notifies of new jobs and of cancellations."""

STATEMENTS = load_statements(
    "bgtasks.backends.postgres.engine",
    queue=ENGINE.queue_table,
    log=ENGINE.queue_table_log,
    statistics=ENGINE.statistics_table,
)

PARTS: dict[str, str] = {
    "jobs_channel": JOBS_CHANNEL,
    **{
        name: STATEMENTS[name]
        for name in ("next_job", "queue_jobs", "lock_jobs", "finish_jobs", "withdraw_jobs")
    },
}
"""Parts of statements that write tasks and their jobs at once, by the names they have there."""

NOW = timedelta(0)
NO_TASK = UUID(int=0)


@frozen
class ClaimedJob:
    """A job that a process holds: its number, the task it stands for, and who holds it.
    ``is_begun``: its task was written by the transaction that gave the job, and by none since."""

    id: int
    task: UUID
    process: UUID
    is_begun: bool = False


class Jobs:
    """The queue, through one connection and in the transaction that is open there, if any."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def enqueue(self, task: UUID, type_name: str, priority: int, wait: timedelta) -> int:
        """A job for a task that is to run again. (New tasks get theirs by ``PARTS``.)"""
        job: int = await self._connection.fetchval(
            STATEMENTS["new_job"], priority, type_name, task.bytes, wait
        )
        return job

    async def enqueue_all(self, records: Sequence[Any]) -> dict[UUID, int]:
        """A job for each of these tasks, due at once; the jobs by their tasks."""
        found = await self._connection.fetch(
            STATEMENTS["new_jobs"],
            [record.priority for record in records],
            [record.type for record in records],
            [record.id.bytes for record in records],
        )
        return {UUID(bytes=row[1]): row[0] for row in found}

    async def lock(self, job: int) -> None:
        """Nobody else takes this job until the transaction ends."""
        await self._connection.execute(STATEMENTS["lock_job"], job)

    async def claim(
        self, size: int, limits: Mapping[str, int], process: UUID
    ) -> Sequence[ClaimedJob]:
        """Give this process at most ``size`` due jobs, by priority and age.

        ``limits`` has the types to run, each with how many of it may run in all processes at once;
        0: as many as there are.
        """
        types: dict[Any, EntrypointExecutionParameter] = {
            name: EntrypointExecutionParameter(limit) for name, limit in limits.items()
        }
        found = await queries_on(self._connection).dequeue(
            size, types, QueueManagerId(process), None, NEVER
        )
        return [ClaimedJob(job.id, _task_of(job.payload), process) for job in found]

    async def picked(self, types: Sequence[str]) -> dict[str, int]:
        """How many jobs of these types are given to processes now."""
        found = await self._connection.fetch(STATEMENTS["picked"], types)
        return {row[0]: row[1] for row in found}

    async def next_due(self, types: Sequence[Any]) -> timedelta | None:
        """How long until a waiting job of these types is due; zero: one is, though its type may
        have no slot free, or another process be about to claim it."""
        queries = queries_on(self._connection)
        # In this order a job that falls due between the two statements is seen by the second.
        due_in = await queries.next_deferred_eta(list(types))
        return NOW if await queries.eligible_queued_work(list(types)) else due_in

    async def release(
        self, finished: Sequence[int] = (), waiting: Mapping[int, timedelta] | None = None
    ) -> None:
        """Let jobs go that were claimed: nothing needs the ``finished`` ones any longer, the
        ``waiting`` ones are due again after a time. Whoever has slots free is notified of those
        that are due at once: PgQueuer's trigger does so only for new jobs."""
        queries = queries_on(self._connection)
        for job, wait in (waiting or {}).items():
            await queries.retry_job(_job_of(job), max(wait, NOW), None)
        if waiting and min(waiting.values()) <= NOW:
            await self._connection.execute(STATEMENTS["notify"], JOBS_CHANNEL, _due_again())
        if finished:
            await queries.log_jobs([(_job_of(job), "successful", None) for job in finished])

    async def held(
        self, process: UUID, but: Sequence[int] = (), *, lock: bool = False
    ) -> list[ClaimedJob]:
        """The jobs that this process holds, by priority and age, ``but`` these; ``lock``: nobody
        else takes them until the transaction ends."""
        found = await self._connection.fetch(
            STATEMENTS["lock_held" if lock else "held"], process, but
        )
        return [ClaimedJob(row[0], _task_of(row[1]), process, row[2]) for row in found]

    async def renew(self, jobs: Sequence[int]) -> None:
        """Write these jobs anew, in the transaction that writes their tasks."""
        await self._connection.execute(STATEMENTS["renew"], jobs)

    async def abandoned(self, silence: float, limit: int) -> Sequence[ClaimedJob]:
        """Jobs whose processes were not heard of for ``silence`` seconds, the longest silent first,
        locked until the transaction ends; none that another process has locked."""
        found = await self._connection.fetch(STATEMENTS["abandoned"], silence, limit)
        return [ClaimedJob(row[0], _task_of(row[1]), row[2]) for row in found]

    async def tidy(self, limit: int) -> bool:
        """Drop at most ``limit`` rows each of what PgQueuer writes down of jobs and nobody reads;
        whether there may be more."""
        log = await self._connection.fetch(STATEMENTS["prune_log"], limit)
        statistics = await self._connection.fetch(STATEMENTS["prune_statistics"], limit)
        return limit in (len(log), len(statistics))


def cancellation(jobs: Sequence[int]) -> str:
    """What PgQueuer notifies of, for whoever holds these jobs to end them."""
    return CancellationEvent(
        channel=ENGINE.channel,
        ids=[JobId(job) for job in jobs],
        sent_at=datetime.now(UTC),
        type="cancellation_event",
    ).model_dump_json()


def _due_again() -> str:
    """What PgQueuer would notify of if its trigger told of changed jobs too."""
    return TableChangedEvent(
        channel=ENGINE.channel,
        operation="update",
        sent_at=datetime.now(UTC),
        table=ENGINE.queue_table,
        type="table_changed_event",
    ).model_dump_json()


class News(Enum):
    """What a notification of PgQueuer says."""

    CANCELLED = auto()
    """A running job is to end."""
    ROOM = auto()
    """Jobs are gone: their types may have a slot free."""
    OTHER = auto()
    """There may be something to claim."""


def news_in(payload: str) -> News:
    """What PgQueuer notified of. Raises ValueError for what PgQueuer did not send."""
    event = AnyEvent.model_validate_json(payload).root
    if isinstance(event, CancellationEvent):
        return News.CANCELLED
    return News.ROOM if getattr(event, "operation", None) == "delete" else News.OTHER


def _task_of(payload: bytes | None) -> UUID:
    """The task that a job stands for; of a job that somebody else made: none."""
    return UUID(bytes=bytes(payload)) if payload and len(payload) == 16 else NO_TASK


def _job_of(job: int) -> Job:
    """As much of PgQueuer's own object as its statements look at."""
    return Job.model_construct(id=JobId(job))
