"""What happens to a task, and how its attempts end.

Events clean their texts when they are made, so that no text reaches a record uncleaned.
"""

from datetime import datetime, timedelta

from attrs import field, frozen

from bgtasks.core.attempts import FAILED
from bgtasks.core.record import TaskRecord
from bgtasks.core.text import MAX_MESSAGE, MAX_NAME, clean, clean_message, cut_traceback

__all__ = [
    "CancelRequested",
    "Cancelled",
    "Claimed",
    "Completed",
    "Ended",
    "Event",
    "Failed",
    "Held",
    "Interrupted",
    "NotBegun",
    "Outcome",
    "Released",
    "Replaced",
    "Report",
    "Reported",
    "RetryRequested",
    "TurnCame",
    "TypeUnknown",
    "VersionUnknown",
]


def _clean(text: str) -> str:
    return clean(text, MAX_MESSAGE)


def _clean_name(text: str) -> str:
    return clean(text, MAX_NAME)


def _clean_traceback(text: str | None) -> str | None:
    return None if text is None else cut_traceback(text)


@frozen
class Report:
    """The newest values that the worker has reported; ``payload`` is JSON text."""

    progress: float
    status_message: str | None = field(converter=clean_message)
    error_message: str | None = field(converter=clean_message)
    payload: str | None


@frozen
class Completed:
    """The worker returned, or set this status itself. ``result`` is JSON text."""

    result: str | None = None


@frozen
class Failed:
    """The worker raised, or set this status itself.

    ``retry_after`` is how long to wait before the next attempt; ``None``: there is none.
    ``kind`` goes into the history of attempts: ``"failed"`` or ``"timed out"``. ``error_type`` is
    the class of the exception, ``frame`` where it was raised in the host's own code.
    """

    error_message: str = field(converter=_clean)
    traceback: str | None = field(default=None, converter=_clean_traceback)
    retry_after: timedelta | None = None
    kind: str = "failed"
    error_type: str = field(default=FAILED, converter=_clean_name)
    frame: str | None = None


@frozen
class Cancelled:
    """The worker ended because its cancellation had been requested."""


@frozen
class Interrupted:
    """A stop or a crash interrupted the attempt. ``by`` says which, in words.

    ``may_rerun`` and ``max_interruptions`` are the options of the task's type. ``counted`` says
    whether this counts towards ``max_interruptions``: a crash does, an orderly stop does not.
    """

    by: str = field(converter=_clean)
    may_rerun: bool = True
    max_interruptions: int = 3
    counted: bool = True


@frozen
class NotBegun:
    """The attempt ended before its worker began, so the task waits again.

    Nothing was done, so nothing is counted, and a type with ``rerun_interrupted=False`` waits
    again too. ``why`` gives the reason in words.
    """

    why: str = field(converter=_clean)


Outcome = Completed | Failed | Cancelled | Interrupted | NotBegun
"""How an attempt ended."""


@frozen
class Claimed:
    """An attempt begins, in the process of this name."""

    process: str | None = None


@frozen
class Reported:
    """The running attempt has something new to show."""

    attempt: int
    report: Report


@frozen
class Ended:
    """The attempt is over; ``report`` is its worker's last report, if there was one."""

    attempt: int
    outcome: Outcome
    report: Report | None = None


@frozen
class CancelRequested:
    """Somebody requests cancellation of the task."""


@frozen
class RetryRequested:
    """Somebody requests another run of a failed or cancelled task."""


@frozen
class Replaced:
    """A task with the same key was submitted, to be done in place of this waiting one."""

    by: TaskRecord


@frozen
class TurnCame:
    """The task that this one waits behind has ended; nothing may start before ``key_until``."""

    key_until: datetime | None


@frozen
class TypeUnknown:
    """No worker is registered here for this waiting task; its status message says so."""


@frozen
class Held:
    """As many tasks of the task's key have their turn as may: it waits for its own."""


@frozen
class Released:
    """A task that was held may start."""


@frozen
class VersionUnknown:
    """The version of this waiting task is not known here; ``why`` says so in words."""

    why: str = field(converter=_clean)


Event = (
    Claimed
    | Reported
    | Ended
    | CancelRequested
    | RetryRequested
    | Replaced
    | TurnCame
    | TypeUnknown
    | VersionUnknown
    | Held
    | Released
)
