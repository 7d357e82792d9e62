"""Writing what callers ask for, and what marks tasks: changes of tasks that others may change."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

import asyncpg

from bgtasks.backends.postgres.peer import Peer
from bgtasks.backends.postgres.server_errors import (
    SERVER_ERRORS,
    answer_may_be_lost,
    is_fate_unknown,
)
from bgtasks.backends.postgres.tables import Tables
from bgtasks.backends.postgres.turns import Turns, moved_turns
from bgtasks.backends.postgres.untold import Also
from bgtasks.backends.task_store import LostAnswerError, Place
from bgtasks.core.conflicts import frees_for_follower, key_is_held
from bgtasks.core.lifecycle import Change
from bgtasks.core.record import TaskRecord
from bgtasks.models import BackgroundTaskStatus

__all__ = ["Changing"]

T = TypeVar("T")

RUNNING = BackgroundTaskStatus.RUNNING


class Changing:
    """Writes changes with what they do to the queue (a retry needs a job, a cancel takes one away)
    and to the turns of keys.

    ``cancel_heard()`` is called where another process was told to end an attempt: where that
    notification is lost, the attempt is found by looking.
    """

    def __init__(self, peer: Peer, cancel_heard: Callable[[], None]) -> None:
        self._database = peer.database
        self._process = peer.process
        self._registry = peer.registry
        self._runs = peer.runs
        self._now = peer.now
        self._cancel_heard = cancel_heard

    async def write(self, changes: Sequence[tuple[Change, Place]], also: Also) -> list[TaskRecord]:
        """Write changes in one transaction; returns what was written. ``also`` is told of tasks
        that this changes too, before they are. Raises TaskStateError."""
        try:
            return await self._write_all(changes, also)
        except asyncpg.UniqueViolationError:
            await self._refuse_held_keys([change for change, _ in changes])
            return []  # whoever held the key has freed it meanwhile

    async def _refuse_held_keys(self, changes: Sequence[Change]) -> None:
        """A task that is to run again takes its key again."""
        keys = [key for change in changes if (key := change.after.held_key) is not None]
        async with self._database.connection() as connection:
            holders = await Tables(connection, self._process).holders(keys)
        for change in changes:
            holder = holders.get(change.after.held_key or "")
            if holder is not None and holder.record.id != change.after.id:
                raise key_is_held(change.after.id, holder.record.id)

    async def _write_all(
        self, changes: Sequence[tuple[Change, Place]], also: Also
    ) -> list[TaskRecord]:
        if moved_turns(change for change, _ in changes):
            return await self._write_with_turns(changes, also)
        if all(_is_cancel(change) for change, _ in changes):
            sequences = await self._cancel(changes)
        else:
            sequences = await self._write(changes)
        return [change.after for change, _ in changes if change.after.sequence in sequences]

    async def _write_with_turns(
        self, changes: Sequence[tuple[Change, Place]], also: Also
    ) -> list[TaskRecord]:
        """The same for tasks that give up or take turns; returns also what that changed of others
        of their keys."""
        elsewhere = [job for change, job in changes if self._runs_elsewhere(change.after)]

        async def write(connection: Any, tables: Tables) -> list[TaskRecord]:
            turns = Turns(connection, tables, self._registry)
            only = [change for change, _ in changes]
            await turns.lock(moved_turns(only))
            if all(map(_is_cancel, only)):
                sequences = await tables.cancel_followed(changes, elsewhere)
            else:
                sequences = await self._write_with_jobs(tables, only)
            written = [change for change in only if change.after.sequence in sequences]
            given = await turns.follow(written, self._now())
            also(record.id for record in given)
            return [*(change.after for change in written), *given]

        records = await self._in_transaction(write)
        if records is None:
            return []
        if elsewhere:
            self._cancel_heard()
        return records

    async def _cancel(self, changes: Sequence[tuple[Change, Place]]) -> set[int]:
        """One statement: the tasks, the jobs of those that waited, and a notification to whoever
        runs the others."""
        elsewhere = [job for change, job in changes if self._runs_elsewhere(change.after)]
        if any(frees_for_follower(change) for change, _ in changes):
            sequences = await self._cancel_followed(changes, elsewhere)
        else:
            async with self._database.connection() as connection:
                with answer_may_be_lost():
                    sequences = await Tables(connection, self._process).cancel(changes, elsewhere)
        if elsewhere:
            self._cancel_heard()
        return sequences

    async def _cancel_followed(
        self, changes: Sequence[tuple[Change, Place]], elsewhere: Sequence[int]
    ) -> set[int]:
        async def write(_connection: Any, tables: Tables) -> set[int]:
            return await tables.cancel_followed(changes, elsewhere)

        return await self._in_transaction(write) or set()

    def _runs_elsewhere(self, record: TaskRecord) -> bool:
        """Whether a task is in an attempt that is none of this process."""
        is_here = self._runs.of_attempt(record.id, record.attempt) is not None
        return record.status is RUNNING and not is_here

    async def _write(self, changes: Sequence[tuple[Change, Place]]) -> set[int]:
        async def write(_connection: Any, tables: Tables) -> set[int]:
            return await self._write_with_jobs(tables, [change for change, _ in changes])

        return await self._in_transaction(write) or set()

    async def _in_transaction(self, write: Callable[[Any, Tables], Awaitable[T]]) -> T | None:
        """What ``write`` returns; ``None``: another process was quicker, and nothing was
        written."""
        is_sent = False
        try:
            async with self._database.transaction() as connection:
                result = await write(connection, Tables(connection, self._process))
                is_sent = True
        except _MovedOnError:
            return None
        except SERVER_ERRORS as error:
            if is_sent and is_fate_unknown(error):
                raise LostAnswerError from error
            raise
        return result

    async def _write_with_jobs(self, tables: Tables, changes: Sequence[Change]) -> set[int]:
        jobs: dict[UUID, int] = {}
        for change in changes:
            if change.before.status.is_final:
                if (key := change.after.held_key) is not None:
                    await tables.free_expired(key, self._now())
                jobs[change.after.id] = await tables.new_job(change.after, self._now())
        written = await tables.write(changes, jobs)
        if jobs and len(written) < len(changes):
            raise _MovedOnError  # takes the new jobs back
        return written


def _is_cancel(change: Change) -> bool:
    return change.after.cancel_requested and not change.before.cancel_requested


class _MovedOnError(Exception):
    """Another process was quicker."""
