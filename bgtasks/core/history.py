"""What happened in a span of time, by points: which ones, and what each of them says."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import frozen

from bgtasks.core.durations import to_seconds
from bgtasks.core.flows import COARSE, FINE_FOR, Flow, Flows, milliseconds_of, minute_of, time_of
from bgtasks.core.text import shown
from bgtasks.errors import QueryError
from bgtasks.models import History, HistoryPoint, Percentiles

__all__ = ["MAX_POINTS", "RUNS", "Window", "fine_since", "history_of", "percentiles", "window_of"]

MAX_POINTS = 200
"""The most points in a history."""

LONGEST = timedelta(days=400)
"""The longest span of time that a history may have."""

USUAL = timedelta(hours=24)
"""How much is told of where nothing else is asked for."""

STEPS = (
    *(1, 2, 5, 10, 15, 30),
    *(60 * hours for hours in (1, 2, 3, 6, 12)),
    *(1440 * days for days in (1, 2, 4, 8)),
)
"""Minutes between two points, where nobody says how many."""

RUNS = (Flow.COMPLETED, Flow.FAILED, Flow.STOPPED, Flow.TRIED_AGAIN)
"""Attempts that have ended by themselves, whose time counts."""


_ByFlow = dict[int, dict[int, int]]
"""How many there were, by flow and bucket."""


@frozen
class Window:
    """So many ``points`` of ``step`` minutes, from the minute ``first`` on."""

    first: int
    step: int
    points: int


def window_of(start: object, end: object, step: object, now: datetime) -> Window:
    """The points that are asked for. Raises QueryError for times and steps that are none, and
    where they would be too many."""
    last = now if end is None else _time("to", end)
    first = last - USUAL if start is None else _time("from", start)
    if not timedelta(0) < last - first <= LONGEST:
        raise QueryError(
            f"from {first.isoformat()} to {last.isoformat()} is no span of time; accepted: a "
            f"start before its end, at most {LONGEST.days} days apart"
        )
    if not abs(last - now) <= LONGEST * 2:
        raise QueryError(f"to is {last.isoformat()}; accepted: at most 800 days from now")
    is_old = minute_of(first) < fine_since(now)
    minutes = _auto(first, last, is_old) if step in (None, "auto") else _step(step, is_old)
    points = _points(first, last, minutes)
    if points > MAX_POINTS:
        raise QueryError(
            f"step is {shown(step)}: these would be {points} points; accepted: at most "
            f"{MAX_POINTS}, by a step of {_auto(first, last, is_old) * 60} seconds, or auto"
        )
    return Window(minute_of(first) // minutes * minutes, minutes, points)


def fine_since(now: datetime) -> int:
    """The minute since which minutes are kept; of what was before, hours are."""
    return minute_of(now - FINE_FOR) // COARSE * COARSE


def history_of(window: Window, flows: Flows, now: datetime) -> History:
    """What the points of ``window`` say, by what a store has counted."""
    by_point: list[_ByFlow] = [defaultdict(dict) for _ in range(window.points + 1)]
    for (point, flow, bucket), number in flows.numbers.items():
        by_point[point][flow][bucket] = number
    sums = [{flow: sum(found.values()) for flow, found in point.items()} for point in by_point]
    waiting, running = flows.waiting, flows.running
    points: list[HistoryPoint] = []
    for place in range(window.points - 1, -1, -1):
        to_waiting, to_running = _moved(sums[place + 1])
        waiting, running = waiting - to_waiting, running - to_running
        at = time_of(window.first + place * window.step)
        ends = at + timedelta(minutes=window.step)
        is_known = ends > flows.known_since and at <= now
        levels = {"waiting": max(0, waiting), "running": max(0, running)}
        points.append(
            _point(at, by_point[place], sums[place], levels) if is_known else HistoryPoint(at=at)
        )
    return History(window.step * 60, flows.known_since, tuple(reversed(points)))


def percentiles(
    numbers: Mapping[tuple[int, int], int], flows: Iterable[Flow]
) -> Percentiles | None:
    """Of the times in the buckets of some flows; ``None`` where there are none."""
    by_flow: _ByFlow = defaultdict(dict)
    for (flow, bucket), number in numbers.items():
        by_flow[flow][bucket] = number
    return _percentiles_of(by_flow, flows)


def _percentiles_of(by_flow: _ByFlow, flows: Iterable[Flow]) -> Percentiles | None:
    buckets: Counter[int] = Counter()
    for flow in flows:
        buckets.update(by_flow.get(flow, {}))
    total = sum(buckets.values())
    if total <= 0:
        return None
    ordered = sorted(buckets.items())
    return Percentiles(*(_at_rank(ordered, math.ceil(part * total)) for part in (0.5, 0.95, 0.99)))


def _at_rank(buckets: Sequence[tuple[int, int]], rank: int) -> float:
    seen = 0
    for bucket, number in buckets:
        seen += number
        if seen >= rank:
            return round(milliseconds_of(bucket), 3)
    return round(milliseconds_of(buckets[-1][0]), 3)


def _point(
    at: datetime, by_flow: _ByFlow, flows: Mapping[int, int], levels: Mapping[str, int]
) -> HistoryPoint:
    def number(*kinds: Flow) -> int:
        return sum(flows.get(kind, 0) for kind in kinds)

    return HistoryPoint(
        at=at,
        submitted=number(Flow.SUBMITTED, Flow.BROUGHT_RUNNING, Flow.BROUGHT_ENDED),
        started=number(Flow.STARTED),
        completed=number(Flow.COMPLETED),
        failed=number(Flow.FAILED),
        cancelled=number(Flow.STOPPED, Flow.WITHDRAWN),
        retried=number(Flow.TRIED_AGAIN, Flow.RETRIED),
        wait_ms=_percentiles_of(by_flow, [Flow.STARTED]),
        run_ms=_percentiles_of(by_flow, RUNS),
        **levels,
    )


def _moved(flows: Mapping[int, int]) -> tuple[int, int]:
    """By how much the numbers of waiting and of running tasks have changed."""
    to_waiting = sum(Flow(flow).to_waiting * number for flow, number in flows.items())
    to_running = sum(Flow(flow).to_running * number for flow, number in flows.items())
    return to_waiting, to_running


def _points(first: datetime, last: datetime, step: int) -> int:
    end = last - timedelta(microseconds=1)  # a point that begins at the end is not asked for
    return minute_of(end) // step - minute_of(first) // step + 1


def _auto(first: datetime, last: datetime, is_old: bool) -> int:
    steps = (step for step in STEPS if not (is_old and step % COARSE))
    return next(step for step in steps if _points(first, last, step) <= MAX_POINTS)


def _step(step: Any, is_old: bool) -> int:
    seconds = to_seconds(step)
    if seconds is None or seconds % 60 or not 60 <= seconds <= LONGEST.total_seconds():
        raise QueryError(
            f"step is {shown(step)}; accepted: auto, or seconds that are whole minutes, such as "
            '300 or "5 m"'
        )
    if is_old and seconds % (COARSE * 60):
        raise QueryError(
            f"step is {shown(step)}; accepted: auto, or whole hours: of what is older than "
            f"{FINE_FOR.days * 24} hours, hours are kept"
        )
    return int(seconds) // 60


def _time(name: str, value: object) -> datetime:
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise QueryError(f"{name} is {shown(value)}; accepted: a time with its zone")
    return value.astimezone(UTC)
