"""What callers ask for: tasks to be kept, cancelled, or run again."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from attrs import frozen

from bgtasks.backends.postgres.database import WRITTEN, Database
from bgtasks.backends.postgres.store import NOBODY, Store
from bgtasks.lifecycle import CancelRequested, Change, RetryRequested, decide
from bgtasks.models import BackgroundTaskStatus
from bgtasks.record import TaskRecord

__all__ = ["Commands"]

RUNNING = BackgroundTaskStatus.RUNNING


class Commands:
    """Decides on tasks and writes it, whatever other processes do at the same moment.

    ``announce(records)`` is called with what was changed, ``cancel(record)`` for a running task
    that was asked to end. Every method raises BackendError where it cannot be done.
    """

    def __init__(
        self,
        database: Database,
        process: UUID,
        now: Callable[[], datetime],
        *,
        announce: Callable[[Iterable[TaskRecord]], None],
        cancel: Callable[[TaskRecord], None],
    ) -> None:
        self._database = database
        self._process = process
        self._now = now
        self._announce = announce
        self._cancel = cancel
        self._coming: dict[UUID, asyncio.Event] = {}

    async def submit(self, records: Sequence[TaskRecord]) -> None:
        """Keep new tasks."""
        done = asyncio.Event()
        self._coming.update({record.id: done for record in records})
        try:
            with self._database.asking(WRITTEN):
                store = Store(self._database.pool, self._process)
                self._announce(await store.insert(records, self._now()))
        finally:
            done.set()
            for record in records:
                self._coming.pop(record.id, None)

    async def announced(self, task_ids: Iterable[UUID]) -> None:
        """Wait until none of these tasks is just being handed in by this process: what comes
        after is not to be told before."""
        for task_id in task_ids:
            if (coming := self._coming.get(task_id)) is not None:
                await coming.wait()

    async def submit_in(self, connection: Any, records: Sequence[TaskRecord]) -> None:
        """Keep new tasks as part of the caller's transaction, which can go on if that fails."""
        with self._database.asking(WRITTEN):
            async with connection.transaction():
                await Store(connection, NOBODY).insert(records, self._now())

    async def cancel(self, task_id: UUID) -> bool:
        """Cancel a waiting task, or tell whoever runs it; whether there was something to cancel."""
        answer = await self._decide(task_id, self._try_to_cancel)
        if answer.change is not None and answer.change.after.status is RUNNING:
            self._cancel(answer.change.after)
        return answer.yes

    async def retry(self, task_id: UUID) -> bool:
        """Make a failed or cancelled task wait again; ``False``: it is neither."""
        return (await self._decide(task_id, self._try_to_retry)).yes

    async def _decide(self, task_id: UUID, decision: Callable[[Store, UUID], Any]) -> "_Answer":
        """Try until nobody else changes the task at the same moment."""
        await self.announced([task_id])
        while True:
            with self._database.asking(WRITTEN):
                try:
                    async with self._database.transaction() as connection:
                        store = Store(connection, self._process)
                        answer: _Answer = await decision(store, task_id)
                except _ChangedMeanwhileError:
                    continue
            if answer.change is not None:
                self._announce([answer.change.after])
            return answer

    async def _try_to_cancel(self, store: Store, task_id: UUID) -> "_Answer":
        stored = (await store.find([task_id])).get(task_id)
        if stored is None:
            return _Answer(yes=False)
        change = decide(stored.record, CancelRequested(), self._now())
        if change is None:
            return _Answer(yes=not stored.record.status.is_final)
        if change.after.status is RUNNING:
            await store.notify_cancellation(stored.job)
        else:
            await store.cancel_job(stored.job)
        await _write(store, change)
        return _Answer(yes=True, change=change)

    async def _try_to_retry(self, store: Store, task_id: UUID) -> "_Answer":
        stored = (await store.find([task_id])).get(task_id)
        now = self._now()
        change = decide(stored.record, RetryRequested(), now) if stored else None
        if change is None:
            return _Answer(yes=False)
        await _write(store, change, {task_id: await store.new_job(change.after, now)})
        return _Answer(yes=True, change=change)


@frozen(kw_only=True)
class _Answer:
    """What the caller is told, and what was changed."""

    yes: bool
    change: Change | None = None


async def _write(store: Store, change: Change, jobs: dict[UUID, int] | None = None) -> None:
    if not await store.write([change], jobs):
        raise _ChangedMeanwhileError


class _ChangedMeanwhileError(Exception):
    """Another process was quicker: the transaction is rolled back, and the task read again."""
