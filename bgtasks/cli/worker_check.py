"""``python -m bgtasks worker --check``: is there a live worker process on this host?"""

import asyncio
import socket
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bgtasks.cli.usage import FAILED, FINE
from bgtasks.clock import Timing
from bgtasks.execution.host_resources import HostResources
from bgtasks.manager import BackgroundTaskManager
from bgtasks.models import ProcessInfo

__all__ = ["check_worker"]


def check_worker(container: Any) -> int:
    """Print one line about the live worker processes of this host; 0 if there is one, else 1.

    The settings of ``container`` must say that it runs no tasks itself. Raises BackendError and
    its kind if the store cannot be used.
    """
    processes = asyncio.run(_processes(container))
    now: datetime = container.clock().now()
    text, code = describe(processes, socket.gethostname(), now)
    sys.stdout.write(f"{text}\n")
    return code


def describe(processes: Sequence[ProcessInfo], host: str, now: datetime) -> tuple[str, int]:
    """A line about the workers on ``host``, and the exit code."""
    workers = [item for item in processes if item.runs_tasks and item.host == host]
    alive = [item for item in workers if item.alive]
    if alive:
        return "; ".join(_described(item, now) for item in alive), FINE
    if workers:
        last = max(workers, key=lambda item: item.seen_at)
        return f"no live worker process on {host}; the last one: {_described(last, now)}", FAILED
    return f"no worker process on {host} is known to the database", FAILED


def _described(process: ProcessInfo, now: datetime) -> str:
    seconds = max(0.0, (now - process.seen_at).total_seconds())
    return (
        f"worker process {process.pid} on {process.host} runs {process.running} of "
        f"{process.max_concurrency} attempts, seen {seconds:.1f} seconds ago"
    )


async def _processes(container: Any) -> Sequence[ProcessInfo]:
    manager: BackgroundTaskManager = container.manager()
    try:
        async with manager:
            return await manager.get_processes()
    finally:
        await HostResources(container, Timing()).close()
