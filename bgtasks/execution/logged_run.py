"""One attempt in the log: whose lines are whose, when it started and how it ended."""

import logging

from bgtasks.clock import Clock
from bgtasks.execution.attempt import Attempt
from bgtasks.lifecycle import Ended
from bgtasks.logs import log_fields, task_of_context

__all__ = ["run_logged"]

logger = logging.getLogger(__name__)


async def run_logged(attempt: Attempt, clock: Clock) -> Ended:
    """Carry out ``attempt`` in the present context, whose log lines are the attempt's from here.

    Its start and its end are logged at INFO; where nobody wants to know, that costs nothing.
    """
    record = attempt.record
    task_of_context.set(record)
    if not logger.isEnabledFor(logging.INFO):
        return await attempt.run()
    fields, began = log_fields(record), clock.monotonic()
    logger.info(
        "attempt %d of task %s (%s) starts", record.attempt, record.id, record.type, extra=fields
    )
    ended = await attempt.run()
    logger.info(
        "attempt %d of task %s (%s) ended as %s after %.3f seconds",
        record.attempt,
        record.id,
        record.type,
        type(ended.outcome).__name__,
        clock.monotonic() - began,
        extra=fields,
    )
    return ended
