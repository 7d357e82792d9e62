"""How far a bulk job is, as clients are told."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from attrs import frozen

__all__ = ["BulkProgress", "Refused"]


@frozen
class Refused:
    """A task that was not changed: the policy does not allow it, or it had moved on, or another
    task holds its key."""

    id: UUID
    reason: Literal["not allowed", "moved on"]


@frozen(kw_only=True)
class BulkProgress:
    """How far a job is. Of the ``matched`` tasks so far ``done`` were changed, ``not_allowed`` may
    not be, and ``gone`` had moved on. ``refused`` are the first of the last two. ``error`` says why
    a job has failed: what it had done by then remains done.
    """

    id: UUID
    action: Literal["cancel", "retry", "delete"]
    status: Literal["Running", "Completed", "Cancelled", "Failed"]
    matched: int
    done: int
    not_allowed: int
    gone: int
    refused: tuple[Refused, ...]
    started_at: datetime
    ended_at: datetime | None
    error: str | None
