"""One measurement: hand in tasks, start workers, and see when the tasks ran.

The same for everyone: all tasks are handed in before the first worker process is started; the
time goes from the start of the first task to the end of the last one, so that neither the workers'
start nor the enqueueing counts. A worker's first batch is claimed before the time begins, and
whatever it does after the last task has ended is not in it either.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from distributed.stamps import FOLDER, Seen, seen
from measuring import QUICK

CONCURRENCY = 100
SLEEP = 0.05
SLEEPING_TASKS = 2_000

IDLE_TASKS = 30 if QUICK else 100
IDLE_PAUSE = 0.05
IDLE_WARM_UP = 10

PATIENCE = 120.0
"""Seconds without a task that ends, after which something is wrong."""

POSTGRES = os.environ.get("BENCHMARK_POSTGRES", "")
VALKEY = os.environ.get("BENCHMARK_VALKEY", "")


def this_script(*arguments: str) -> list[str]:
    """The command of a worker that is the same file as the measurement."""
    return [sys.executable, str(Path(sys.argv[0]).resolve()), *arguments]


@dataclass(frozen=True)
class Workers:
    """Worker processes, and the folder of their stamps."""

    folder: Path
    processes: "list[subprocess.Popen[bytes]]"

    async def seen(self) -> Seen:
        """What they have run until now."""
        for process in self.processes:
            if process.poll() is not None:
                message = f"a worker ended by itself with {process.returncode}"
                raise RuntimeError(message)
        return await asyncio.to_thread(seen, self.folder)


@contextmanager
def workers(command: Sequence[str], count: int = 1) -> Iterator[Workers]:
    """Start worker processes; they are told to stop at the end, and killed if they don't."""
    folder = Path(tempfile.mkdtemp(prefix="stamps-"))
    variables = {**os.environ, FOLDER: str(folder)}
    started = [
        subprocess.Popen(command, env=variables, stdin=subprocess.DEVNULL, stdout=sys.stderr)
        for _ in range(count)
    ]
    try:
        yield Workers(folder, started)
    finally:
        for process in started:
            process.terminate()
        for process in started:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


async def run_all(command: Sequence[str], tasks: int, *, processes: int = 1) -> Seen:
    """Let workers run ``tasks`` that were handed in; what was seen."""
    with workers(command, processes) as running:
        return await until_ended(running, tasks)


async def until_ended(running: Workers, tasks: int) -> Seen:
    """Wait until so many tasks have ended."""
    before, since = Seen(), time.monotonic()
    while True:
        await asyncio.sleep(0.02)
        now = await running.seen()
        if now.ended >= tasks:
            if now.ended > tasks:
                message = f"{now.ended} tasks were run, {tasks} were handed in"
                raise RuntimeError(message)
            return now
        if now != before:
            before, since = now, time.monotonic()
        elif time.monotonic() - since > PATIENCE:
            message = f"only {now.ended} of {tasks} tasks were run"
            raise RuntimeError(message)


async def idle_start_ms(
    command: Sequence[str], enqueue_one: Callable[[], Awaitable[object]]
) -> list[float]:
    """From before a task is handed in to its start, in ms, by a worker that has nothing to do."""
    waits = []
    with workers(command) as running:
        for number in range(IDLE_WARM_UP + IDLE_TASKS):
            await asyncio.sleep(IDLE_PAUSE)
            called = time.monotonic()
            await enqueue_one()
            await asyncio.sleep(IDLE_PAUSE)
            now = await until_ended(running, number + 1)
            waits.append((now.last_start - called) * 1000)
    return waits[IDLE_WARM_UP:]


def median(values: Sequence[float]) -> float:
    """The one in the middle."""
    return statistics.median(values)
