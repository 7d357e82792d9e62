"""What callers ask for: tasks to be kept, cancelled, or run again."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from attrs import frozen

from bgtasks.backends.postgres.database import WRITTEN, Database
from bgtasks.backends.postgres.server_errors import SERVER_ERRORS, is_fate_unknown
from bgtasks.backends.postgres.store import NOBODY, Store, StoredTask, some_ids
from bgtasks.backends.postgres.unknown_fate import (
    LostAnswerError,
    answer_may_be_lost,
    find_out,
)
from bgtasks.core.events import CancelRequested, RetryRequested
from bgtasks.core.lifecycle import Change, decide
from bgtasks.core.record import TaskRecord, listed
from bgtasks.errors import DuplicateTaskError
from bgtasks.models import BackgroundTaskStatus

__all__ = ["Commands"]

RUNNING = BackgroundTaskStatus.RUNNING

ANSWERED_WITHIN = 1.0
"""Seconds that others wait for the answer to a submit of their task."""


class Commands:
    """Decides on tasks and writes it, whatever other processes do at the same moment.

    ``announce(records)`` is called with what was changed, ``doubt(ids)`` with what may have been,
    ``cancel(record)`` for a running task that was asked to end. Every method raises BackendError
    where it cannot be done. If the answer to a write is lost, the method looks for seconds what
    became of it, and does it again where it was not done.
    """

    def __init__(
        self,
        database: Database,
        process: UUID,
        now: Callable[[], datetime],
        *,
        announce: Callable[[Iterable[TaskRecord]], None],
        doubt: Callable[[Iterable[UUID]], None],
        cancel: Callable[[TaskRecord], None],
    ) -> None:
        self._database = database
        self._process = process
        self._now = now
        self._announce = announce
        self._doubt = doubt
        self._cancel = cancel
        self._coming: dict[UUID, asyncio.Event] = {}

    async def submit(self, records: Sequence[TaskRecord]) -> None:
        """Keep new tasks."""
        done = asyncio.Event()
        self._coming.update({record.id: done for record in records})
        try:
            with self._database.asking(WRITTEN):
                self._announce(await self._insert(records, done))
        finally:
            done.set()
            for record in records:
                self._coming.pop(record.id, None)

    async def announced(self, task_ids: Iterable[UUID]) -> None:
        """Wait until this process has announced its own pending inserts of these tasks, so that
        Running is not announced before Pending; for a second at most, should an answer be late."""
        coming = {self._coming[item] for item in task_ids if item in self._coming}
        if coming:
            waiting = [asyncio.create_task(event.wait()) for event in coming]
            await asyncio.wait(waiting, timeout=ANSWERED_WITHIN)
            for task in waiting:
                task.cancel()

    async def submit_in(self, connection: Any, records: Sequence[TaskRecord]) -> None:
        """Keep new tasks as part of the caller's transaction, which can go on if that fails."""
        with self._database.asking(WRITTEN):
            async with connection.transaction():
                await Store(connection, NOBODY).insert(records, self._now())

    async def cancel(self, task_id: UUID) -> TaskRecord | None:
        """Cancel a waiting task, or tell whoever runs it; ``None``: there is nothing to cancel."""
        answer = await self._decide(task_id, self._try_to_cancel, "was cancelled")
        if answer.change is not None and answer.change.after.status is RUNNING:
            self._cancel(answer.change.after)
        return answer.shown()

    async def retry(self, task_id: UUID) -> TaskRecord | None:
        """Make a failed or cancelled task wait again; ``None``: it is neither."""
        return (await self._decide(task_id, self._try_to_retry, "waits to run again")).shown()

    async def _insert(self, records: Sequence[TaskRecord], done: asyncio.Event) -> list[TaskRecord]:
        """Their ids make it harmless to insert them again: the second time they are taken."""
        ids = [record.id for record in records]

        async def insert(again: bool) -> list[TaskRecord]:
            async with self._database.connection() as connection:
                store = Store(connection, self._process)
                try:
                    with answer_may_be_lost():
                        return await store.insert(records, self._now())
                except DuplicateTaskError:
                    kept = await store.find_whole(ids) if again else {}
                    if not all(_is_same(record, kept.get(record.id)) for record in records):
                        raise
                    return [
                        record._replace(sequence=kept[record.id].record.sequence)
                        for record in records
                    ]

        def doubt() -> None:
            done.set()  # attempts of them need not wait for what becomes of this
            self._doubt(ids)

        unknown = f"task {some_ids(ids)} was accepted: look it up, or submit it again with its id"
        return await find_out(self._database, insert, doubt=doubt, unknown=unknown)

    async def _decide(self, task_id: UUID, decision: "_Decision", done: str) -> "_Answer":
        """Decide and write, once nobody else changes the task at the same moment."""
        await self.announced([task_id])
        tried: Change | None = None

        async def write(again: bool) -> _Answer:
            nonlocal tried
            answer: _Answer | None = None
            try:
                async with self._database.transaction() as connection:
                    store = Store(connection, self._process)
                    stored = (await store.find([task_id])).get(task_id)
                    if stored is None:
                        return _Answer()
                    answer = await decision(store, stored, tried if again else None)
            except SERVER_ERRORS as error:
                if answer is None or answer.change is None or not is_fate_unknown(error):
                    raise
                tried = answer.change
                raise LostAnswerError from error
            return answer

        while True:
            try:
                with self._database.asking(WRITTEN):
                    answer = await find_out(
                        self._database,
                        write,
                        doubt=lambda: self._doubt([task_id]),
                        unknown=f"task {task_id} {done}: look it up, or ask again",
                    )
            except _ChangedMeanwhileError:
                continue
            if answer.change is not None:
                self._announce([answer.change.after])
            return answer

    async def _try_to_cancel(
        self, store: Store, stored: StoredTask, tried: Change | None
    ) -> "_Answer":
        record = stored.record
        change = decide(record, CancelRequested(), self._now())
        if change is None:
            was_done = tried is not None and record.cancel_requested
            return _Answer(record if was_done or not record.status.is_final else None)
        await store.jobs.cancel(stored.job, is_held=change.after.status is RUNNING)
        await _write(store, change)
        return _Answer(change.after, change)

    async def _try_to_retry(
        self, store: Store, stored: StoredTask, tried: Change | None
    ) -> "_Answer":
        record, now = stored.record, self._now()
        if tried is not None and record.revision >= tried.after.revision:
            return _Answer(record)  # it waits again, or has run since
        change = decide(record, RetryRequested(), now)
        if change is None:
            return _Answer()
        await _write(store, change, {record.id: await store.new_job(change.after, now)})
        return _Answer(change.after, change)


@frozen
class _Answer:
    """The task as it is now, ``None`` where there was nothing to do; and what was changed."""

    record: TaskRecord | None = None
    change: Change | None = None

    def shown(self) -> TaskRecord | None:
        """What the caller is told."""
        return None if self.record is None else listed(self.record)


_Decision = Callable[[Store, StoredTask, Change | None], Awaitable[_Answer]]
"""What to do with a stored task; with it the change that an earlier try may have made."""


def _is_same(record: TaskRecord, stored: StoredTask | None) -> bool:
    """Whether the stored task is the one that was to be kept, and not another with its id."""
    if stored is None:
        return False
    kept = stored.record
    return (record.type, record.data, record.created_at) == (kept.type, kept.data, kept.created_at)


async def _write(store: Store, change: Change, jobs: dict[UUID, int] | None = None) -> None:
    if not await store.write([change], jobs):
        raise _ChangedMeanwhileError


class _ChangedMeanwhileError(Exception):
    """Another process was quicker: the transaction is rolled back, and the task read again."""
