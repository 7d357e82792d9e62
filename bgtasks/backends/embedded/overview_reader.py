"""How things are in the file, in a few numbers."""

import sqlite3
from datetime import datetime
from typing import Any
from uuid import UUID

from bgtasks.backends.embedded import rows
from bgtasks.backends.embedded.statements import STATEMENTS
from bgtasks.core.overview import LOOKED_AT, Overview, Pause, Since
from bgtasks.core.record import NOT_YET, Counts
from bgtasks.models import BackgroundTaskStatus

__all__ = ["fetch_overview"]


def fetch_overview(connection: sqlite3.Connection, counts: Counts, now: datetime) -> Overview:
    """How things are ``now``; how many tasks there are is known."""
    values = {"now": rows.from_time(now), "not_yet": rows.from_time(NOT_YET)}

    def first(name: str) -> Any:
        return connection.execute(STATEMENTS[name], values).fetchone()

    due, next_due = first("count_due")
    (retrying,) = first("count_retrying")
    silent = first("most_silent")
    waiting = [
        name
        for (name, status), number in counts.items()
        if status is BackgroundTaskStatus.PENDING and number
    ]
    return Overview(
        counts,
        scheduled=due - retrying,
        retrying=retrying,
        next_due_at=rows.to_time(next_due),
        cancelling=first("count_cancelling")[0],
        oldest=_oldest(connection, sorted(waiting), values["now"]),
        silent=None if silent is None else _since(*silent),
        paused={
            name: Pause(_time(paused_at), reason)
            for name, paused_at, reason, *_ in connection.execute(STATEMENTS["types"])
            if paused_at is not None
        },
    )


def _oldest(connection: sqlite3.Connection, types: list[str], now: int | None) -> dict[str, Since]:
    found = {}
    for name in types:
        values = {"type": name, "limit": LOOKED_AT, "now": now}
        row = connection.execute(STATEMENTS["oldest_waiting"], values).fetchone()
        if row is not None:
            found[name] = _since(row[0], name, row[1])
    return found


def _since(task_id: bytes, name: str, at: int) -> Since:
    return Since(UUID(bytes=task_id), name, _time(at))


def _time(stored: int) -> datetime:
    at = rows.to_time(stored)
    assert at is not None  # noqa: S101 - NULL alone is none
    return at
