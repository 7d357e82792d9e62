"""``tasks logs``: the log of one task."""

import asyncio
from contextlib import aclosing, suppress
from uuid import UUID

from bgtasks.cli.tasks.client import TaskClient
from bgtasks.cli.tasks.plain_text import one_line, plain
from bgtasks.cli.tasks.screen import Screen, utc_text
from bgtasks.cli.tasks.table import Styled
from bgtasks.cli.usage import UnavailableError
from bgtasks.core.task_log import LogLine
from bgtasks.errors import BackendError

__all__ = ["LOOK_EVERY", "follow_log", "show_log"]

LOOK_EVERY = 0.5
"""Seconds between two looks for new lines."""

_STYLES = {"debug": "dim", "warning": "yellow", "error": "bold red", "critical": "bold red"}


async def show_log(
    client: TaskClient, screen: Screen, task_id: UUID, after: int, as_json: bool
) -> int:
    """Write the lines behind the number ``after``; returns the number to go on behind."""
    while (log := await client.log(task_id, after)).last > after:
        for line in log:
            _write(screen, line, as_json)
        after = log.last
    return after


async def follow_log(
    client: TaskClient,
    screen: Screen,
    task_id: UUID,
    after: int,
    as_json: bool,
    look_every: float = LOOK_EVERY,
) -> None:
    """The same until the task is final. An application that does not answer for a while is asked
    again."""
    after = await show_log(client, screen, task_id, after, as_json)
    ending = asyncio.create_task(_wait_for_the_end(client, task_id))
    try:
        while not ending.done():
            await asyncio.wait([ending], timeout=look_every)
            with suppress(UnavailableError, BackendError):
                after = await show_log(client, screen, task_id, after, as_json)
        await ending
    finally:
        ending.cancel()
    await show_log(client, screen, task_id, after, as_json)


async def _wait_for_the_end(client: TaskClient, task_id: UUID) -> None:
    async with aclosing(client.watch(task_id)) as updates:
        async for _ in updates:
            pass


def _write(screen: Screen, line: LogLine, as_json: bool) -> None:
    if as_json:
        screen.json(screen.log_line(line))
    elif screen.is_terminal:
        level = Styled(f"{line.level:<8}", _STYLES.get(line.level, ""))
        logger = f"{one_line(line.logger)}: " if line.logger else ""
        text = plain(f"{logger}{line.message}").replace("\n", "\n  ")
        screen.line(Styled(utc_text(line.at), "dim"), " ", level, " ", text)
    else:
        screen.columns(utc_text(line.at), line.level, line.logger or "", line.message)
