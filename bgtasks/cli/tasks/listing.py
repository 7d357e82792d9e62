"""``tasks list``: many tasks, one line each."""

from datetime import UTC, datetime

from bgtasks.cli.tasks.client import Info, PageRequest, TaskClient
from bgtasks.cli.tasks.screen import Screen, status_text
from bgtasks.cli.tasks.table import Cell, Column
from bgtasks.core.task_filter import TaskFilter
from bgtasks.models import BackgroundTaskStatus

__all__ = ["COLUMNS", "count_tasks", "list_tasks", "message", "percent", "task_row"]

COLUMNS = (
    Column("ID"),  # never cut, at any width: the other commands need it
    Column("TYPE", cut=True),
    Column("NAME", cut=True),
    Column("STATUS"),
    Column("", right=True),
    Column("MESSAGE", cut=True),
    Column("AGE", right=True),
)
"""Those of a table of tasks."""

_UNITS = ((86400, "d"), (3600, "h"), (60, "m"))


async def list_tasks(
    client: TaskClient, screen: Screen, wanted: PageRequest, as_json: bool
) -> None:
    """Write the tasks that fit, newest first: as a table on a terminal, elsewhere as one line a
    task with tabs between id, type, name, status, progress, message and age. The message of a
    failed one is its error."""
    infos = await client.list(wanted)
    if as_json:
        for info in infos:
            screen.json(screen.wire(info))
    elif not screen.is_terminal:
        for info in infos:
            screen.columns(str(info.id), info.type, info.name, info.status, *_rest(info))
    elif infos:
        screen.table(COLUMNS, map(task_row, infos))
    else:
        screen.line("no tasks")


async def count_tasks(
    client: TaskClient, screen: Screen, wanted: TaskFilter, as_json: bool
) -> None:
    """Write how many tasks there are in each status: a line each, with a tab in between."""
    counts = await client.count(wanted)
    if as_json:
        screen.json(dict(counts))
        return
    for status, number in counts.items():
        screen.columns(status, str(number))


def _rest(info: Info) -> tuple[str, str, str]:
    return percent(info), message(info), age(info.created_at, datetime.now(UTC))


def task_row(info: Info) -> tuple[Cell, ...]:
    """A task in such a table."""
    return (str(info.id), info.type, info.name, status_text(info.status), *_rest(info))


def message(info: Info) -> str:
    """What a task says: a failed one why it has failed."""
    said = info.error_message if info.status is BackgroundTaskStatus.FAILED else None
    return said or info.status_message or ""


def percent(info: Info) -> str:
    """How far a task is, as whole percent."""
    return f"{info.progress:.0f}%"


def age(since: datetime, now: datetime) -> str:
    """The time from ``since`` to ``now`` in its largest unit: ``42s``, ``3m``, ``7h``, ``12d``."""
    seconds = max(0, int((now - since).total_seconds()))
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
