"""The processes that share a database, as they look from outside."""

from datetime import datetime
from uuid import UUID

from attrs import frozen

__all__ = ["ProcessInfo"]


@frozen(kw_only=True)
class ProcessInfo:
    """One process that has its manager running. Times are timezone-aware UTC.

    ``id`` is new with each start of a manager. ``runs_tasks`` is false for one that only hands in
    and shows. ``types`` are the task types it runs, ``running`` the attempts it had running when
    it was last seen, at ``seen_at``, of at most ``max_concurrency``. ``alive`` says whether it
    was seen lately enough to be counted on.
    """

    id: UUID
    host: str
    pid: int
    runs_tasks: bool
    types: tuple[str, ...]
    running: int
    max_concurrency: int
    started_at: datetime
    seen_at: datetime
    alive: bool
