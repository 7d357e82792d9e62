"""The outcome of an attempt, from the error it raised and the reason it was told to end."""

import asyncio
import enum
from collections.abc import Callable
from datetime import timedelta

from attrs import frozen

from bgtasks.core.events import Cancelled, Completed, Failed, Interrupted, NotBegun, Outcome
from bgtasks.core.text import class_name, describe, traceback_of
from bgtasks.errors import AttemptTimeoutError, TaskCancelled
from bgtasks.execution.own_code import own_frame_of
from bgtasks.registration import Registration

__all__ = ["Ending", "Phase", "StopReason", "failed", "outcome_of"]

TORN_DOWN = "the event loop ended"


class StopReason(enum.Enum):
    """Why a running attempt was told to end."""

    CANCEL = "its cancellation was requested"
    TIMEOUT = "it took longer than its timeout"
    STOP = "the application stopped"


class Phase(enum.Enum):
    """What an attempt is doing."""

    OPENING = "A dependency that was being opened"
    WORKING = "The worker"
    CLOSING = "A dependency that was being closed"


@frozen
class Ending:
    """How an attempt ended, as observed.

    ``error`` was raised in ``phase``. ``reason`` is why the attempt was told to end, and
    ``noticed`` whether it can have ended because of that. ``torn_down``: the event loop is being
    ended without a stop.
    """

    error: BaseException | None
    phase: Phase
    reason: StopReason | None
    noticed: bool
    torn_down: bool


def outcome_of(
    ending: Ending,
    registration: Registration,
    failures: int,
    uniform: Callable[[float, float], float],
) -> Outcome:
    """The outcome of an attempt after ``failures`` failed ones. Never raises: if the end cannot be
    judged, because an exception class of ``retry`` raises when compared, the attempt has failed
    for good."""
    try:
        return _judge(ending, registration, failures, uniform)
    except BaseException as error:
        shown = error if ending.error is None else ending.error
        return failed(shown)


def _judge(
    ending: Ending,
    registration: Registration,
    failures: int,
    uniform: Callable[[float, float], float],
) -> Outcome:
    error = ending.error
    cancelled = isinstance(error, asyncio.CancelledError)
    gave_up = error is None or cancelled or isinstance(error, TaskCancelled)
    match ending.reason if ending.noticed else None:
        case None if error is None:
            return Completed()
        case None if cancelled and ending.torn_down:
            return _cut_off(ending.phase, registration, TORN_DOWN)
        case StopReason.CANCEL if gave_up:
            return Cancelled()
        case StopReason.STOP:
            return _cut_off(ending.phase, registration, StopReason.STOP.value)
        case StopReason.TIMEOUT:
            late = AttemptTimeoutError(_late(ending.phase, registration))
            wait = registration.retry.wait_after(failures + 1, late, uniform)
            return failed(
                late if error is None else error, str(late), wait, "timed out", class_name(late)
            )
        case None if gave_up:
            message = f"{ending.phase.value} was cancelled, but nobody had asked for it"
        case _:
            message = describe(TaskCancelled() if error is None else error)
    error = TaskCancelled(message) if error is None else error
    wait = registration.retry.wait_after(failures + 1, error, uniform)
    return failed(error, message, wait)


def failed(
    error: BaseException,
    message: str | None = None,
    retry_after: timedelta | None = None,
    kind: str = "failed",
    error_type: str | None = None,
) -> Failed:
    """The outcome of an attempt that ended with ``error``, told by ``message`` if there is one."""
    return Failed(
        describe(error) if message is None else message,
        traceback_of(error),
        retry_after,
        kind,
        class_name(error) if error_type is None else error_type,
        own_frame_of(error),
    )


def _cut_off(phase: Phase, registration: Registration, by: str) -> Outcome:
    """An interruption that is not counted: a process that can still say so did not crash."""
    if phase is Phase.OPENING:
        return NotBegun(by)
    may_rerun, limit = registration.rerun_interrupted, registration.max_interruptions
    return Interrupted(by, may_rerun, limit, counted=False)


def _late(phase: Phase, registration: Registration) -> str:
    message = f"The attempt took longer than its timeout of {registration.timeout} seconds"
    match phase:
        case Phase.OPENING:
            return f"{message}: its dependencies were still being opened"
        case Phase.CLOSING:
            return f"{message}: its dependencies were still being closed"
        case Phase.WORKING:
            return message
