"""A process that does nothing but run tasks."""

import asyncio
import contextlib
import gc
import logging
import os
from collections.abc import AsyncIterator, Coroutine
from typing import TYPE_CHECKING, Any

from bgtasks.cli.exit_deadline import ExitDeadline
from bgtasks.cli.stop_signals import StopSignals
from bgtasks.cli.usage import FAILED, FINE
from bgtasks.clock import Timing
from bgtasks.execution.host_resources import HostResources
from bgtasks.manager import BackgroundTaskManager

if TYPE_CHECKING:
    from bgtasks.cli.worker_health import HealthServer

__all__ = ["END_WITHIN", "collect_garbage_less_often", "run_worker_process"]

logger: logging.Logger = logging.getLogger(__name__)

END_WITHIN = 5.0
"""Seconds that threads which workers left running may keep the process after its stop."""


def run_worker_process(container: Any, health: "HealthServer | None" = None) -> int:
    """Run the tasks of a BackgroundTasksContainer until SIGTERM or SIGINT. Returns the exit code:
    0 after a requested stop, 1 if tasks are no longer run for another reason, or a resource of
    the application could not be closed.

    ``health`` is started and stopped along with it. Raises BackendError and its kind if the store
    cannot be used. To be called in the main thread.
    """
    manager: BackgroundTaskManager = container.manager()
    deadlines: list[ExitDeadline] = []

    async def run(signals: StopSignals) -> int:
        signals.attach(manager.hurry)
        code = FAILED
        try:
            async with _serving_health(health), _shut_down_at_end(container):
                code = await _run(manager, signals.stop_asked)
            return code
        finally:
            # From here on `asyncio.run` waits for threads.
            deadlines.append(ExitDeadline(END_WITHIN, code))

    with StopSignals() as signals:
        try:
            return asyncio.run(run(signals))
        finally:
            for deadline in deadlines:
                deadline.call_off()


async def _run(manager: BackgroundTaskManager, stop_asked: asyncio.Event) -> int:
    try:
        if await _finishes(manager.start(), stop_asked):
            logger.info("worker process %d runs tasks", os.getpid())
            collect_garbage_less_often()
            await _finishes(manager.wait_served(), stop_asked)
    finally:
        logger.info("worker process %d stops", os.getpid())
        await manager.stop()
    return FINE if stop_asked.is_set() else FAILED


def collect_garbage_less_often() -> None:
    """Objects that the application has loaded stay for good and are not scanned again and again.
    Short-lived objects, of which each attempt makes some hundred, are scanned in larger lots.
    This process is ours to tune, unlike a web process. https://docs.python.org/3/library/gc.html
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


async def _finishes(work: Coroutine[Any, Any, None], unless: asyncio.Event) -> bool:
    """Whether ``work`` came to its end; raises its error. ``work`` is cancelled as soon as
    ``unless`` is set."""
    tasks = [asyncio.ensure_future(work), asyncio.ensure_future(unless.wait())]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    if tasks[0].cancelled():
        return False
    tasks[0].result()
    return True


@contextlib.asynccontextmanager
async def _serving_health(health: "HealthServer | None") -> AsyncIterator[None]:
    if health is None:
        yield
        return
    health.start()
    try:
        yield
    finally:
        await health.stop()


@contextlib.asynccontextmanager
async def _shut_down_at_end(container: Any) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await HostResources(container, Timing()).close()
