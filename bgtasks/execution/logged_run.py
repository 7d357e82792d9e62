"""One attempt in the log: its lines, its start and its end."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from bgtasks.clock import Clock
from bgtasks.core.events import Completed, Failed, Outcome
from bgtasks.execution.attempt import Attempt
from bgtasks.execution.log_capture import log_of_context
from bgtasks.logs import log_fields, log_safely, task_of_context

__all__ = ["run_logged"]

logger: logging.Logger = logging.getLogger(__name__)


Gone = Callable[[asyncio.Task[Any]], object]
"""Is called when an attempt's asyncio task has ended, or is about to."""


async def run_logged(attempt: Attempt, clock: Clock, gone: Gone) -> None:
    """Carry out ``attempt`` in the present context, whose log lines are now the attempt's.

    Its start and its end are logged at INFO, which costs nothing if INFO is off. A failure is
    logged with its traceback: as ERROR, or as WARNING if another attempt follows.

    Whatever else goes around every attempt belongs here: inside the attempt's context, and outside
    the scope of its worker.
    """
    record = attempt.record
    task_of_context.set(record)
    if (log := attempt.begin_log()) is not None:
        log_of_context.set(log)
    talks = logger.isEnabledFor(logging.INFO)
    if talks:
        message = "attempt %d of task %s (%s) starts"
        names = record.attempt, record.id, record.type
        log_safely(logger, logging.INFO, message, *names, extra=log_fields(record))
    attempt.finish(await attempt.run())
    outcome = attempt.outcome
    if type(outcome) is not Completed or attempt.error is not None or talks:
        _log_end(attempt, outcome, clock.monotonic() - attempt.began)
    # Said here, it costs no round of the event loop.
    if attempt.runner is not None and attempt.runner.remove_done_callback(gone):
        gone(attempt.runner)


def _log_end(attempt: Attempt, outcome: Outcome | None, seconds: float) -> None:
    record, error = attempt.record, attempt.error
    message = "attempt %d of task %s (%s) ended as %s after %.3f seconds"
    names: list[object] = [record.attempt, record.id, record.type, type(outcome).__name__, seconds]
    level, shown = logging.INFO, None
    if isinstance(outcome, Failed):
        level, shown = logging.ERROR, error
        message += ": %s"
        names.append(outcome.error_message)
        if outcome.retry_after is not None:
            level = logging.WARNING
            message += "; the next attempt follows in %.1f seconds"
            names.append(outcome.retry_after.total_seconds())
    if attempt.has_decided and error is not None:
        level, shown = max(level, logging.WARNING), error
        message += "; its worker had declared that itself, what it raised later changes nothing"
    log_safely(logger, level, message, *names, error=shown, extra=log_fields(record))
