"""What becomes of tasks whose jobs the engine has given to this process.

The engine gives a job when it is due, or when whoever ran it has not been heard of for too long:
then the attempt that the task is still in was cut off.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from attrs import define, field, frozen

from bgtasks.backends.loops.runs import Runs
from bgtasks.backends.postgres.engine import ClaimedJob
from bgtasks.backends.postgres.tables import Tables
from bgtasks.backends.task_store import Stored
from bgtasks.core.events import Claimed
from bgtasks.core.lifecycle import Change, decide
from bgtasks.core.record import TaskRecord
from bgtasks.models import BackgroundTaskStatus

__all__ = ["DIED", "Claims", "CutOff"]

CutOff = Callable[[TaskRecord], Change | None]
"""Decides what becomes of a task whose attempt was cut off."""

DIED = "its worker process ended, or was not heard of for too long"


@define
class Claims:
    """What was made of given jobs, in one transaction.

    ``claimed`` are the tasks whose attempts are to be started, by job; ``announced`` every
    revision that was written; ``requeued`` and ``obsolete`` the jobs that are to wait again, and
    that nothing waits for any more.
    """

    claimed: dict[int, TaskRecord] = field(factory=dict)
    announced: list[TaskRecord] = field(factory=list)
    requeued: list[int] = field(factory=list)
    obsolete: list[int] = field(factory=list)

    @classmethod
    async def take(
        cls,
        tables: Tables,
        jobs: Iterable[ClaimedJob],
        cut_off: CutOff,
        runs: Runs,
        now: Callable[[], datetime],
        *,
        start: bool,
    ) -> "Claims":
        """Decide on each job, and write it: by ``cut_off`` where the task is in an attempt.
        ``start``: claim what can run; otherwise only take back what was cut off, so that it waits.
        What ``runs`` here is left alone: only the heartbeat of its job was late."""
        claims = cls()
        left = list(jobs)
        while left:
            find = tables.find_whole if start else tables.find
            stored = await find([job.task for job in left])
            moment = now()
            steps = [
                (job, _step(job, found, cut_off, moment, start))
                for job in left
                if not ((found := stored.get(job.task)) and runs.holds(job.id, found.record))
            ]
            changes = [step.change for _, step in steps if step.change is not None]
            written = await tables.write(changes) if changes else set()
            left = [job for job, step in steps if not claims._note(job, step, written)]
        return claims

    def _note(self, job: ClaimedJob, step: "_Step", written: set[int]) -> bool:
        """Whether this job is dealt with; else somebody else changed its task meanwhile."""
        if step.change is not None and step.change.after.sequence not in written:
            return False
        self.announced += step.revisions
        last = step.revisions[-1] if step.revisions else None
        if last is not None and last.status is BackgroundTaskStatus.RUNNING:
            self.claimed[job.id] = last
        elif step.waits:
            self.requeued.append(job.id)
        else:
            self.obsolete.append(job.id)
        return True


@frozen
class _Step:
    """What happens to a task: the change to write, the revisions it consists of, and whether
    the job goes on waiting."""

    change: Change | None = None
    revisions: Sequence[TaskRecord] = ()
    waits: bool = False


def _step(
    job: ClaimedJob, stored: Stored | None, cut_off: CutOff, now: datetime, start: bool
) -> _Step:
    if stored is None or stored.place != job.id or stored.record.status.is_final:
        return _Step()
    changes: list[Change] = []
    record = stored.record
    if record.status is BackgroundTaskStatus.RUNNING:
        _add(changes, cut_off(record))
        record = changes[-1].after if changes else record
    if start and record.status is BackgroundTaskStatus.PENDING:
        _add(changes, decide(record, Claimed(), now))
        record = changes[-1].after
    waits = record.status is BackgroundTaskStatus.PENDING
    if not changes:
        return _Step(waits=waits)
    beside = tuple(row for change in changes for row in change.beside)
    whole = Change(changes[0].before, record, beside)
    return _Step(whole, [change.after for change in changes], waits)


def _add(changes: list[Change], change: Change | None) -> None:
    if change is not None:
        changes.append(change)
