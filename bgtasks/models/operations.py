"""What an operator asks of the manager: processes, bulk changes."""

from datetime import datetime
from uuid import UUID

from attrs import frozen

__all__ = [
    "BulkResult",
    "Health",
    "ProcessInfo",
]


@frozen(kw_only=True)
class BulkResult:
    """What became of all tasks that fitted a filter: ``done`` were changed, and ``gone`` had moved
    on meanwhile, or could not be changed for another task that holds their key. Together they are
    the ``matched`` ones."""

    matched: int
    done: int
    gone: int


@frozen(kw_only=True)
class Health:
    """``trouble`` says in words what keeps the manager from working, ``None`` if nothing does.

    ``running`` attempts run now, of at most ``max_concurrency``. ``blocked_for`` is for how many
    seconds the event loop has been blocked (0: it is not).
    """

    trouble: str | None
    running: int = 0
    max_concurrency: int = 0
    blocked_for: float = 0.0


@frozen(kw_only=True)
class ProcessInfo:
    """One process that has its manager running. Times are timezone-aware UTC.

    ``id`` is new with each start of a manager. ``runs_tasks`` is false for a process that only
    submits and shows tasks. ``types`` are the task types it runs. ``running`` attempts ran in it at
    ``seen_at``, its last heartbeat, of at most ``max_concurrency``. ``alive`` says whether that
    heartbeat is recent enough. ``release`` is the version of this package. ``loop_lag_ms`` is by
    how many milliseconds its event loop came round late at worst in the ten seconds before
    (``None`` where it runs no tasks), ``rss_bytes`` the memory it held (``None`` where the system
    does not say). ``tasks`` are the ids of up to 100 tasks that ran in it.
    """

    id: UUID
    host: str
    pid: int
    runs_tasks: bool
    types: tuple[str, ...]
    running: int
    max_concurrency: int
    started_at: datetime
    seen_at: datetime
    alive: bool
    release: str = ""
    loop_lag_ms: float | None = None
    rss_bytes: int | None = None
    tasks: tuple[UUID, ...] = ()
