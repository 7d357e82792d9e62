"""``tasks list --watch`` and ``tasks top``: tables that are read again and again."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from rich.live import Live
from rich.text import Text

from bgtasks.cli.tasks.client import Info, PageRequest, TaskClient
from bgtasks.cli.tasks.listing import COLUMNS, list_tasks, task_row
from bgtasks.cli.tasks.screen import Screen, status_text
from bgtasks.cli.tasks.table import painted, table_lines
from bgtasks.cli.usage import UsageError
from bgtasks.core.task_filter import TaskFilter
from bgtasks.models import BackgroundTaskStatus

__all__ = ["EVERY", "show_top", "watch_list"]

EVERY = 2.0
"""Seconds between two looks, unless somebody says otherwise."""


async def watch_list(client: TaskClient, screen: Screen, wanted: PageRequest) -> None:
    """Show the list and keep it up to date, until Ctrl-C. Raises UsageError where the output is no
    terminal."""
    if not screen.is_terminal:
        raise UsageError("--watch shows a table on a terminal, and standard output is none")

    async def read() -> list[str]:
        infos = await client.list(wanted)
        return _table(screen, infos) if infos else ["no tasks"]

    await _repeat(screen, read, EVERY)


async def show_top(client: TaskClient, screen: Screen, every: float) -> None:
    """Show how many tasks are in each status and those that run, longest first, until Ctrl-C; once,
    where the output is no terminal."""
    running = PageRequest(
        tasks=TaskFilter(status=BackgroundTaskStatus.RUNNING), limit=200, sort="started"
    )
    if not screen.is_terminal:
        counts = await client.count(TaskFilter())
        screen.columns(*(f"{status} {number}" for status, number in counts.items()))
        await list_tasks(client, screen, running, as_json=False)
        return

    async def read() -> list[str]:
        counts = await client.count(TaskFilter())
        infos = await client.list(running)
        rows = max(0, screen.console.size.height - 4)
        shown = _table(screen, infos[:rows]) if infos else ["nothing runs"]
        return [_line(screen, counts), "", *shown]

    await _repeat(screen, read, every)


async def _repeat(screen: Screen, read: Callable[[], Awaitable[list[str]]], every: float) -> None:
    async def look() -> Text:
        return Text.from_ansi("\n".join(await read()), no_wrap=True)

    with Live(await look(), console=screen.console, screen=True, auto_refresh=False) as live:
        while True:
            await asyncio.sleep(every)
            live.update(await look(), refresh=True)


def _table(screen: Screen, infos: Sequence[Info]) -> list[str]:
    rows = map(task_row, infos)
    return [*table_lines(COLUMNS, rows, screen.width, in_colour=screen.in_colour)]


def _line(screen: Screen, counts: Mapping[BackgroundTaskStatus, int]) -> str:
    return "   ".join(
        f"{painted(status_text(status), in_colour=screen.in_colour)} {number:,}"
        for status, number in counts.items()
    )
