"""What is counted of tasks when it happens: from which status to which they went, and how soon.

What was counted is never taken back: a task that is retried or dropped has still failed before.
Each change of a status is one flow. How many there were is kept by the minute, the type, the flow
and a bucket of time: how long the task waited, or how long its attempt ran.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from math import log
from typing import NamedTuple

from bgtasks.core.record import TaskRecord
from bgtasks.models import BackgroundTaskStatus

__all__ = [
    "COARSE",
    "FINE_FOR",
    "MAX_BUCKET",
    "Flow",
    "FlowKey",
    "Flows",
    "bucket_of",
    "flow_of",
    "milliseconds_of",
    "minute_of",
    "time_of",
]

FIRST = 100
"""Microseconds: shorter times are all in bucket 0."""

PER_DOUBLING = 4
"""Buckets for each doubling of the time. The middle of a bucket is at most 9.1 % off any time in
it."""

_SCALE = 5.770780163555854
"""``PER_DOUBLING / ln(2)``, written out: PostgreSQL calculates with the same number."""

MAX_BUCKET = 150
"""The last one has all times of more than half a year."""

FINE_FOR = timedelta(hours=48)
"""For how long each minute is kept; of what is older, each hour."""

COARSE = 60
"""Minutes in what is kept of older times."""

_PENDING, _RUNNING = BackgroundTaskStatus.PENDING, BackgroundTaskStatus.RUNNING


class Flow(IntEnum):
    """Where a task came from and went to. The numbers are stored."""

    SUBMITTED = 1
    STARTED = 2
    COMPLETED = 3
    FAILED = 4
    STOPPED = 5
    """It was cancelled while it ran."""
    WITHDRAWN = 6
    """It was cancelled while it waited."""
    TRIED_AGAIN = 7
    """Its attempt failed, and it waits for the next one."""
    PUT_BACK = 8
    """Its attempt was interrupted, or never began, and it waits again."""
    RETRIED = 9
    """It was final, and somebody has it run again."""
    BROUGHT_RUNNING = 10
    """It came from another database, where it was running."""
    BROUGHT_ENDED = 11
    """It came from another database, where it had ended."""

    @property
    def to_waiting(self) -> int:
        """By how much it changes the number of waiting tasks."""
        return _TO_WAITING.get(self, 0)

    @property
    def to_running(self) -> int:
        """By how much it changes the number of running tasks."""
        return _TO_RUNNING.get(self, 0)


_TO_WAITING = {
    Flow.SUBMITTED: 1,
    Flow.STARTED: -1,
    Flow.WITHDRAWN: -1,
    Flow.TRIED_AGAIN: 1,
    Flow.PUT_BACK: 1,
    Flow.RETRIED: 1,
}
_TO_RUNNING = {
    Flow.STARTED: 1,
    Flow.BROUGHT_RUNNING: 1,
    Flow.COMPLETED: -1,
    Flow.FAILED: -1,
    Flow.STOPPED: -1,
    Flow.TRIED_AGAIN: -1,
    Flow.PUT_BACK: -1,
}
_ENDS = {
    BackgroundTaskStatus.COMPLETED: Flow.COMPLETED.value,
    BackgroundTaskStatus.FAILED: Flow.FAILED.value,
    BackgroundTaskStatus.CANCELLED: Flow.STOPPED.value,
}
_SUBMITTED, _STARTED = Flow.SUBMITTED.value, Flow.STARTED.value
_TRIED_AGAIN = Flow.TRIED_AGAIN.value


FlowKey = tuple[int, str, int, int]
"""What flows are counted by: the minute since 1970, the type, the flow and the bucket. Of plain
values: each step of each task makes one, and a store hashes and writes them."""


class Flows(NamedTuple):
    """What a store has counted, for the points of a history.

    ``numbers`` is by the point (of ``points``; those of later minutes have the number ``points``),
    the flow and the bucket. ``waiting`` and ``running`` tasks there are now. All is complete since
    ``known_since``.
    """

    known_since: datetime
    waiting: int
    running: int
    numbers: Mapping[tuple[int, int, int], int]


def flow_of(before: TaskRecord | None, after: TaskRecord) -> FlowKey | None:
    """How a change of a task is counted, or a new task; ``None`` where the status stays
    as it was. In PostgreSQL a trigger does the same: a test compares them."""
    if before is None:
        is_new = after.status is _PENDING
        return minute_of(after.created_at), after.type, _SUBMITTED if is_new else _brought(after), 0
    if before.status is after.status:
        return None
    flow, bucket = _flow_between(before, after)
    return minute_of(after.changed_at), after.type, flow, bucket


def _flow_between(before: TaskRecord, after: TaskRecord) -> tuple[int, int]:
    if after.status is _RUNNING:
        return _STARTED, bucket_of(after.changed_at - _waits_since(before))
    if before.status is not _RUNNING:
        return (Flow.RETRIED if after.status is _PENDING else Flow.WITHDRAWN).value, 0
    if after.status is _PENDING and after.failures == before.failures:
        return Flow.PUT_BACK.value, 0
    ran = after.changed_at - (before.started_at or after.changed_at)
    return _ENDS.get(after.status, _TRIED_AGAIN), bucket_of(ran)


def _brought(record: TaskRecord) -> int:
    is_running = record.status is _RUNNING
    return (Flow.BROUGHT_RUNNING if is_running else Flow.BROUGHT_ENDED).value


def _waits_since(record: TaskRecord) -> datetime:
    """Since when it could have started, as far as the record says."""
    since = record.changed_at if record.attempt else record.created_at
    return since if record.scheduled_at is None else max(since, record.scheduled_at)


def minute_of(at: datetime) -> int:
    """The minute of a time since 1970."""
    return int(at.timestamp()) // 60


def time_of(minute: int) -> datetime:
    """When a minute since 1970 began."""
    return datetime.fromtimestamp(minute * 60, UTC)


def bucket_of(time: timedelta) -> int:
    """The bucket of a time."""
    microseconds = (time.days * 86_400 + time.seconds) * 1_000_000 + time.microseconds
    if microseconds < FIRST:
        return 0
    bucket = 1 + int(log(microseconds / FIRST) * _SCALE)
    return bucket if bucket < MAX_BUCKET else MAX_BUCKET


def milliseconds_of(bucket: int) -> float:
    """The time in the middle of a bucket."""
    if bucket == 0:
        return FIRST / 2 / 1000
    return float(FIRST * 2 ** ((bucket - 0.5) / PER_DOUBLING) / 1000)
