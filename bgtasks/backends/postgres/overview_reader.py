"""How things are in the tables, in a few numbers."""

from datetime import datetime
from typing import Any

from bgtasks.backends.postgres.reader import counts_of
from bgtasks.backends.postgres.statements import STATEMENTS
from bgtasks.core.overview import LOOKED_AT, Overview, Pause, Since
from bgtasks.core.record import NOT_YET, Counts
from bgtasks.models import BackgroundTaskStatus

__all__ = ["fetch_overview"]


async def fetch_overview(connection: Any, now: datetime) -> Overview:
    """How things are ``now``, as the open snapshot sees them."""
    counts = counts_of(await connection.fetch(STATEMENTS["count_tasks"], [True, False]))
    due, retrying, next_due = await connection.fetchrow(STATEMENTS["count_due"], now, NOT_YET)
    running = _types_in(counts, BackgroundTaskStatus.RUNNING)
    cancelling, *silent = await connection.fetchrow(STATEMENTS["about_running"], running)
    waiting = _types_in(counts, BackgroundTaskStatus.PENDING)
    oldest = await connection.fetch(STATEMENTS["oldest_waiting"], waiting, now, LOOKED_AT)
    paused = await connection.fetch(STATEMENTS["paused_types"])
    return Overview(
        counts,
        scheduled=due - retrying,
        retrying=retrying,
        next_due_at=next_due,
        cancelling=cancelling,
        oldest={name: Since(task_id, name, at) for name, task_id, at in oldest},
        silent=None if silent[0] is None else Since(*silent),
        paused={name: Pause(at, reason) for name, at, reason in paused},
    )


def _types_in(counts: Counts, status: BackgroundTaskStatus) -> list[str]:
    return sorted(name for (name, found), number in counts.items() if found is status and number)
