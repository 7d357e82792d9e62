"""What was counted in the file."""

import sqlite3
from collections.abc import Mapping

from bgtasks.backends.embedded import rows
from bgtasks.backends.embedded.reader import one_moment
from bgtasks.backends.embedded.statements import STATEMENTS
from bgtasks.core.flows import Flows
from bgtasks.models import BackgroundTaskStatus

__all__ = ["fetch_flows", "fetch_flows_by_type"]


def fetch_flows(
    connection: sqlite3.Connection, first: int, step: int, points: int, type_name: str | None
) -> Flows:
    """What was counted from the minute ``first`` on, and how many tasks there are then."""
    values = {"first": first, "step": step, "points": points, "type": type_name}
    with one_moment(connection):
        (known_since,) = connection.execute(STATEMENTS["known_since"]).fetchone()
        found = connection.execute(STATEMENTS["flows"], values)
        numbers = {(point, flow, bucket): number for point, flow, bucket, number in found}
        waiting = _count(connection, BackgroundTaskStatus.PENDING, type_name)
        running = _count(connection, BackgroundTaskStatus.RUNNING, type_name)
    at = rows.to_time(known_since)
    assert at is not None  # noqa: S101 - NULL alone is none
    return Flows(at, waiting, running, numbers)


def fetch_flows_by_type(
    connection: sqlite3.Connection, first: int, last: int
) -> Mapping[tuple[str, int, int], int]:
    """What was counted from one minute on and before another, by type, flow and bucket."""
    found = connection.execute(STATEMENTS["flows_by_type"], (first, last))
    return {(name, flow, bucket): number for name, flow, bucket, number in found}


def _count(
    connection: sqlite3.Connection, status: BackgroundTaskStatus, type_name: str | None
) -> int:
    if type_name is None:
        row = connection.execute(STATEMENTS["count_status"], (status.value,)).fetchone()
    else:
        row = connection.execute(STATEMENTS["count_of"], (type_name, status.value)).fetchone()
    return int(row[0])
