"""Commands of callers: cancel a task, run it again."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from bgtasks.backends.loops.runs import Run, Runs
from bgtasks.backends.loops.unknown_fate import find_out
from bgtasks.backends.task_store import Stored, TaskStore
from bgtasks.clock import Clock
from bgtasks.core.events import CancelRequested, Event, RetryRequested
from bgtasks.core.lifecycle import Change, decide
from bgtasks.core.record import TaskRecord, listed
from bgtasks.models import BackgroundTaskStatus

__all__ = ["Commands"]

RUNNING = BackgroundTaskStatus.RUNNING


class Commands:
    """Each command is one decision and one write. If the stored task has moved on, the task is
    read and decided on again. If the answer to a write is lost, its fate is looked up for some
    seconds, and the write is repeated if it was not done.

    ``cancel(task_id, attempt)`` is called for an attempt that was asked to end.
    """

    def __init__(
        self,
        store: TaskStore,
        runs: Runs,
        clock: Clock,
        now: Callable[[], datetime],
        *,
        cancel: Callable[[UUID, int], None],
    ) -> None:
        self._store = store
        self._runs = runs
        self._clock = clock
        self._now = now
        self._cancel = cancel

    async def cancel(self, task_id: UUID) -> TaskRecord | None:
        """Cancel a waiting task, or tell whoever runs it. Returns the task as it is now;
        ``None``: there is nothing to cancel."""
        asked = _Asked(task_id, CancelRequested(), self._runs.of_task(task_id))
        await self._carry_out(asked, "was cancelled")
        record = asked.written or asked.found
        if record is None or (record.status.is_final and not asked.is_done):
            return None
        if asked.written is not None and record.status is RUNNING:
            self._cancel(task_id, record.attempt)
        return listed(record)

    async def retry(self, task_id: UUID) -> TaskRecord | None:
        """Make a failed or cancelled task wait again. Returns the task as it is now; ``None``: it
        is neither."""
        asked = _Asked(task_id, RetryRequested(), None)
        await self._carry_out(asked, "waits to run again")
        record = asked.written or asked.found
        return listed(record) if record is not None and asked.is_done else None

    async def _carry_out(self, asked: "_Asked", done: str) -> None:
        async def write(again: bool) -> None:
            if not (again and await self._was_done(asked)):
                while not await self._try(asked):
                    asked.run = None  # it has moved on: what is stored counts

        with self._store.asking("written"):
            await find_out(
                self._store,
                self._clock,
                write,
                doubt=lambda: self._store.feed.doubt([asked.task_id]),
                unknown=f"task {asked.task_id} {done}: look it up, or ask again",
            )

    async def _was_done(self, asked: "_Asked") -> bool:
        """Whether the write whose answer was lost was done all the same."""
        stored = await self._read(asked.task_id)
        asked.run, asked.found = None, stored and stored.record
        if stored is None or asked.tried is None:
            return False
        if isinstance(asked.event, RetryRequested):  # it waits again, or has run since
            asked.was_done = stored.record.revision >= asked.tried.after.revision
        else:
            asked.was_done = stored.record.cancel_requested
        return asked.was_done

    async def _try(self, asked: "_Asked") -> bool:
        """Decide and write once. ``False``: the task has changed meanwhile."""
        run = asked.run
        if run is not None and run.record.status is RUNNING:
            stored: Stored | None = Stored(run.record, run.place)
        else:
            run, stored = None, await self._read(asked.task_id)
        asked.found = None if stored is None else stored.record
        change = None if stored is None else decide(stored.record, asked.event, self._now())
        if stored is None or change is None:
            return True
        asked.tried = change
        if not await self._store.write([(change, stored.place)]):
            asked.tried = None
            return False
        asked.written = change.after
        if run is not None and run.record is change.before:
            run.record = change.after
        return True

    async def _read(self, task_id: UUID) -> Stored | None:
        return (await self._store.find([task_id])).get(task_id)


class _Asked:
    """One command, and how far it is: what was found, what may be written, what was written.
    ``run`` is the attempt that runs the task here."""

    def __init__(self, task_id: UUID, event: Event, run: Run | None) -> None:
        self.task_id = task_id
        self.event = event
        self.run = run
        self.found: TaskRecord | None = None
        self.tried: Change | None = None
        self.written: TaskRecord | None = None
        self.was_done = False

    @property
    def is_done(self) -> bool:
        """Whether what was asked for was written, now or by a try whose answer was lost."""
        return self.written is not None or self.was_done
