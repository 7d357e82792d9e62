"""When the ticks of a schedule come, without anything being run."""

from datetime import datetime
from itertools import takewhile
from typing import Any

__all__ = ["schedule_ticks"]

MAX_TICKS = 100_000
"""How many ticks are returned at the most."""


def schedule_ticks(
    background_tasks: Any, name: str, *, after: datetime, before: datetime
) -> list[datetime]:
    """The ticks of a schedule later than ``after`` and not later than ``before``, timezone-aware
    UTC.

    ``background_tasks`` is the ``BackgroundTasksContainer`` or the provider that holds it. Nothing
    is started, and no clock is read. Both times must have a time zone. Raises
    ScheduleNotFoundError, and ValueError for more than 100,000 ticks.
    """
    for time in (after, before):
        if time.utcoffset() is None:
            raise ValueError(
                f"{time!r} has no time zone; accepted: one that has, such as "
                "datetime(2026, 3, 29, tzinfo=ZoneInfo('Europe/Berlin'))"
            )
    spec = background_tasks.known_schedules().get(name).spec
    ticks: list[datetime] = []
    for tick in takewhile(lambda tick: tick <= before, spec.ticks(after)):
        if len(ticks) == MAX_TICKS:
            raise ValueError(f"there are more than {MAX_TICKS:,} ticks; ask for a shorter time")
        ticks.append(tick)
    return ticks
