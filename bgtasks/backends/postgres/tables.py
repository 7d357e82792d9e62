"""Every statement that changes tasks, on a connection, most of them in an open transaction.

A change is written only where the stored task is still the one it was decided on: many processes
decide at once. Where one of them was quicker, the task is read and decided on again.

A claim locks the engine's job first and the task second, and so does whoever cancels; an outcome
takes them the other way round. They meet only where a job was given away from a worker that lives;
the server then ends one of the two, which is tried again.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from bgtasks.backends.beside import rows_of
from bgtasks.backends.postgres import rows
from bgtasks.backends.postgres.engine import Jobs, cancellation
from bgtasks.backends.postgres.feed import messages
from bgtasks.backends.postgres.side_tables import SIDE_TABLES
from bgtasks.backends.postgres.statements import BEGIN, STATEMENTS, TEMPLATES
from bgtasks.backends.task_store import Stored
from bgtasks.core.conflicts import frees_for_follower
from bgtasks.core.events import TurnCame
from bgtasks.core.keys import key_behind
from bgtasks.core.lifecycle import Change, decide
from bgtasks.core.record import Row, TaskRecord, turn_of
from bgtasks.errors import DuplicateTaskError
from bgtasks.models import BackgroundTaskStatus

__all__ = ["NOBODY", "Tables", "some_ids", "taken", "wait_of"]

NOBODY = UUID(int=0)
"""The sender of what a caller commits: every process reads that, this one too."""

PENDING = BackgroundTaskStatus.PENDING
RUNNING = BackgroundTaskStatus.RUNNING


class Tables:
    """The tables, through one connection. ``sender`` signs notifications; ``jobs`` are the
    engine's, in the same transaction."""

    def __init__(self, connection: Any, sender: UUID) -> None:
        self.jobs: Jobs = Jobs(connection)
        self._connection = connection
        self._sender = sender

    def part(self) -> AbstractAsyncContextManager[Any]:
        """A part of the open transaction, which is undone by itself if it raises."""
        part: AbstractAsyncContextManager[Any] = self._connection.transaction()
        return part

    async def insert(self, records: Sequence[TaskRecord], now: datetime) -> dict[UUID, int]:
        """Keep new tasks, each with a job if it is to be run, in one statement; the sequences of
        those that were accepted: not of those whose keys others hold.

        Raises DuplicateTaskError; then an open transaction can only be rolled back.
        """
        waiting = [record.id for record in records if not record.status.is_final]
        told = messages(self._sender, waiting)
        columns = rows.insert_columns(records)
        are_unique = any(record.held_key is not None for record in records)
        statement = STATEMENTS["insert_unique_tasks" if are_unique else "insert_tasks"]
        try:
            found = await self._connection.fetch(statement, told, now, *columns)
        except asyncpg.UniqueViolationError as error:
            raise taken([record.id for record in records]) from error
        return {row[0]: row[1] for row in found if row[0] is not None}

    async def find(self, task_ids: Sequence[UUID], *, lock: bool = False) -> dict[UUID, Stored]:
        """Those of these tasks that are stored, without their data. ``lock``: once no other
        transaction is changing them, and none can until this one ends."""
        return await self._find("lock_tasks_by_ids" if lock else "tasks_by_ids", task_ids)

    async def find_whole(self, task_ids: Sequence[UUID]) -> dict[UUID, Stored]:
        """Those of these tasks that are stored, with their data, which only an attempt needs."""
        return await self._find("whole_tasks_by_ids", task_ids)

    async def holders(self, keys: Sequence[str]) -> dict[str, Stored]:
        """The tasks that hold these keys, without their data, by the keys."""
        found = await self._connection.fetch(STATEMENTS["holders_of_keys"], keys)
        stored = (Stored(rows.record_of(row), row["job"]) for row in found)
        return {str(item.record.held_key): item for item in stored}

    async def lock_holder(self, key: str) -> TaskRecord | None:
        """The task that holds a key; nobody else changes it until the transaction ends."""
        row = await self._connection.fetchrow(STATEMENTS["lock_holder_of_key"], key)
        return None if row is None else rows.record_of(row)

    async def free_expired(self, key: str, now: datetime) -> bool:
        """Free a key that was held on only until a time which has come; whether it was."""
        return bool(await self._connection.fetch(STATEMENTS["free_expired_key"], key, now))

    async def replace(self, change: Change, job: int, now: datetime) -> bool:
        """Give other work to a task that waits, and a job of its own time and priority in place of
        ``job`` (0: it is held and has none); whether it was still what was decided on."""
        await self.jobs.lock(job)
        new = 0 if change.after.held else await self.new_job(change.after, now)
        written = await self._change(
            "write_replacements", [change], rows.replacement_columns(change, new)
        )
        await self.jobs.release([old] if (old := job if written else new) else [])
        return bool(written)

    async def pass_on(self, changes: Sequence[Change]) -> None:
        """Tasks that wait behind ones that have ended get their keys. What ended must have been
        written in this transaction, by a statement before: nobody can come to wait behind it."""
        for change in filter(frees_for_follower, changes):
            key, ended = str(change.before.held_key), change.after
            while follower := (await self.holders([key_behind(key)])).get(key_behind(key)):
                if await self._pass_on(key, ended, follower):
                    break

    async def _pass_on(self, key: str, ended: TaskRecord, follower: Stored) -> bool:
        """Whether that is all; else the follower has changed meanwhile."""
        now = ended.changed_at
        turn = decide(follower.record, TurnCame(ended.key_until), now)
        if turn is None:
            return True
        if turn_of(turn.after) is not None:  # whether it is free is decided when it is claimed
            turn = turn._replace(after=turn.after._replace(due_at=now))
        await self.jobs.lock(follower.place)
        if ended.held_key is not None:
            await self._connection.execute(STATEMENTS["free_key"], key)
        new = await self.new_job(turn.after, now)
        columns = rows.change_columns([(turn, new)])
        written = await self._change("write_changes", [turn], columns, sender=NOBODY)
        await self.jobs.release([follower.place if written else new])
        return bool(written)

    async def _find(self, name: str, task_ids: Sequence[UUID]) -> dict[UUID, Stored]:
        found = await self._connection.fetch(STATEMENTS[name], task_ids)
        stored = (Stored(rows.record_of(row), row["job"]) for row in found)
        return {item.record.id: item for item in stored}

    async def known(self, task_ids: Sequence[UUID]) -> set[UUID]:
        """Those of these ids that are taken."""
        return {row[0] for row in await self._connection.fetch(STATEMENTS["known_ids"], task_ids)}

    async def write(
        self, changes: Sequence[Change], jobs: Mapping[UUID, int] | None = None
    ) -> set[int]:
        """Write changes where the tasks are still what was decided on, and notify of them; the
        sequences of those that were written.

        ``jobs`` has the new jobs of tasks that get one.
        """
        reports = [change for change in changes if _is_report(change)]
        others = [change for change in changes if not _is_report(change)]
        written: set[int] = set()
        if reports:
            written |= await self._change("write_reports", reports, rows.report_columns(reports))
        if others:
            pairs = [(change, (jobs or {}).get(change.after.id)) for change in others]
            written |= await self._change("write_changes", others, rows.change_columns(pairs))
            await self.pass_on([item for item in others if item.after.sequence in written])
        return written

    async def claim(
        self,
        size: int,
        limits: Mapping[str, int],
        now: datetime,
        versions: str = "{}",
        process: str | None = None,
    ) -> tuple[int, list[Stored]]:
        """Claim at most ``size`` jobs, and begin the attempts of their tasks, in one statement; how
        many, and the tasks that run now. The others are not written: they do not plainly wait, or
        are newer than ``versions`` (JSON, by type; 1 if it is not there). ``process`` is kept with
        each attempt."""
        values = now, self._sender.hex, versions, process
        found = await BEGIN.run(self._connection, size, limits, self._sender, *values)
        begun = (row for row in found if row["id"] is not None)
        return len(found), [Stored(rows.record_of(row), row["job"]) for row in begun]

    async def cancel(self, changes: Sequence[tuple[Change, int]], told: Sequence[int]) -> set[int]:
        """Write that somebody asked for the end of tasks that wait, whose jobs go with them, or
        run; notify whoever runs these jobs (``told``). A transaction of its own, in one statement;
        the sequences that were written."""
        jobs = [(item, None if item.after.status is RUNNING else job) for item, job in changes]
        ends = [cancellation(told)] if told else []
        columns = [ends, *rows.cancel_columns(jobs)]
        return await self._change("cancel_tasks", [change for change, _ in changes], columns)

    async def cancel_followed(
        self, changes: Sequence[tuple[Change, int]], told: Sequence[int]
    ) -> set[int]:
        """The same in an open transaction, for tasks behind which others wait."""
        written = await self.cancel(changes, told)
        await self.pass_on([item for item, _ in changes if item.after.sequence in written])
        return written

    async def settle(self, ends: Sequence[tuple[Change, int]]) -> set[int]:
        """Write the ends of attempts whose tasks are final, and finish their jobs: a transaction
        of its own, in one statement. Returns the sequences that were written."""
        changes = [change for change, _ in ends]
        return await self._change("settle", changes, rows.settle_columns(ends))

    async def new_job(self, record: TaskRecord, now: datetime) -> int:
        """A job for a task that is to run again."""
        wait = wait_of(record, now)
        return await self.jobs.enqueue(record.id, record.type, record.priority, wait)

    async def release_job(self, job: int, record: TaskRecord, now: datetime) -> None:
        """What becomes of the job of an attempt that is over, by what became of its task."""
        if record.status is PENDING:
            await self.jobs.release(waiting={job: wait_of(record, now)})
        else:
            await self.jobs.release([job])

    async def keep(self, rows: Sequence[tuple[int, Row]]) -> None:
        """Write rows beside tasks that are there; with each the ``sequence`` of its task."""
        await SIDE_TABLES.keep(self._connection, rows)

    async def _change(
        self,
        name: str,
        changes: Sequence[Change],
        values: Sequence[Any],
        *,
        sender: UUID | None = None,
    ) -> set[int]:
        """Write changes, and what is beside them, and notify of them, in one statement. What nobody
        else announces here is signed by another ``sender``."""
        told = messages(sender or self._sender, [change.after.id for change in changes])
        statement, beside = SIDE_TABLES.complete(TEMPLATES[name], rows_of(changes))
        return await self._written(statement, told, *values, *beside)

    async def _written(self, statement: str, *values: Any) -> set[int]:
        found = await self._connection.fetch(statement, *values)
        return {row[0] for row in found if row[0] is not None}


def _is_report(change: Change) -> bool:
    before, after = change.before, change.after
    return (
        before.status is RUNNING is after.status
        and before.attempt == after.attempt
        and before.cancel_requested is after.cancel_requested
    )


def wait_of(record: TaskRecord, now: datetime) -> timedelta:
    """How long the engine waits, by its own clock: hosts' clocks may differ from the server's."""
    return max(record.due_at - now, timedelta(0)) if record.due_at else timedelta(0)


def taken(ids: Sequence[UUID]) -> DuplicateTaskError:
    """The refusal of tasks whose ids are taken."""
    return DuplicateTaskError(
        f"a task with one of the ids {some_ids(ids)} was accepted before; leave the id out to get "
        "a new one",
        ids[0] if len(ids) == 1 else None,
    )


def some_ids(ids: Sequence[UUID]) -> str:
    """The first of these ids, for a message."""
    text = ", ".join(map(str, ids[:3]))
    return f"{text} and {len(ids) - 3:,} more" if len(ids) > 3 else text
