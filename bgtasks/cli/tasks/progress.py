"""``tasks watch``: one task until it is final."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from time import monotonic
from uuid import UUID

from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

from bgtasks.cli.tasks.client import Info, TaskClient
from bgtasks.cli.tasks.listing import message, percent
from bgtasks.cli.tasks.pace import Pace
from bgtasks.cli.tasks.plain_text import one_line
from bgtasks.cli.tasks.screen import Screen, status_text
from bgtasks.models import BackgroundTaskStatus

__all__ = ["watch_task"]


async def watch_task(client: TaskClient, screen: Screen, task_id: UUID, as_json: bool) -> bool:
    """Show a task's progress until it is final: as a bar on a terminal, elsewhere as one line an
    update. Returns whether the task completed."""
    async with aclosing(client.watch(task_id)) as updates:
        if screen.is_terminal and not as_json:
            last = await _bar(screen, updates)
            _tell_end(screen, last)
        else:
            last = await _lines(screen, updates, as_json)
    return last is not None and last.status is BackgroundTaskStatus.COMPLETED


async def _lines(screen: Screen, updates: AsyncIterator[Info], as_json: bool) -> Info | None:
    info = None
    async for info in updates:
        if as_json:
            screen.json(screen.wire(info))
        else:
            screen.columns(info.status, percent(info), message(info))
    return info


async def _bar(screen: Screen, updates: AsyncIterator[Info]) -> Info | None:
    info = None
    pace = Pace()
    with _progress(screen) as progress:
        bar: TaskID | None = None
        async for info in updates:
            if bar is None:
                bar = progress.add_task(one_line(info.name), message="", pace="")
            progress.update(
                bar,
                # Without a total the bar pulses: nobody knows how long a task waits.
                total=None if info.status is BackgroundTaskStatus.PENDING else 100,
                completed=info.progress,
                pace=pace.of(info, monotonic()),
                message=_status_and_message(info),
            )
    return info


def _progress(screen: Screen) -> Progress:
    # Names and messages of tasks may look like markup, and may be longer than the line.
    name, said = (
        TextColumn(
            f"{{task.{field}}}",
            markup=False,
            table_column=Column(no_wrap=True, overflow="ellipsis", ratio=ratio),
        )
        for field, ratio in (("description", 2), ("fields[message]", 3))
    )
    bar = BarColumn(bar_width=None, table_column=Column(ratio=3, min_width=10))
    done = TextColumn("{task.completed:>3.0f}%", markup=False)
    pace = TextColumn("{task.fields[pace]}", markup=False)
    return Progress(name, bar, done, pace, said, console=screen.console, expand=True)


def _tell_end(screen: Screen, info: Info | None) -> None:
    if info is None:
        return
    why = f": {one_line(info.error_message)}" if info.error_message else ""
    screen.line(status_text(info.status), why)


def _status_and_message(info: Info) -> str:
    return f"{info.status}: {one_line(said)}" if (said := message(info)) else info.status
