"""What becomes of a new task whose key another one holds."""

from datetime import datetime
from uuid import UUID

from bgtasks.core.events import Replaced
from bgtasks.core.keys import FOLLOWED, behind
from bgtasks.core.lifecycle import Change, decide, with_id
from bgtasks.core.record import TaskRecord
from bgtasks.core.unique import Conflict
from bgtasks.errors import DuplicateTaskError, TaskStateError
from bgtasks.models import BackgroundTaskStatus

__all__ = ["frees_for_follower", "is_begun_by", "key_is_held", "resolve"]


def resolve(
    new: TaskRecord,
    holder: TaskRecord,
    waiting_behind: TaskRecord | None,
    conflict: Conflict,
    now: datetime,
) -> Change | TaskRecord | None:
    """What becomes of ``new``, whose key ``holder`` holds.

    Returns the change of a waiting task that it replaces; or its record, to be kept behind the
    holder; or ``None``, if it is not kept and the holder stays as it is. Raises DuplicateTaskError.
    """
    if conflict == "refuse":
        raise DuplicateTaskError(
            f"task {holder.id} has the same key as this {new.type}; wait until it has ended, "
            "or cancel it",
            holder.id,
        )
    if conflict == "existing":
        return None
    change = decide(waiting_behind or holder, Replaced(new), now)
    if change is not None:
        return change
    can_follow = holder.key_rule == FOLLOWED and holder.status is BackgroundTaskStatus.RUNNING
    return behind(new) if can_follow and waiting_behind is None else None


def is_begun_by(new: TaskRecord, holder: TaskRecord) -> bool:
    """Whether ``holder`` has begun to do what ``new`` says since that was submitted: it had been
    replaced, and nobody was told."""
    return (
        holder.status is BackgroundTaskStatus.RUNNING
        and holder.started_at is not None
        and holder.started_at >= new.created_at
        and holder.name == new.name
        and holder.data == with_id(new.data, holder.id)
    )


def frees_for_follower(change: Change) -> bool:
    """Whether a task ends behind which another one may wait."""
    before = change.before
    may_be_followed = before.held_key is not None and before.key_rule == FOLLOWED
    return may_be_followed and change.after.status.is_final


def key_is_held(task_id: UUID, holder: UUID) -> TaskStateError:
    """The refusal of a retry by hand: another task holds the key meanwhile."""
    return TaskStateError(
        f"task {task_id} cannot run again: task {holder} has the same key; wait until it has "
        "ended, or cancel it",
        holder,
    )
