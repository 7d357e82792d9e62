"""Deleting tasks whose retention is over."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from attrs import evolve

from bgtasks.backends.base import Backend
from bgtasks.clock import Clock, Timing, sleep
from bgtasks.concurrency.lasting import LastingLoop, ends_this_task
from bgtasks.core.retention import PruneRule
from bgtasks.errors import BackgroundTasksError

__all__ = ["pruning"]

logger: logging.Logger = logging.getLogger(__name__)

BATCH = 500
"""The most tasks deleted in one commit, so that pruning blocks no other write for long."""

OVERLAP = timedelta(hours=1)
"""How far back what was looked at is looked at again: ends are dated before they are committed."""

ALL_EVERY = 86_400.0
"""Seconds after which everything is looked at again: a task may have been kept for its key, which
it held for longer than it was to be kept itself."""


def pruning(
    backend: Backend, rules: Sequence[PruneRule], clock: Clock, timing: Timing
) -> LastingLoop:
    """A service that drops what has been kept long enough, again and again.

    The backend tells itself where the store is in trouble. Where types have rules of their own, a
    round looks only at what has become old enough since the one before, and once a day at all.
    """
    looked_until: dict[PruneRule, datetime] = {}
    looked_at_all = clock.monotonic()

    async def drop(rule: PruneRule) -> None:
        until = backend.now() - rule.age - OVERLAP
        asked = evolve(rule, since=looked_until.get(rule)) if rule.kinds else rule
        while await backend.prune(asked, BATCH) == BATCH:
            pass
        looked_until[rule] = until

    async def one_round() -> None:
        nonlocal looked_at_all
        if clock.monotonic() - looked_at_all >= ALL_EVERY:
            looked_until.clear()
            looked_at_all = clock.monotonic()
        try:
            for rule in rules:
                await drop(rule)
        except BaseException as error:
            if ends_this_task(error):
                raise
            expected = isinstance(error, BackgroundTasksError)
            trace = None if expected else error
            logger.error("old tasks could not be dropped: %s", error, exc_info=trace)
        await sleep(clock, timing.prune_every)

    return LastingLoop("dropping old tasks", one_round, clock)
