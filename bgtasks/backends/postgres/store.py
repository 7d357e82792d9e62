"""Every statement that changes tasks, each on a connection with an open transaction.

A change is written only where the stored task is still the one it was decided on: many processes
decide at once. Where one of them was quicker, the task is read and decided on again.

Locks are taken on the engine's job first and on the task second, as in a claim.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from attrs import frozen
from pgqueuer import AsyncpgDriver, Job, JobId, Queries

from bgtasks.backends.postgres import rows
from bgtasks.backends.postgres.engine_schema import engine_queries
from bgtasks.backends.postgres.feed import messages
from bgtasks.backends.postgres.statements import STATEMENTS
from bgtasks.errors import DuplicateTaskError
from bgtasks.lifecycle import Change
from bgtasks.models import BackgroundTaskStatus
from bgtasks.record import TaskRecord

__all__ = ["Store", "StoredTask"]

RUNNING = BackgroundTaskStatus.RUNNING


@frozen
class StoredTask:
    """A task as it is stored, and the engine's job that stands for it."""

    record: TaskRecord
    job: int


class Store:
    """The tables, through one connection in a transaction. ``sender`` signs notifications."""

    def __init__(self, connection: Any, sender: UUID) -> None:
        self._connection = connection
        self._sender = sender

    @property
    def engine(self) -> Queries:
        """The engine's statements, in the same transaction."""
        return engine_queries(AsyncpgDriver(self._connection))

    async def insert(self, records: Sequence[TaskRecord], now: datetime) -> list[TaskRecord]:
        """Keep new tasks with a job for each; gives back the same with their sequences.

        Raises DuplicateTaskError; then the transaction can only be rolled back.
        """
        jobs = await self._enqueue(records, now)
        try:
            found = await self._connection.fetch(
                STATEMENTS["insert_tasks"], *rows.insert_columns(records, jobs)
            )
        except asyncpg.UniqueViolationError as error:
            raise DuplicateTaskError(
                f"a task with one of the ids {_some([item.id for item in records])} was accepted "
                "before; leave the id out to get a new one"
            ) from error
        return [
            record._replace(sequence=row[0]) for record, row in zip(records, found, strict=True)
        ]

    async def find(self, task_ids: Sequence[UUID]) -> dict[UUID, StoredTask]:
        """Those of these tasks that are stored."""
        found = await self._connection.fetch(STATEMENTS["tasks_by_ids"], task_ids)
        stored = (StoredTask(rows.record_of(row), row["job"]) for row in found)
        return {item.record.id: item for item in stored}

    async def write(
        self, changes: Sequence[Change], jobs: Mapping[UUID, int] | None = None
    ) -> set[int]:
        """Write changes where the tasks are still what was decided on; the sequences of these.

        ``jobs`` has the new jobs of tasks that get one.
        """
        reports = [change for change in changes if _is_report(change)]
        others = [change for change in changes if not _is_report(change)]
        written: set[int] = set()
        if reports:
            written |= await self._write("write_reports", rows.report_columns(reports))
        if others:
            pairs = [(change, (jobs or {}).get(change.after.id)) for change in others]
            written |= await self._write("write_changes", rows.change_columns(pairs))
        failures = [
            (change.after.sequence, change.failure)
            for change in others
            if change.failure is not None and change.after.sequence in written
        ]
        if failures:
            await self._connection.execute(
                STATEMENTS["write_failures"], *rows.failure_columns(failures)
            )
        return written

    async def new_job(self, record: TaskRecord, now: datetime) -> int:
        """A job for a task that is to run again."""
        (job,) = await self._enqueue([record], now)
        return job

    async def finish_jobs(self, jobs: Sequence[int]) -> None:
        """Nothing waits for these jobs any more."""
        if jobs:
            await self.engine.log_jobs([(_job_of(job), "successful", None) for job in jobs])

    async def requeue_job(self, job: int, wait: timedelta) -> None:
        """Let a job that was given wait again."""
        await self.engine.retry_job(_job_of(job), max(wait, timedelta(0)), None)

    async def cancel_job(self, job: int) -> None:
        """Take a waiting job out of the queue, and tell whoever runs it to end it."""
        await self.engine.mark_job_as_cancelled([JobId(job)])

    async def notify_cancellation(self, job: int) -> None:
        """Tell whoever runs this job to end it."""
        await self.engine.notify_job_cancellation([JobId(job)])

    async def tell(self, task_ids: Sequence[UUID]) -> None:
        """Notify other processes of changes, once they are committed."""
        if task_ids:
            await self._connection.execute(STATEMENTS["tell"], messages(self._sender, task_ids))

    async def _enqueue(self, records: Sequence[TaskRecord], now: datetime) -> list[int]:
        return list(
            await self.engine.enqueue(
                [record.type for record in records],
                [record.id.bytes for record in records],
                [record.priority for record in records],
                [_wait(record, now) for record in records],
            )
        )

    async def _write(self, name: str, columns: rows.Columns) -> set[int]:
        return {row[0] for row in await self._connection.fetch(STATEMENTS[name], *columns)}


def _job_of(job: int) -> Job:
    """As much of the engine's own object as its statements look at."""
    return Job.model_construct(id=JobId(job))


def _is_report(change: Change) -> bool:
    before, after = change.before, change.after
    return (
        before.status is RUNNING is after.status
        and before.attempt == after.attempt
        and before.cancel_requested is after.cancel_requested
    )


def _wait(record: TaskRecord, now: datetime) -> timedelta:
    """How long the engine waits, by its own clock: hosts' clocks may differ from the server's."""
    return max(record.due_at - now, timedelta(0)) if record.due_at else timedelta(0)


def _some(ids: Sequence[UUID]) -> str:
    text = ", ".join(map(str, ids[:3]))
    return f"{text} and {len(ids) - 3:,} more" if len(ids) > 3 else text
