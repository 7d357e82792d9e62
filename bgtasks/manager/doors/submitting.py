"""Accepting tasks."""

from collections.abc import Iterable, Mapping
from typing import Any, Unpack
from uuid import UUID

from bgtasks.core.query import (
    checked_id,
)
from bgtasks.core.submission import RunOptions, submit_options
from bgtasks.manager.doors.door import Door
from bgtasks.manager.waiting import no_such_task
from bgtasks.models import (
    BackgroundTaskBase,
    Submission,
)

__all__ = ["Submitting"]


class Submitting(Door):
    """Accepting tasks."""

    async def run_task(self, task: BackgroundTaskBase, **options: Unpack[RunOptions]) -> UUID:
        """Accept ``task``; when this returns its id, the task is durable and will be run.

        ``owner`` says whose it is (at most 255 characters); ``delay`` (seconds, a timedelta, or a
        text such as ``"10 m"``) or ``run_at`` (an aware time) when it may start at the earliest,
        at most 3,660 days from now; a higher ``priority`` (-1,000,000 to 1,000,000) goes before a
        lower one.

        Of a type with ``unique=`` the returned id is that of the task that is there already with
        the same key. ``key`` (1 to 255 characters) is a key of your own in place of the fields; for
        other types it is held until the task has ended, and for 24 hours at least.

        With ``connection`` the task exists exactly when the caller's transaction is committed,
        and runs from then on. Accepted are an asyncpg connection, or an SQLAlchemy
        ``AsyncConnection`` or ``AsyncSession`` on asyncpg, to the PostgreSQL database that the
        tasks are kept in.

        Raises UnregisteredTaskError, SerializationError (which names the field),
        DuplicateTaskError for a taken id, or a held key where the type says
        ``conflict="refuse"`` (the caller's transaction can go on), SettingsError for the other
        arguments, BackendError where it could not be stored or ``connection`` cannot be used,
        ManagerStateError before start, after stop, and on another event loop. If it is cancelled
        while it waits for the store, the task may have been accepted, or be accepted yet.
        """
        _, holders = await self._switch.running().submit([task], submit_options(options))
        return holders[0].id if holders else task.id

    async def submit(self, task: BackgroundTaskBase, **options: Unpack[RunOptions]) -> Submission:
        """Accept ``task`` as ``run_task`` does; says whether it was accepted, or which task holds
        its key. With ``conflict="replace"`` that task has got the data of this one, if it waits.
        """
        run = self._switch.running()
        records, holders = await run.submit([task], submit_options(options))
        record = holders.get(0, records[0])
        return Submission(record.id, not holders, run.infos.of(record))

    async def run_tasks(
        self, tasks: Iterable[BackgroundTaskBase], **options: Unpack[RunOptions]
    ) -> list[UUID]:
        """Accept several tasks, all or none. Arguments and errors are those of ``run_task``; the
        ids are in the order of the tasks."""
        records, holders = await self._switch.running().submit(tasks, submit_options(options))
        return [holders.get(place, record).id for place, record in enumerate(records)]

    async def run_again(self, task_id: UUID, arguments: Mapping[str, Any] | None = None) -> UUID:
        """Submit a new task with the arguments, the owner and the priority of a task, whatever its
        status; returns the new id, as ``run_task`` does. ``arguments`` are those that shall be
        others, as JSON data with the keys of ``try_get_details``.

        Raises TaskNotFoundError, UnregisteredTaskError for a type that is not registered here,
        SerializationError where the arguments can no longer be read, QueryError for ``arguments``
        that make no such task, and what ``run_task`` raises.
        """
        run = self._switch.running()
        record = await run.backend.get(checked_id(task_id))
        if record is None:
            raise no_such_task(task_id)
        return await self.run_task(
            run.new_task_like(record, arguments), owner=record.owner, priority=record.priority
        )
