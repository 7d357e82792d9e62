"""What becomes of tasks whose jobs the engine has given to this process.

The engine gives a job when it is due, or when its worker has not been heard of for too long:
then the attempt that the task is still in was cut off.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime

from attrs import define, field, frozen

from bgtasks.backends.loops.runs import Runs
from bgtasks.backends.postgres.engine import ClaimedJob
from bgtasks.backends.postgres.tables import Tables
from bgtasks.backends.postgres.turns import Turns, moved_turns
from bgtasks.backends.task_store import Stored
from bgtasks.core.events import Claimed, Held, VersionUnknown
from bgtasks.core.lifecycle import Change, decide
from bgtasks.core.record import TaskRecord, Turn
from bgtasks.models import BackgroundTaskStatus

__all__ = ["DIED", "Claims", "CutOff"]

CutOff = Callable[[TaskRecord], Change | None]
"""Decides what becomes of a task whose attempt was cut off."""

DIED = "its worker process ended, or was not heard of for too long"


@define
class Claims:
    """What was made of given jobs, in one transaction.

    ``claimed`` are the tasks whose attempts are to be started, by job; ``announced`` every
    revision that was written; ``requeued`` the jobs that are to wait again, ``obsolete`` those that
    no task needs any longer; ``too_new`` the types of tasks that this release cannot run.
    """

    claimed: dict[int, TaskRecord] = field(factory=dict)
    announced: list[TaskRecord] = field(factory=list)
    requeued: list[int] = field(factory=list)
    obsolete: list[int] = field(factory=list)
    too_new: set[str] = field(factory=set)

    @classmethod
    async def take(
        cls,
        tables: Tables,
        turns: Turns,
        jobs: Iterable[ClaimedJob],
        cut_off: CutOff,
        runs: Runs,
        now: Callable[[], datetime],
        *,
        start: bool,
        process: str | None = None,
        why_too_new: Callable[[TaskRecord], str | None] = lambda _: None,
    ) -> "Claims":
        """Decide on each job, and write it: by ``cut_off`` where the task is in an attempt.
        ``start``: claim what can run for the ``process`` of this name; otherwise only take back
        what was cut off, so that it waits.
        What ``runs`` here is left alone: only the heartbeat of its job was late."""
        claims = cls()
        claim = Claimed(process) if start else None
        left = list(jobs)
        while left:
            find = tables.find_whole if start else tables.find
            stored = await find([job.task for job in left])
            moment = now()
            in_line = await _InLine.of(turns, [item.record for item in stored.values()])
            steps = [
                (job, _step(job, found, cut_off, moment, claim, in_line, why_too_new))
                for job in left
                if not ((found := stored.get(job.task)) and runs.holds(job.id, found.record))
            ]
            changes = [step.change for _, step in steps if step.change is not None]
            written = await tables.write(changes) if changes else set()
            left = [job for job, step in steps if not claims._note(job, step, written)]
            kept = [change for change in changes if change.after.sequence in written]
            claims.announced += await turns.follow(kept, moment)
        return claims

    def _note(self, job: ClaimedJob, step: "_Step", written: set[int]) -> bool:
        """Whether this job is dealt with. ``False``: somebody else has changed its task."""
        if step.change is not None and step.change.after.sequence not in written:
            return False
        self.announced += step.revisions
        if step.too_new is not None:
            self.too_new.add(step.too_new)
        last = step.revisions[-1] if step.revisions else None
        if last is not None and last.status is BackgroundTaskStatus.RUNNING:
            self.claimed[job.id] = last
        elif step.waits:
            self.requeued.append(job.id)
        else:
            self.obsolete.append(job.id)
        return True


@define
class _InLine:
    """The keys of tasks that may give up or take turns: those that are ``locked``, and how many
    turns of each are ``free``."""

    locked: Collection[Turn] = ()
    free: dict[Turn, int] = field(factory=dict)

    @classmethod
    async def of(cls, turns: Turns, records: Iterable[TaskRecord]) -> "_InLine":
        keys = {
            (item.type, item.turn_key)
            for item in records
            if item.turn_key is not None
            and (item.status is BackgroundTaskStatus.RUNNING or item.due_at is not None)
        }
        locked = await turns.try_lock(keys)
        return cls(locked, await turns.free(locked))

    def has_turn_for(self, record: TaskRecord) -> bool | None:
        """Whether a waiting task may start; ``None``: its key is not locked, so nobody knows."""
        if record.turn_key is None or record.due_at is None:
            return True
        turn = (record.type, record.turn_key)
        if turn not in self.locked:
            return None
        self.free[turn] -= 1
        return self.free[turn] >= 0


@frozen
class _Step:
    """What happens to a task: the change to write, the revisions it consists of, whether the job
    goes on waiting, and the type of a task that this release cannot run."""

    change: Change | None = None
    revisions: Sequence[TaskRecord] = ()
    waits: bool = False
    too_new: str | None = None

    @classmethod
    def of(
        cls, record: TaskRecord, changes: Sequence[Change], too_new: str | None = None
    ) -> "_Step":
        """These changes, one after the other, to a task. The job of one that is held is let go."""
        revisions = [change.after for change in changes]
        last = revisions[-1] if revisions else record
        waits = last.status is BackgroundTaskStatus.PENDING and not last.held
        return cls(_whole(changes) if changes else None, revisions, waits, too_new)


def _step(
    job: ClaimedJob,
    stored: Stored | None,
    cut_off: CutOff,
    now: datetime,
    claim: Claimed | None,
    in_line: _InLine,
    why_too_new: Callable[[TaskRecord], str | None],
) -> _Step:
    if stored is None or stored.place != job.id or stored.record.status.is_final:
        return _Step()
    changes: list[Change] = []
    record = stored.record
    if record.status is BackgroundTaskStatus.RUNNING:
        _add(changes, cut_off(record))
        if moved_turns(changes).difference(in_line.locked):
            return _Step(waits=True)
        record = changes[-1].after if changes else record
    if claim is None or record.status is not BackgroundTaskStatus.PENDING:
        return _Step.of(record, changes)
    if (why := why_too_new(record)) is not None:
        _add(changes, decide(record, VersionUnknown(why), now))
        return _Step.of(record, changes, too_new=record.type)
    may_start = in_line.has_turn_for(record)
    if may_start is None:
        return _Step(waits=True)
    _add(changes, decide(record, claim if may_start else Held(), now))
    return _Step.of(record, changes)


def _whole(changes: Sequence[Change]) -> Change:
    """Several changes of one task as the one that is written."""
    beside = tuple(row for change in changes for row in change.beside)
    return Change(changes[0].before, changes[-1].after, beside)


def _add(changes: list[Change], change: Change | None) -> None:
    if change is not None:
        changes.append(change)
