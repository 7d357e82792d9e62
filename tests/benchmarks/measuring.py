"""What the measurements share: 100 callers, percentiles, and one line of JSON as the answer."""

import asyncio
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

CALLERS = 100
BULK = 1_000

QUICK = "--quick" in sys.argv[1:]
"""A tenth of the work: to see whether everything runs, not to quote from."""

CHECKOUT = Path(__file__).resolve().parents[2]
"""The source tree that is measured."""


def scaled(count: int) -> int:
    """``count``, or a tenth of it in a quick run, but at least one for each caller."""
    return max(count // 10, CALLERS) if QUICK else count


def new_database() -> Path:
    """The name of a database file that doesn't exist yet, in a new folder.

    The folder is on the same disk for everyone who is measured; whoever runs this removes it.
    """
    return Path(tempfile.mkdtemp(prefix="bgtasks-benchmark-")) / "benchmark.db"


async def rate_of(run_one: Callable[[], Awaitable[object]], tasks: int) -> float:
    """Tasks per second when 100 callers run ``tasks`` in all, each waiting for its own."""

    async def caller() -> None:
        for _ in range(tasks // CALLERS):
            await run_one()

    started = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return tasks // CALLERS * CALLERS / (time.perf_counter() - started)


async def bulk_rate(run_many: Callable[[int], Awaitable[object]], tasks: int) -> float:
    """Tasks per second when one caller hands in ``tasks`` in all, 1,000 at a time."""
    sizes = [min(BULK, tasks - begun) for begun in range(0, tasks, BULK)]
    await run_many(BULK)
    started = time.perf_counter()
    for size in sizes:
        await run_many(size)
    return tasks / (time.perf_counter() - started)


def rate_in_threads(run_one: Callable[[], object], tasks: int) -> float:
    """The same, where the callers are 100 threads."""

    def caller() -> None:
        for _ in range(tasks // CALLERS):
            run_one()

    threads = [threading.Thread(target=caller) for _ in range(CALLERS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tasks // CALLERS * CALLERS / (time.perf_counter() - started)


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that ``percent`` of the values don't exceed."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)]


COUNTED: dict[str, dict[str, Any]] = {
    "all": {},
    "status": {"status": "Failed"},
    "owner": {"owner": "ada"},
}
"""What is counted of finished tasks."""


async def compare_counts(few: Any, many: Any) -> dict[str, float]:
    """Median milliseconds of counts by managers on few and on many tasks, asked by turns."""
    figures: dict[str, float] = {}
    for name, which in COUNTED.items():
        for size, manager in (("few", few), ("many", many)):
            taken = []
            for _ in range(20):
                started = time.perf_counter()
                counts = await manager.count_tasks(**which)
                taken.append((time.perf_counter() - started) * 1000)
            assert sum(counts.values()) > 0
            figures[f"count_{name}_{size}_ms"] = statistics.median(taken)
    return figures


async def compare_submitting(few: Any, many: Any, task_type: Any) -> dict[str, float]:
    """Tasks per second, each with a key, that managers on few and on many tasks take by turns."""
    keys = count()
    rates: dict[str, list[float]] = {"few": [], "many": []}
    for _ in range(4):  # the first warms up
        for size, manager in (("few", few), ("many", many)):
            run_one = lambda: manager.run_task(task_type(), key=f"key {next(keys)}")  # noqa: E731, B023
            rates[size].append(await rate_of(run_one, scaled(3_000)))
    return {f"submit_{size}": max(found[1:]) for size, found in rates.items()}


def answer(**figures: Any) -> None:
    """Print the figures as the one line that the driver reads."""
    print(json.dumps(figures), flush=True)
