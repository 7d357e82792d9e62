"""``schedules list``, ``run``, ``pause`` and ``resume``. Needs the extra ``cli``."""

import argparse
from datetime import datetime

from bgtasks.cli.tasks.client import TaskClient
from bgtasks.cli.tasks.opening import Opening
from bgtasks.cli.tasks.plain_text import one_line
from bgtasks.cli.tasks.screen import Screen, utc_text
from bgtasks.cli.tasks.table import Cell, Column, Styled
from bgtasks.models import ScheduleInfo

__all__ = ["carry_out"]

_COLUMNS = (
    *(Column(name, cut=True) for name in ("NAME", "TYPE", "WHEN")),
    *(Column(name) for name in ("NEXT", "LAST", "")),
)


async def carry_out(tasks: Opening, options: argparse.Namespace) -> bool:
    """Do what ``options`` ask for; returns whether all of it succeeded."""
    screen = Screen()
    async with tasks as client:
        if options.action == "list":
            await _list(client, screen, options.json)
        elif options.action == "run":
            info = await client.run_schedule(options.name)
            screen.line(f"{info.name}: submitted task {info.last_task}")
        elif options.action == "pause":
            _show(screen, await client.pause_schedule(options.name))
        else:
            _show(screen, await client.resume_schedule(options.name))
    return True


async def _list(client: TaskClient, screen: Screen, as_json: bool) -> None:
    """As a table on a terminal, elsewhere as one line a schedule with tabs between name, type,
    specification, zone, next tick, last tick and what is unusual."""
    infos = await client.schedules()
    if as_json:
        for info in infos:
            screen.json(screen.schedule(info))
    elif not screen.is_terminal:
        for info in infos:
            when = [info.spec, info.timezone, _time(info.next_tick), _time(info.last_tick)]
            screen.columns(info.name, info.type, *when, _state(info))
    elif infos:
        screen.table(_COLUMNS, map(_row, infos))
    else:
        screen.line("no schedules")


def _row(info: ScheduleInfo) -> tuple[Cell, ...]:
    texts = info.name, info.type, info.in_words, _time(info.next_tick), _time(info.last_tick)
    return (*texts, Styled(_state(info), "yellow"))


def _state(info: ScheduleInfo) -> str:
    """What is unusual about a schedule, in words; empty: nothing is."""
    said = []
    if info.paused:
        said.append(f"paused since {_time(info.paused_at)}")
    if not info.registered:
        said.append("no process has it")
    if info.skipped:
        said.append(f"{info.skipped:,} skipped")
    if info.last_error is not None:
        said.append(f"failed: {info.last_error}")
    return one_line("; ".join(said))


def _time(value: datetime | None) -> str:
    return "" if value is None else utc_text(value)


def _show(screen: Screen, info: ScheduleInfo) -> None:
    at = _time(info.next_tick) or "none"
    said = _state(info) if info.paused else f"not paused; next tick: {at}"
    screen.line(one_line(f"{info.name}: {said}"))
