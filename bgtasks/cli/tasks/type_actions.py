"""``types list``, ``types pause`` and ``types resume``. Needs the extra ``cli``."""

import argparse

from bgtasks.cli.tasks.client import TaskClient
from bgtasks.cli.tasks.opening import Opening
from bgtasks.cli.tasks.pace import duration
from bgtasks.cli.tasks.plain_text import one_line
from bgtasks.cli.tasks.screen import Screen, utc_text
from bgtasks.cli.tasks.table import Cell, Column, Styled
from bgtasks.core.limits import Rate
from bgtasks.core.task_types import TypeInfo

__all__ = ["carry_out"]

_COLUMNS = (
    Column("TYPE", cut=True),
    Column("WAITING", right=True),
    Column("RUNNING", right=True),
    Column("LIMIT"),
    Column("RATE"),
    *(Column(name, right=True) for name in ("PER MIN", "FAIL", "WAIT P95", "RUN P95")),
    Column("PAUSED"),
)


async def carry_out(tasks: Opening, options: argparse.Namespace) -> bool:
    """Do what ``options`` ask for; returns whether all of it succeeded."""
    screen = Screen()
    async with tasks as client:
        if options.action == "list":
            await _list(client, screen, options.json)
        elif options.action == "pause":
            _show(screen, await client.pause(options.type, options.reason))
        else:
            _show(screen, await client.resume(options.type))
    return True


async def _list(client: TaskClient, screen: Screen, as_json: bool) -> None:
    """As a table on a terminal, elsewhere as one line a type with tabs between name, waiting,
    running, limit, rate and pause."""
    infos = await client.types()
    if as_json:
        for info in infos:
            screen.json(screen.data_of(info))
    elif not screen.is_terminal:
        for info in infos:
            screen.columns(info.name, str(info.waiting), str(info.running), *_rest(info))
    else:
        screen.table(_COLUMNS, map(_row, infos))


def _row(info: TypeInfo) -> tuple[Cell, ...]:
    limit, rate, paused = _rest(info)
    numbers = str(info.waiting), str(info.running)
    return (info.name, *numbers, limit, rate, *_pace(info), Styled(paused, "yellow"))


def _pace(info: TypeInfo) -> tuple[str, ...]:
    """What ended in a minute, how much of it failed, and how long 95 % of the attempts waited and
    ran at most, in the last hour; empty where that is not known."""
    per_minute, rate = info.per_minute, info.failure_rate
    times = [
        "" if times is None else _milliseconds(times.p95) for times in (info.wait_ms, info.run_ms)
    ]
    return (
        "" if per_minute is None else f"{per_minute:.3g}",
        "" if rate is None else f"{rate:.0%}",
        *times,
    )


def _milliseconds(value: float) -> str:
    return f"{value:.0f}ms" if value < 10_000 else duration(value / 1000)


def _rest(info: TypeInfo) -> tuple[str, str, str]:
    limit = "" if info.max_concurrency is None else str(info.max_concurrency)
    return limit, _rate(info.rate), _paused(info)


def _rate(rate: Rate | None) -> str:
    return "" if rate is None else f"{rate.starts}/{rate.per:g} s"


def _paused(info: TypeInfo) -> str:
    if info.paused_at is None:
        return ""
    since = f"since {utc_text(info.paused_at)}"
    return since if info.pause_reason is None else f"{since}: {info.pause_reason}"


def _show(screen: Screen, info: TypeInfo) -> None:
    state = f"paused {_paused(info)}" if info.paused_at else "not paused"
    screen.line(one_line(f"{info.name}: {state}; {info.waiting} waiting, {info.running} running"))
