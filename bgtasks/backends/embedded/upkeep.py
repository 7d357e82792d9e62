"""What is done to the file beside what happens to single tasks: at its start, and now and then.
Lives in the writer thread."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from bgtasks.backends.embedded import reader, rows
from bgtasks.backends.embedded.statements import STATEMENTS
from bgtasks.backends.embedded.task_file import TaskFile
from bgtasks.core.flows import COARSE
from bgtasks.core.lifecycle import Change
from bgtasks.core.record import NOT_YET, TaskRecord
from bgtasks.core.retention import PruneRule
from bgtasks.models import BackgroundTaskStatus

__all__ = [
    "delete",
    "drop_flows",
    "ends_told",
    "prune",
    "stored_types",
    "sum_up_flows",
    "take_back",
    "take_ended",
    "waiting",
]

# At the start


def take_back(file: TaskFile, limit: int, decide: Callable[[TaskRecord], Change | None]) -> int:
    """Write what ``decide`` makes of running tasks: at the start nobody runs any. Returns how many
    there were."""
    values = (limit + file.queue.unreadable,)
    found = file.connection.execute(STATEMENTS["running_tasks"], values).fetchall()
    left = [row for row in found if not file.queue.is_unreadable(row)]
    decided = map(decide, filter(None, map(file.queue.readable, left)))
    file.write([change for change in decided if change is not None])
    return len(left)


def stored_types(file: TaskFile) -> list[str]:
    """Every type that there is a task of."""
    return reader.stored_types(file.connection)


def waiting(
    file: TaskFile, type_name: str, after: int, limit: int
) -> tuple[list[TaskRecord], int | None]:
    """What ``TaskStore.waiting`` returns, without the places."""
    values = (type_name, after, limit)
    found = file.connection.execute(STATEMENTS["waiting_tasks"], values).fetchall()
    records = list(filter(None, map(file.queue.readable, found)))
    return records, found[-1][0] if found else None


# Tasks that are no longer kept


def delete(file: TaskFile, task_id: UUID) -> bool:
    """Drop a task if it is final; whether it was there and is."""
    found = file.connection.execute(STATEMENTS["final_task"], (task_id.bytes,)).fetchall()
    return _drop(file, found) > 0


def prune(file: TaskFile, rule: PruneRule, before: datetime, limit: int, now: datetime) -> int:
    """Drop tasks that a rule names and that became final before a time; how many."""
    since = rows.from_time(rule.since) or 0
    kinds = json.dumps([f"{name}/{status}" for name, status in rule.kinds])
    values = (since, rows.from_time(before), rows.from_time(now), kinds, rule.others, limit)
    return _drop(file, file.connection.execute(STATEMENTS["prunable"], values).fetchall())


def _drop(file: TaskFile, found: Sequence[tuple[int, str, str, bool]]) -> int:
    """Drop these tasks: each its sequence, its type, its status and whether it has an owner."""
    sequences = json.dumps([row[0] for row in found])
    file.connection.execute(STATEMENTS["drop_tasks"], (sequences,))
    for _, name, status, has_owner in found:
        dropped = name, bool(has_owner), BackgroundTaskStatus(status)
        file.transaction.dropped.append(dropped)
    return len(found)


# The ends of tasks of which hooks are to be told


def take_ended(file: TaskFile, now: datetime, until: datetime, limit: int) -> list[TaskRecord]:
    """Ends that may be told now, which nobody gets again before ``until``."""
    values = rows.from_time(now), limit
    found = file.connection.execute(STATEMENTS["ends_to_tell"], values).fetchall()
    ended = list(filter(None, map(file.queue.readable, found)))
    _tell_at(file, until, ended)
    return ended


def ends_told(file: TaskFile, ended: Sequence[TaskRecord]) -> None:
    """These ends were told."""
    _tell_at(file, NOT_YET, ended)


def _tell_at(file: TaskFile, time: datetime, ended: Sequence[TaskRecord]) -> None:
    at = rows.from_time(time)
    values = [(at, record.sequence, record.revision) for record in ended]
    file.connection.executemany(STATEMENTS["tell_end_at"], values)


# What is counted


def sum_up_flows(file: TaskFile, first: int, last: int) -> int | None:
    """What ``Backend.sum_up_flows`` does."""
    values = {"first": first, "last": last, "coarse": COARSE}
    (hour,) = file.connection.execute(STATEMENTS["hour_to_sum_up"], values).fetchone()
    if hour is None:
        return None
    end: int = hour + COARSE
    values |= {"first": hour, "last": end}
    found = file.connection.execute(STATEMENTS["minutes_to_sum_up"], values).fetchall()
    file.connection.execute(STATEMENTS["drop_summed_up"], values)
    file.connection.executemany(STATEMENTS["add_flows"], found)
    return end


def drop_flows(file: TaskFile, before: int) -> None:
    """Drop what was counted before a minute."""
    file.connection.execute(STATEMENTS["drop_minutes"], (before,))
    file.connection.execute(STATEMENTS["move_known_since"], (before * 60_000_000,))
