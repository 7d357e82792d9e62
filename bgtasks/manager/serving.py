"""Running tasks here: from the first claim to the end of the last attempt."""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial

from bgtasks.backends.base import Backend
from bgtasks.clock import Clock, Timing, wait_done
from bgtasks.concurrency.services import take_steps
from bgtasks.core.record import TaskRecord
from bgtasks.core.text import describe
from bgtasks.execution.executor import Executor
from bgtasks.logs import log_safely

__all__ = ["Serving", "say_what_is_waited_for"]

logger: logging.Logger = logging.getLogger(__name__)

NAMED = 5
"""The most tasks that a stop names while it waits for them."""


class Serving:
    """A service: has the backend claim tasks and the executor carry them out. Its stop gives
    running workers ``grace`` seconds."""

    def __init__(
        self, backend: Backend, executor: Executor, clock: Clock, timing: Timing, grace: float
    ) -> None:
        self._backend = backend
        self._executor = executor
        self._clock = clock
        self._patience = timing.serving_grace
        self._grace = grace
        self._task: asyncio.Task[None] | None = None

    @property
    def trouble(self) -> str | None:
        """What keeps tasks from being run here, in words (any thread)."""
        if self._task is not None and self._task.done():
            return "background tasks are not run any more: see the log"
        return None

    @property
    def is_torn_down(self) -> bool:
        """Whether the event loop ends without a stop: whatever ends it has cancelled this task."""
        return self._task is not None and self._task.cancelling() > 0

    def start(self) -> None:
        """Begin to claim."""
        if self._task is None:
            self._task = asyncio.create_task(self._backend.serve(self._executor))
            self._task.add_done_callback(_log_failure)

    async def stop(self) -> None:
        """Claim nothing more; wait for what runs, then tell it to end."""
        drain = partial(self._executor.drain, self._grace)
        await take_steps([self._backend.stop_serving, drain, self._wait])

    async def served(self) -> None:
        """Wait until tasks are no longer run here; raises the error that ended it."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def _wait(self) -> None:
        if self._task is None or await wait_done([self._task], self._clock, self._patience):
            return
        logger.error("the backend did not cease to serve within %g seconds", self._patience)
        self._task.cancel()


def say_what_is_waited_for(tasks: Sequence[TaskRecord], grace: float) -> None:
    """Log which running tasks get ``grace`` seconds to end, if there are any.

    At WARNING, which is shown also where nobody has set logging up.
    """
    if not tasks:
        return
    what = "1 running task" if len(tasks) == 1 else f"{len(tasks)} running tasks"
    names = ", ".join(f"{task.type} {task.id}" for task in tasks[:NAMED])
    if len(tasks) > NAMED:
        names += f" and {len(tasks) - NAMED} more"
    if grace > 0:
        message = "waiting up to %g s (stop_grace) for %s: %s; press Ctrl-C again to stop now"
        logger.warning(message, grace, what, names)
    else:
        logger.warning("telling %s to end: %s", what, names)


def _log_failure(task: "asyncio.Task[None]") -> None:
    message = "background tasks are not run any more: %s"
    if task.cancelled():
        reason = "what runs them was cancelled from outside, or the event loop ended without a stop"
        log_safely(logger, logging.ERROR, message, reason)
    elif (error := task.exception()) is not None:
        log_safely(logger, logging.CRITICAL, message, describe(error), error=error)
