"""Deleting tasks whose retention is over."""

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from bgtasks.clock import Clock, Timing, sleep
from bgtasks.concurrency.lasting import LastingLoop, ends_this_task
from bgtasks.errors import BackgroundTasksError

__all__ = ["pruning"]

logger = logging.getLogger(__name__)

BATCH = 500
"""The most tasks deleted in one commit, so that pruning blocks no other write for long."""

Prune = Callable[[timedelta, int], Awaitable[int]]


def pruning(prune: Prune, retention: timedelta, clock: Clock, timing: Timing) -> LastingLoop:
    """A service that drops what became final longer ago than ``retention``, again and again.

    ``prune(age, limit)`` is the backend's, which tells itself where the store is in trouble.
    """

    async def one_round() -> None:
        try:
            while await prune(retention, BATCH) == BATCH:
                pass
        except BaseException as error:
            if ends_this_task(error):
                raise
            expected = isinstance(error, BackgroundTasksError)
            trace = None if expected else error
            logger.error("old tasks could not be dropped: %s", error, exc_info=trace)
        await sleep(clock, timing.prune_every)

    return LastingLoop("dropping old tasks", one_round, clock)
