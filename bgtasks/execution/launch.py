"""Starting attempts: each in an asyncio task and a context of its own."""

import asyncio
import contextvars
import logging
from collections.abc import Coroutine
from typing import Any

from bgtasks.clock import Clock
from bgtasks.core.events import Ended, Failed, NotBegun
from bgtasks.core.text import describe
from bgtasks.errors import ManagerStateError
from bgtasks.execution.attempt import Attempt
from bgtasks.execution.logged_run import Gone, run_logged
from bgtasks.execution.outcome import TORN_DOWN
from bgtasks.logs import log_fields, log_safely

__all__ = ["check_task_factory", "launch", "never_began"]

logger: logging.Logger = logging.getLogger(__name__)

_probe: contextvars.ContextVar[object] = contextvars.ContextVar("bgtasks.probe", default=None)

ROUNDS = 100
"""Rounds of the event loop within which a task has to take its first step."""


def launch(
    attempt: Attempt, clock: Clock, gone: Gone, context: contextvars.Context
) -> asyncio.Task[Any] | None:
    """Run ``attempt`` in ``context``; its end is told in any case. Returns the asyncio task, which
    the caller must hold until ``gone`` is called with that task; ``None``: there is none. ``gone``
    is to call ``never_began`` for an attempt that has no outcome then."""
    running = run_logged(attempt, clock, gone)
    try:
        task = _new_task(context, running)
    except BaseException as error:
        running.close()
        message = f"no asyncio task could be made for the attempt: {describe(error)}"
        fields = log_fields(attempt.record)
        log_safely(logger, logging.ERROR, message, error=error, extra=fields)
        attempt.finish(Ended(attempt.record.attempt, Failed(message)))
        return None

    if attempt.runner is None:  # else the task factory is eager: it has begun
        attempt.runner = task
    task.add_done_callback(gone)
    return task


def _new_task(
    context: contextvars.Context, coroutine: Coroutine[Any, Any, Any]
) -> asyncio.Task[Any]:
    """A task that works in a copy of ``context``.

    The context is entered rather than handed over: task factories from before Python 3.11 know
    no ``context=``. That of an attempt is no copy of the present one, which would share its
    context-local instances.
    """
    loop = asyncio.get_running_loop()
    task = context.run(loop.create_task, coroutine)
    if not asyncio.isfuture(task):
        raise TypeError(f"the task factory {loop.get_task_factory()!r} returned {task!r:.100}")
    return task


def never_began(attempt: Attempt, task: "asyncio.Task[Any]") -> None:
    """Tell the end of an attempt whose asyncio task ended without one."""
    if task.cancelled():  # before its first step, by the end of the event loop
        attempt.finish(Ended(attempt.record.attempt, NotBegun(TORN_DOWN)))
    else:
        error = task.exception() or RuntimeError("its asyncio task ended without an outcome")
        attempt.finish(Ended(attempt.record.attempt, Failed(describe(error))))


async def check_task_factory() -> None:
    """Raise ManagerStateError if attempts cannot run in the tasks of the running event loop's task
    factory: a task must begin by itself, in its own context."""
    seen: list[object] = []
    context, mark = contextvars.Context(), object()
    context.run(_probe.set, mark)

    async def look() -> None:
        seen.append(_probe.get())

    probe = look()
    try:
        _new_task(context, probe)
        for _ in range(ROUNDS):
            if seen:
                break
            await asyncio.sleep(0)
    except Exception as error:
        problem = describe(error)
    else:
        problem = "a task that it makes does not begin" if not seen else ""
        if seen and seen[0] is not mark:
            problem = "its tasks do not run in the context that they are created in"
    finally:
        probe.close()
    if problem:
        factory = asyncio.get_running_loop().get_task_factory()
        raise ManagerStateError(
            f"background tasks cannot run with the event loop's task factory {factory!r}: "
            f"{problem}. Use one that returns asyncio.Task(coro, loop=loop, **options)"
        )
