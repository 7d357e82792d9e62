"""Failures that are the same one."""

from datetime import datetime
from uuid import UUID

from attrs import frozen

__all__ = ["FailureGroup"]


@frozen(kw_only=True)
class FailureGroup:
    """Tasks whose newest failure is the same one: the same class of exception, the same message but
    for numbers, ids, paths and quoted texts, raised at the same place.

    ``sample`` and ``frame`` are the message of ``sample_task`` and where it was raised: the newest
    of the tasks, of those that are still failed if one is. ``still_failed`` are ``Failed``,
    ``recovered`` completed in a later attempt, ``retrying`` wait for another attempt or are in
    one. ``first_at`` and ``last_at`` are when the first and the last of them failed (timezone-aware
    UTC), ``types`` the types of the tasks.
    """

    group: str
    error_type: str
    sample: str
    frame: str | None
    still_failed: int
    recovered: int
    retrying: int
    first_at: datetime
    last_at: datetime
    types: tuple[str, ...]
    sample_task: UUID
