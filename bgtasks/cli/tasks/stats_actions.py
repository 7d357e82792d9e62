"""``stats`` and ``processes``. Needs the extra ``cli``."""

import argparse
from collections.abc import Iterator, Sequence
from datetime import datetime

from bgtasks.cli.tasks.opening import Opening
from bgtasks.cli.tasks.screen import Screen, utc_text
from bgtasks.cli.tasks.table import Column, Styled
from bgtasks.models import ProcessInfo, Stats

__all__ = ["carry_out"]

_COLUMNS = tuple(
    map(Column, ("HOST", "PID", "STATE", "RUNNING", "RELEASE", "LAG", "MEMORY", "SEEN"))
)


async def carry_out(tasks: Opening, options: argparse.Namespace) -> bool:
    """Do what ``options`` ask for; returns whether all of it succeeded."""
    screen = Screen()
    async with tasks as client:
        if options.command == "stats":
            _show_stats(screen, await client.stats(), options.json)
        else:
            _show_processes(screen, await client.processes(), options.json)
    return True


def _show_stats(screen: Screen, stats: Stats, as_json: bool) -> None:
    """As lines with tabs between a name and its value, and one for each thing that needs
    attention."""
    if as_json:
        screen.json(screen.data_of(stats))
        return
    for name, value in _values(stats):
        screen.columns(name, value)
    for item in stats.attention:
        screen.columns(f"! {item.kind}", item.text, _since(item.since))


def _values(stats: Stats) -> Iterator[tuple[str, str]]:
    yield "waiting", str(stats.waiting)
    if (oldest := stats.oldest_waiting) is not None:
        yield "oldest", f"{oldest.type} {oldest.id} {_since(oldest.since)}"
    yield "scheduled", str(stats.scheduled)
    yield "retrying", str(stats.retrying)
    if stats.next_scheduled_at is not None:
        yield "next", utc_text(stats.next_scheduled_at)
    yield "running", f"{stats.running} of {stats.places}"
    for name in ("cancelling", "completed", "failed", "cancelled"):
        yield name, str(getattr(stats, name))
    yield "processes", f"{stats.processes.alive} alive, {stats.processes.lost} lost"


def _since(at: datetime | None) -> str:
    return "" if at is None else f"since {utc_text(at)}"


def _show_processes(screen: Screen, processes: Sequence[ProcessInfo], as_json: bool) -> None:
    """As a table on a terminal, elsewhere as one line a process with tabs between."""
    if as_json:
        for process in processes:
            screen.json(screen.process(process))
    elif not screen.is_terminal:
        for process in processes:
            screen.columns(*_row(process))
    else:
        styled = (
            [Styled(value, "" if process.alive else "bold red") for value in _row(process)]
            for process in processes
        )
        screen.table(_COLUMNS, styled)


def _row(process: ProcessInfo) -> tuple[str, ...]:
    lag, memory = process.loop_lag_ms, process.rss_bytes
    return (
        process.host,
        str(process.pid),
        "alive" if process.alive else "lost",
        f"{process.running} of {process.max_concurrency}" if process.runs_tasks else "-",
        process.release,
        "" if lag is None else f"{lag:.0f} ms",
        "" if memory is None else f"{memory / 2**20:.0f} MiB",
        utc_text(process.seen_at),
    )
