"""Failures that are the same one."""

from datetime import datetime
from uuid import UUID

from attrs import frozen

__all__ = ["FailureFacet", "FailureGroup"]


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


@frozen(kw_only=True)
class FailureFacet:
    """How many of the tasks that have one value failed for one reason.

    ``value`` is what an argument is, an owner, or a process (``"HOST:PID"``, where the task failed;
    of others, where their newest attempt began). ``None``: the argument is left out, is ``None`` or
    no plain value, is longer than 1,000 characters of JSON, or is one of a task whose arguments are
    longer than 16,384; there is no owner; the process is not known.

    ``failed`` tasks have this value and this failure, whatever became of them since. ``total`` are
    these, and all other tasks of the same types that have this value and became final, or failed
    for another reason, in the same time; ``None``: more than 100,000 tasks did so in that time.
    """

    value: str | int | float | bool | None
    failed: int
    total: int | None
