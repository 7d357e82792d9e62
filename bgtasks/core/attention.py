"""What somebody should look at, of how things are."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from types import MappingProxyType

from bgtasks.core.overview import Overview
from bgtasks.models import Attention, BackgroundTaskStatus, ProcessInfo

__all__ = ["MAX_ATTENTION", "needs_attention"]

MAX_ATTENTION = 50
"""The most that is told of at once."""

LONG_WAIT = timedelta(minutes=5)
"""A task that could start and waits for longer needs attention."""

LONG_SILENCE = timedelta(minutes=30)
"""The same for a task that runs and shows nothing new."""

BLOCKED_MS = 1000.0
"""The same for an event loop that came round so late, in milliseconds."""


FAILURES = 5
"""So many failed attempts of a type within a quarter of an hour, at least."""

FAILING = 0.1
"""The part of its attempts that they are, at least."""

UNUSUAL = 3.0
"""How many times as many as in the day before, in proportion."""

Attempts = Mapping[str, tuple[int, int]]
"""How many attempts of each type failed, and how many ended."""


def needs_attention(
    overview: Overview,
    processes: Sequence[ProcessInfo],
    now: datetime,
    lately: Attempts = MappingProxyType({}),
    usually: Attempts = MappingProxyType({}),
) -> tuple[Attention, ...]:
    """What somebody should look at, the worst first. ``lately`` are the attempts of the last
    quarter of an hour, ``usually`` those of the day before."""
    found = (
        *_failing(lately, usually),
        *_lost(processes),
        *_unrun(overview, processes),
        *_blocked(processes),
        *_waiting(overview, now),
        *_silent(overview, now),
        *_paused(overview),
    )
    return tuple(islice(found, MAX_ATTENTION))


def _failing(lately: Attempts, usually: Attempts) -> Iterator[Attention]:
    for name, (failed, ended) in sorted(lately.items()):
        part = failed / max(ended, 1)
        before_failed, before_ended = usually.get(name, (0, 0))
        usual = before_failed / max(before_ended, 1)
        if failed >= FAILURES and part >= FAILING and part >= UNUSUAL * usual:
            yield Attention(
                kind="failing",
                text=f"{part:.0%} of the attempts of {name} fail, usually {usual:.0%}",
                type=name,
                filter={"type": name, "status": "Failed"},
            )


def _lost(processes: Iterable[ProcessInfo]) -> Iterator[Attention]:
    for item in processes:
        if not item.alive:
            text = f"process {item.pid} on {item.host} ended without a word"
            if item.running:
                text += f"; {_tasks(item.running)} ran in it"
            yield Attention(kind="lost", text=text, since=item.seen_at)


def _unrun(overview: Overview, processes: Iterable[ProcessInfo]) -> Iterator[Attention]:
    known = {name for item in processes if item.alive and item.runs_tasks for name in item.types}
    for (name, status), number in sorted(overview.counts.items()):
        if status is BackgroundTaskStatus.PENDING and number and name not in known:
            oldest = overview.oldest.get(name)
            yield Attention(
                kind="unrun",
                text=f"nobody runs {name}: {_tasks(number)} wait{'s' * (number == 1)}",
                type=name,
                since=None if oldest is None else oldest.at,
                filter={"type": name, "status": "Pending"},
            )


def _blocked(processes: Iterable[ProcessInfo]) -> Iterator[Attention]:
    for item in processes:
        if item.alive and item.loop_lag_ms is not None and item.loop_lag_ms >= BLOCKED_MS:
            text = (
                f"the event loop of process {item.pid} on {item.host} came round "
                f"{item.loop_lag_ms / 1000:.1f} seconds late"
            )
            yield Attention(kind="blocked", text=text, since=item.seen_at)


def _waiting(overview: Overview, now: datetime) -> Iterator[Attention]:
    for name, oldest in sorted(overview.oldest.items()):
        if now - oldest.at >= LONG_WAIT and name not in overview.paused:
            text = f"a {name} has waited for {_minutes(now - oldest.at)}"
            yield Attention(
                kind="waiting",
                text=text,
                type=name,
                since=oldest.at,
                filter={"type": name, "view": "waiting"},
            )


def _silent(overview: Overview, now: datetime) -> Iterator[Attention]:
    task = overview.silent
    if task is not None and now - task.at >= LONG_SILENCE:
        yield Attention(
            kind="silent",
            text=f"a {task.type} runs and has shown nothing new for {_minutes(now - task.at)}",
            type=task.type,
            since=task.at,
            filter={"type": task.type, "status": "Running"},
        )


def _paused(overview: Overview) -> Iterator[Attention]:
    for name, pause in sorted(overview.paused.items()):
        because = f": {pause.reason}" if pause.reason else ""
        yield Attention(
            kind="paused",
            text=f"{name} is paused{because}",
            type=name,
            since=pause.at,
            filter={"type": name, "status": "Pending"},
        )


def _tasks(number: int) -> str:
    return "1 task" if number == 1 else f"{number:,} tasks"


def _minutes(time: timedelta) -> str:
    minutes = int(time.total_seconds() // 60)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"
