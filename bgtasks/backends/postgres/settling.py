"""Writing what attempts report, and how they ended, many in one transaction."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from attrs import define, frozen

from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.runs import Run
from bgtasks.backends.postgres.store import Store, StoredTask
from bgtasks.core.events import Ended, Reported
from bgtasks.core.lifecycle import Change, decide
from bgtasks.core.record import TaskRecord
from bgtasks.models import BackgroundTaskStatus

__all__ = ["Entry", "Settled", "Settling"]

RUNNING = BackgroundTaskStatus.RUNNING


@define(eq=False)
class Entry:
    """An event of a run that waits to be written.

    ``over``: the attempt has really ended, so its job is done with. ``was_tried``: the server may
    have written it before, and the answer was lost. ``stands_in``: it is there instead of an
    outcome that cannot be stored.
    """

    run: Run
    event: Reported | Ended
    over: bool = False
    was_tried: bool = False
    stands_in: bool = False


@frozen
class Settled:
    """An entry that is dealt with: the task as it is now, ``None`` if there is none, and whether
    it is in the hands of another attempt."""

    entry: Entry
    record: TaskRecord | None
    is_lost: bool = False


@define(eq=False)
class _Step:
    entry: Entry
    change: Change | None
    was_read: bool = False
    stored: StoredTask | None = None

    @property
    def is_plain_end(self) -> bool:
        """Whether the task and its job are both final, and nothing else is to be written."""
        change = self.change
        return (
            self.entry.over
            and change is not None
            and change.failure is None
            and change.before.status is RUNNING
            and change.after.status.is_final
        )

    @property
    def owns_job(self) -> bool:
        """Whether nothing waits for the job of a run whose event changed nothing: its own attempt
        was settled before, or another job stands for the task. Else the job is another attempt's.
        """
        if not self.was_read or self.stored is None or self.stored.job != self.entry.run.job:
            return True
        record = self.stored.record
        return record.attempt == self.entry.run.attempt and record.status.is_final

    def settled(self) -> Settled:
        if self.change is not None:
            return Settled(self.entry, self.change.after)
        record = self.stored.record if self.stored is not None else None
        is_own = record is not None and record.attempt == self.entry.run.attempt
        is_lost = self.was_read and not self.owns_job and not (is_own and self.entry.was_tried)
        return Settled(self.entry, record, is_lost)


class Settling:
    """Writes entries. ``done(settled)`` is called after each commit with what is dealt with, so
    that what was written counts though the rest of a batch has to wait."""

    def __init__(
        self,
        database: Database,
        process: UUID,
        now: Callable[[], datetime],
        done: Callable[[Sequence[Settled]], None],
    ) -> None:
        self._database = database
        self._process = process
        self._now = now
        self._done = done

    async def write(self, batch: Iterable[Entry]) -> None:
        """Write a batch; at most one entry of each run. Raises what the server refuses it with."""
        steps = [
            _Step(entry, decide(entry.run.record, entry.event, self._now())) for entry in batch
        ]
        left = await self._settle(steps)
        if left:
            async with self._database.transaction() as connection:
                store = Store(connection, self._process)
                await self._apply(store, left)
                await self._deal_with_jobs(store, left)
            self._done([step.settled() for step in left])

    async def _settle(self, steps: Sequence[_Step]) -> list[_Step]:
        """Most attempts end plainly: one statement for all of them. The steps that are left."""
        plain = [
            (step.change, step.entry.run.job)
            for step in steps
            if step.change is not None and step.is_plain_end
        ]
        if not plain:
            return list(steps)
        async with self._database.connection() as connection:
            written = await Store(connection, self._process).settle(plain)
        left: list[_Step] = []
        done: list[_Step] = []
        for step in steps:
            is_written = step.is_plain_end and _is_in(step, written)
            (done if is_written else left).append(step)
        self._done([step.settled() for step in done])
        return left

    async def _apply(self, store: Store, steps: Sequence[_Step]) -> None:
        """Decide on the record that this process wrote last. Where the stored row has moved on,
        read it and decide again on that."""
        left = steps
        while left:
            changes = [step.change for step in left if step.change is not None]
            written = await store.write(changes) if changes else set()
            left = [step for step in left if step.change is not None and not _is_in(step, written)]
            stored = await store.find([step.entry.run.record.id for step in left]) if left else {}
            for step in left:
                step.was_read, step.stored = True, stored.get(step.entry.run.record.id)
                known = step.stored.record if step.stored is not None else None
                event = step.entry.event
                step.change = None if known is None else decide(known, event, self._now())

    async def _deal_with_jobs(self, store: Store, steps: Iterable[_Step]) -> None:
        finished, waiting = [], {}
        for step in steps:
            if not step.entry.over:
                continue
            job = step.entry.run.job
            after = step.change.after if step.change is not None else None
            if after is not None and after.status is BackgroundTaskStatus.PENDING:
                waiting[job] = after.due_at - self._now() if after.due_at else timedelta(0)
            elif after is not None or step.owns_job:
                finished.append(job)
        await store.jobs.release(finished, waiting)


def _is_in(step: _Step, sequences: set[int]) -> bool:
    return step.change is not None and step.change.after.sequence in sequences
