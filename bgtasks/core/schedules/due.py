"""Which tick counts when one or more are due, and where a schedule begins."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from attrs import frozen

from bgtasks.core.schedules.definition import Schedule, Schedules
from bgtasks.core.schedules.record import ScheduleRecord
from bgtasks.core.schedules.specs import Spec, jitter_of, stored_spec

__all__ = ["Due", "Lateness", "due", "due_at", "new_records", "resumed"]

CLOCK_WAS_WRONG = timedelta(days=1)
"""A last tick that is later than now by more than this was made by a clock that was wrong."""


@frozen(kw_only=True)
class Lateness:
    """How late a process may be and still treat each tick as one that was not missed.

    A tick that came due while the process was there may be ``of_present`` late, as after a moment
    without the processor; one that came due before it was there, ``of_others``: another process may
    be about to submit its task.
    """

    of_present: timedelta = timedelta(seconds=60)
    of_others: timedelta = timedelta(0)


@frozen(kw_only=True)
class Due:
    """``tick`` counts, after ``missed`` others; ``is_wanted``: its task is to be submitted.
    ``next_tick`` comes after it, and its task at ``due_at``."""

    tick: datetime
    missed: int
    is_wanted: bool
    next_tick: datetime | None
    due_at: datetime | None


def due_at(spec: Spec, name: str, tick: datetime | None) -> datetime | None:
    """When the task of a tick is submitted."""
    return None if tick is None else tick + jitter_of(spec, name, tick)


def due(
    item: Schedule, expected: datetime, now: datetime, since: datetime, lateness: Lateness
) -> Due:
    """What to do at ``now`` about the tick ``expected`` and those after it that are due.

    The process has been there ``since`` then. Of ticks that were missed only the last counts, and
    only if it is not older than ``catch_up``.
    """
    spec, name = item.spec, item.name
    came = expected + jitter_of(spec, name, expected)
    is_on_time = now - came <= (lateness.of_present if came >= since else lateness.of_others)
    latest, count = (expected, 1) if is_on_time else spec.span(expected, max(now, expected))
    if count > 1 and latest + jitter_of(spec, name, latest) > now:  # jitter is less than a period
        latest, count = latest - spec.period, count - 1  # type: ignore[union-attr]
    wanted = is_on_time or (item.catch_up is not None and now - latest <= item.catch_up)
    following = spec.next_after(latest)
    return Due(
        tick=latest,
        missed=count - 1,
        is_wanted=wanted,
        next_tick=following,
        due_at=due_at(spec, name, following),
    )


def new_records(
    schedules: Schedules, stored: Mapping[str, ScheduleRecord], now: datetime
) -> list[ScheduleRecord]:
    """The schedules that are to be written because a process registers them: new ones and those
    that differ from what is stored. They begin with their next tick; a pause stays."""
    records = []
    for item in schedules:
        type_name, digest = schedules.type_of(item), schedules.digest_of(item)
        before = stored.get(item.name)
        if before is not None and before.digest == digest and not _is_astray(before, now):
            continue
        records.append(_record(item, type_name, digest, before, now))
    return records


def resumed(record: ScheduleRecord, spec: Spec, now: datetime) -> ScheduleRecord:
    """A schedule that goes on: with the next tick, as those of the pause were not missed."""
    following = spec.next_after(now)
    return record._replace(
        paused_at=None, next_tick=following, due_at=due_at(spec, record.name, following)
    )


def _record(
    item: Schedule, type_name: str, digest: str, before: ScheduleRecord | None, now: datetime
) -> ScheduleRecord:
    spec = stored_spec(item.spec)
    if before is not None and before.spec == spec and not _is_astray(before, now):
        return before._replace(type=type_name, digest=digest, seen_at=now)
    following = item.spec.next_after(now)
    begins = ScheduleRecord(
        name=item.name,
        type=type_name,
        spec=spec,
        digest=digest,
        paused_at=now if item.paused else None,
        next_tick=following,
        due_at=due_at(item.spec, item.name, following),
        seen_at=now,
    )
    if before is None:
        return begins
    return begins._replace(
        paused_at=before.paused_at,
        last_tick=before.last_tick,
        last_task=before.last_task,
        skipped=before.skipped,
        last_error=before.last_error,
    )


def _is_astray(record: ScheduleRecord, now: datetime) -> bool:
    return record.last_tick is not None and record.last_tick > now + CLOCK_WAS_WRONG
