"""How a type of tasks is: paused or not, and what waits and runs of it."""

from datetime import datetime
from typing import Any, NamedTuple

from attrs import field, frozen

from bgtasks.core.limits import Rate
from bgtasks.core.text import MAX_MESSAGE, clean, shown
from bgtasks.errors import SettingsError
from bgtasks.models import Percentiles

__all__ = ["TypeInfo", "TypeOptions", "TypeRecord", "checked_reason"]

MAX_REASON = min(MAX_MESSAGE, 1_000)


class TypeRecord(NamedTuple):
    """What the store knows of one type."""

    name: str
    paused_at: datetime | None = None
    pause_reason: str | None = None
    waiting: int = 0
    running: int = 0


@frozen(kw_only=True)
class TypeOptions:
    """What a type is registered with, as far as it concerns an operator. ``per_key`` is how many of
    one key run at once, ``retry`` how many attempts a task has, ``timeout`` is in seconds."""

    max_concurrency: int | None
    rate: Rate | None
    per_key: int | None
    retry: int
    timeout: float | None
    cancellation: str
    rerun_interrupted: bool
    unique: bool
    version: int


@frozen
class TypeInfo:
    """A type of tasks as it is now.

    ``paused_at`` and ``pause_reason`` say since when (timezone-aware UTC) and why nothing of it
    is started, ``None`` where it is not paused. ``waiting`` and ``running`` count its tasks that
    are ``Pending`` and ``Running``. ``max_concurrency`` and ``rate`` are the options it is
    registered with in this process; ``None`` for one that is not.

    ``get_types`` tells more, which does not count where two are compared. ``registered`` says
    whether a process that lives has the type, ``processes`` how many that run tasks do, and
    ``options`` what it is registered with here. ``oldest_waiting_since`` is since when the task
    waits that could have started longest ago. Of the last hour are ``per_minute``, how many of its
    tasks ended each minute, ``failure_rate``, which part of its attempts failed (0 to 1), and how
    long they had waited and ran; ``None`` where none did.
    """

    name: str
    paused_at: datetime | None
    pause_reason: str | None
    waiting: int
    running: int
    max_concurrency: int | None
    rate: Rate | None
    registered: bool = field(default=True, kw_only=True, eq=False)
    options: TypeOptions | None = field(default=None, kw_only=True, eq=False)
    processes: int | None = field(default=None, kw_only=True, eq=False)
    oldest_waiting_since: datetime | None = field(default=None, kw_only=True, eq=False)
    per_minute: float | None = field(default=None, kw_only=True, eq=False)
    failure_rate: float | None = field(default=None, kw_only=True, eq=False)
    wait_ms: Percentiles | None = field(default=None, kw_only=True, eq=False)
    run_ms: Percentiles | None = field(default=None, kw_only=True, eq=False)


def checked_reason(reason: Any) -> str | None:
    """Why a type is paused, as it is stored. Raises SettingsError for what is no text."""
    if reason is None:
        return None
    if not isinstance(reason, str) or len(reason) > MAX_REASON:
        raise SettingsError(
            f"reason is {shown(reason)}; accepted: a text of at most {MAX_REASON:,} characters, "
            "or None"
        )
    return clean(reason, MAX_REASON) or None
