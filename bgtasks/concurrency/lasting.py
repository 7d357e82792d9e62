"""Loops that serve everybody: they outlive the errors of one client, handler or record."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bgtasks.clock import Clock, sleep
from bgtasks.core.text import class_name
from bgtasks.logs import log_safely

__all__ = ["LastingLoop", "ends_this_task"]

logger: logging.Logger = logging.getLogger(__name__)

LONGEST_PAUSE = 5.0
"""Seconds between two rounds of a loop whose rounds keep failing."""


def ends_this_task(error: BaseException) -> bool:
    """Whether ``error`` is meant for the running asyncio task, and has to be raised again.

    That is so for Ctrl-C, for a cancel of this task, and when its coroutine is closed. Any other
    error came from code that the task called: a ``CancelledError`` that a policy or a handler
    raised by itself does not cancel the task that called it.
    """
    kind = type(error)  # not isinstance, which reads __class__: that can raise
    if issubclass(kind, KeyboardInterrupt):
        return True
    if not issubclass(kind, asyncio.CancelledError | GeneratorExit):
        return False
    task = _running_task()
    if issubclass(kind, GeneratorExit):
        return task is None
    return task is None or task.cancelling() > 0


class LastingLoop:
    """Runs ``one_round`` again and again, from ``start`` to ``stop``.

    A round waits for its work, does the work, and returns. An error is logged, and the next
    round follows after a pause: ``pause`` seconds at first, twice as long after each further
    failure, at most five seconds. ``name`` says in words what the loop does. A stop cancels the
    round, and abandons one that still runs after ``stop_within`` seconds.
    """

    def __init__(
        self,
        name: str,
        one_round: Callable[[], Awaitable[object]],
        clock: Clock,
        *,
        pause: float = 0.2,
        stop_within: float = 10.0,
    ) -> None:
        self._name = name
        self._one_round = one_round
        self._clock = clock
        self._pause = pause
        self._stop_within = stop_within
        self._failures = 0
        self._error: BaseException | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def trouble(self) -> str | None:
        """What is wrong with the loop, in words; ``None`` while its rounds succeed."""
        if self._task is not None and self._task.done():
            return f"{self._name}: the loop has ended; restart the process"
        if self._error is not None:
            return (
                f"{self._name}: failed {self._failures} times in a row ({class_name(self._error)})"
            )
        return None

    def start(self) -> None:
        """Start the rounds; harmless while they run."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        """End the running round and the loop. Harmless when repeated; never raises."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            # By the event loop's time: with a test's FakeClock the stop would never end.
            _, pending = await asyncio.wait([task], timeout=self._stop_within)
            if pending:
                logger.error("%s: did not end within %g seconds", self._name, self._stop_within)
            elif not task.cancelled() and (error := task.exception()) is not None:
                log_safely(
                    logger, logging.ERROR, "%s: ended with an error", self._name, error=error
                )

    async def _run(self) -> None:
        while True:
            try:
                await self._one_round()
            except BaseException as error:
                if ends_this_task(error):
                    raise
                await self._failed(error)
            else:
                self._failures, self._error = 0, None

    async def _failed(self, error: BaseException) -> None:
        self._failures, self._error = self._failures + 1, error
        log_safely(logger, logging.ERROR, "%s: failed, goes on", self._name, error=error)
        await sleep(self._clock, min(self._pause * 2 ** min(self._failures - 1, 10), LONGEST_PAUSE))


def _running_task() -> asyncio.Task[object] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # no event loop runs: the coroutine is being thrown away
        return None
