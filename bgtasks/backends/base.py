"""The contract between the manager and whatever keeps the tasks.

A backend owns three things: where tasks live, who is given an attempt, and how changes travel
between processes. The order of a task's life is not its business: every change it writes comes
from :func:`bgtasks.core.lifecycle.decide`, and is written only where the stored task is still the
one it was decided on (same ``id``, ``attempt``, ``status`` and ``revision``).

``tests/contract`` holds one suite that runs over every backend. A backend that passes is one.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from bgtasks.backends.log_store import LogHandler
from bgtasks.backends.schedule_store import ScheduleHandler, ScheduleStore
from bgtasks.core.events import Ended, Reported
from bgtasks.core.facets import FacetQuery
from bgtasks.core.flows import Flows
from bgtasks.core.log_chunks import NewLines, StoredLog
from bgtasks.core.overview import Overview, Vitals
from bgtasks.core.record import Counts, OwnerCounts, TaskPage, TaskQuery, TaskRecord
from bgtasks.core.retention import PruneRule
from bgtasks.core.task_log import Logs
from bgtasks.core.task_types import TypeRecord
from bgtasks.models import Attempt, FailureFacet, FailureGroup, ProcessInfo

__all__ = ["AttemptRunner", "Backend", "ChangeHandler", "TypeHandler"]

ChangeHandler = Callable[[TaskRecord], None]
TypeHandler = Callable[[TypeRecord], None]


class AttemptRunner(Protocol):
    """Who carries out what a backend has claimed."""

    def start(self, record: TaskRecord, over: Callable[[Ended], None]) -> None:
        """Begin the attempt ``record.attempt``; ``over`` is called once, on the event loop, with
        how it ended, at the earliest from within this call."""

    def cancel(self, task_id: UUID, attempt_number: int) -> None:
        """Tell that attempt that its cancellation was asked for, if it runs here."""


class Backend(ABC):
    """Every method is called on one event loop, the one that ``start`` ran on.

    Where a method raises :class:`~bgtasks.errors.BackendError`, nothing was changed, unless its
    message says that this is not known.
    """

    kind = "custom"
    """What keeps the tasks, in a word: ``"sqlite"``, ``"postgresql"``."""

    vitals: Callable[[], Vitals] = Vitals
    """Says how this process is, for the others to see. Whoever knows it sets it before the start;
    it is called on the event loop."""

    shared = False
    """Whether other processes change tasks too, so that an attempt may be given to another."""

    @abstractmethod
    async def start(self) -> None:
        """Open the store, create or check its schema, and take back what a crash left behind.

        Tasks that are ``Running`` with nobody to run them get ``Interrupted`` as their outcome.
        Waiting tasks of types that are not registered here say so in their status message.
        Raises BackendError for a store that cannot be used, BackendBusyError if another process
        owns it, SchemaVersionError for an unknown schema, which is left untouched.
        """

    @abstractmethod
    async def stop(self) -> None:
        """Write what waits to be written and let the store go. ``serve`` must have returned."""

    @abstractmethod
    async def submit(
        self, records: Sequence[TaskRecord], connection: Any = None
    ) -> Mapping[int, TaskRecord]:
        """Keep new tasks, all or none; when this returns they are durable.

        One whose ``held_key`` another task holds is dealt with as its type's ``unique`` says.
        Returns the holders of the keys of those that were not kept, by their places in
        ``records``.

        With the caller's ``connection`` they are part of its transaction: they exist exactly
        when that is committed. Raises DuplicateTaskError if one of the ids is taken, or a key
        whose type refuses that (the caller's transaction can go on), BackendError for a
        connection that cannot be used.
        """

    @abstractmethod
    async def serve(self, runner: AttemptRunner) -> None:
        """Claim tasks that are due and have ``runner`` start them, until ``stop_serving``.

        Claims go by priority (higher first), then by order of acceptance, within
        ``max_concurrency`` of the process and of each type, within the ``rate`` of each type, and
        none of a type that is paused or of a task that is ``held``. A claim is durable before the
        attempt starts, and its place is free again when the attempt has really ended. Returns
        once every attempt that was started has ended and its outcome has been handed to be
        written.
        """

    @abstractmethod
    async def stop_serving(self) -> None:
        """Claim nothing more: when this returns, no further attempt will be started. Harmless
        when repeated and when nothing was started; between ``start`` and ``serve`` it makes that
        ``serve`` return at once.
        """

    @abstractmethod
    def save(self, task_id: UUID, event: Reported | Ended) -> None:
        """Take over what a running attempt reports; returns at once and never raises.

        Of several reports of one task only the newest needs to be written. ``Ended`` is
        written whatever happens: where the store refuses, again and again until the stop.
        """

    @abstractmethod
    def log(self, task_id: UUID, attempt: int, lines: NewLines, logs: Logs) -> None:
        """Take over lines that a running attempt has logged, of a task of which ``logs`` are kept;
        returns at once and never raises.

        They are written before an outcome that is saved later. Where the store does not take them,
        the oldest are dropped and nothing else is concerned.
        """

    @abstractmethod
    async def request_cancel(self, task_id: UUID) -> TaskRecord | None:
        """Cancel a waiting task, or tell the attempt that runs it.

        Returns the task as it is now, as ``find`` gives it without ``payloads``; ``None``: there
        is nothing to cancel.
        """

    @abstractmethod
    async def retry(self, task_id: UUID) -> TaskRecord | None:
        """Make a failed or cancelled task wait again. Returns it as ``request_cancel`` does;
        ``None``: it is neither. Raises TaskStateError if another task holds its key."""

    @abstractmethod
    async def get(self, task_id: UUID) -> TaskRecord | None:
        """The whole task as it was last written."""

    @abstractmethod
    async def find(
        self, task_ids: Sequence[UUID], *, payloads: bool = False
    ) -> Sequence[TaskRecord]:
        """Those of these tasks that there are, in any order, without their ``data``.

        Without ``payloads`` a payload of more than ``SMALL_PAYLOAD`` characters is ``LEFT_OUT``,
        and is not even read.
        """

    @abstractmethod
    async def list(self, query: TaskQuery) -> TaskPage:
        """Tasks, newest accepted first, as ``find`` gives them without ``payloads``.

        The cost of a page grows neither with the number of tasks nor with the size of their data.
        """

    @abstractmethod
    async def count(self, query: TaskQuery) -> Counts:
        """How many tasks a query finds, whatever its limit, by type and status.

        Exactly and at once, however many there are, where it names types and statuses alone. Of
        named owners the tasks are counted; for a search they are looked at: QueryError where that
        would be more than a million.
        """

    @abstractmethod
    async def count_owners(self, query: TaskQuery) -> OwnerCounts:
        """How many of these tasks each owner has. Looks at each of them; raises QueryError for more
        than a million."""

    @abstractmethod
    async def attempts(self, task_id: UUID) -> Sequence[Attempt]:
        """The attempts of this task, oldest first, from the start of each; of those that ended and
        did not complete, at most the newest ``KEPT_ATTEMPTS``. Tracebacks have at most
        ``MAX_TRACEBACKS`` bytes together, those of the newest attempts."""

    @abstractmethod
    async def logs(self, task_id: UUID, after: int = 0) -> StoredLog:
        """The first lines of a task's log behind the number ``after``: at most 1,000."""

    @abstractmethod
    def subscribe_logs(self, handler: LogHandler) -> Callable[[], None]:
        """Call ``handler`` on the event loop with tasks that have new lines, whichever process runs
        them, or with ``None`` where it may be any; returns how to unsubscribe."""

    @abstractmethod
    async def delete(self, task_id: UUID) -> bool:
        """Drop a task that is final, with what is kept beside it; whether it was there."""

    @abstractmethod
    async def prune(self, rule: PruneRule, limit: int) -> int:
        """Drop at most ``limit`` tasks that a rule names and that became final longer ago than its
        ``age``, by the clock of ``now``; how many were dropped."""

    @abstractmethod
    async def take_ended(self, seconds: float, limit: int) -> Sequence[TaskRecord]:
        """At most ``limit`` tasks whose end hooks are to be told, in any order, without their
        ``data``. No process gets them again within so many seconds, nor once they were ``told``."""

    @abstractmethod
    async def told(self, ended: Sequence[TaskRecord]) -> None:
        """Hooks were told of these ends. A task that was retried meanwhile has another to come."""

    @abstractmethod
    async def pause(self, type_name: str, reason: str | None) -> None:
        """Let nothing of a type be claimed, in any process, until ``resume``. One that is paused
        stays so since then, with the new reason."""

    @abstractmethod
    async def resume(self, type_name: str) -> None:
        """Let tasks of a type be claimed again."""

    @abstractmethod
    async def types(self, names: Sequence[str] | None = None) -> Sequence[TypeRecord]:
        """What is kept of these types; of all that have tasks or are paused where it is ``None``.
        In the order of their names."""

    @abstractmethod
    def now(self) -> datetime:
        """The present time by the store's clock, which dates all changes of tasks, whatever the
        clock of this host says; timezone-aware UTC. Must not ask the store."""

    @abstractmethod
    async def failure_groups(
        self, start: datetime, end: datetime, types: Sequence[str] = ()
    ) -> Sequence[FailureGroup]:
        """Which failures there are of tasks that failed last within a time, of these types or of
        all: at most 50, those first of which most tasks are still failed, among the newest 200,000
        of these tasks."""

    @abstractmethod
    async def failure_facets(self, wanted: FacetQuery) -> Sequence[FailureFacet]:
        """Which values the tasks of a failure have, those first that most of them have: at most 50,
        those of the newest 10,000 of these tasks. Counted are the newest 200,000."""

    @abstractmethod
    async def overview(self) -> Overview:
        """How things are now. Takes milliseconds, however many tasks there are, but for those that
        wait for a time, which are counted."""

    @abstractmethod
    async def flows(self, first: int, step: int, points: int, type_name: str | None) -> Flows:
        """What was counted of the tasks of a type, or of all (``None``), from the minute ``first``
        on, by points of ``step`` minutes. See :mod:`bgtasks.core.flows`.

        Each change of a task's status is counted in the transaction that makes it, and so is each
        new task. Nothing is taken back, whatever becomes of the task.
        """

    @abstractmethod
    async def flows_by_type(self, first: int, last: int) -> Mapping[tuple[str, int, int], int]:
        """What was counted from the minute ``first`` on and before ``last``, by type, flow and
        bucket."""

    @abstractmethod
    async def sum_up_flows(self, first: int, last: int) -> int | None:
        """Let an hour stand for its minutes: the first hour of which minutes are kept, from the
        minute ``first`` on and before ``last``, with each of which an hour begins. Returns the
        minute at which that hour ends; ``None``: there was none. Harmless when repeated."""

    @abstractmethod
    async def drop_flows(self, before: int) -> None:
        """Drop what was counted before a minute: it is no longer known."""

    @abstractmethod
    async def processes(self) -> Sequence[ProcessInfo]:
        """The processes that share the store and have it open, this one too, oldest start first.

        One that ended without a word stays among them, as not ``alive``, for a time.
        """

    def trouble(self) -> str | None:
        """What keeps the store from being used right now, in words; ``None``: nothing is known.

        May be called from any thread; must not ask the store.
        """
        return None

    @property
    @abstractmethod
    def schedules(self) -> ScheduleStore:
        """What is kept of schedules. Raises BackendError before the start and after the stop."""

    @abstractmethod
    def subscribe_schedules(self, handler: ScheduleHandler) -> Callable[[], None]:
        """Call ``handler`` on the event loop with the names of schedules that have changed, in any
        process; returns how to unsubscribe."""

    @abstractmethod
    def subscribe(
        self, handler: ChangeHandler, wanted: Callable[[], bool] = lambda: True
    ) -> Callable[[], None]:
        """Call ``handler`` on the event loop with each change of any task in any process, after
        it was committed, in the order of each task's revisions. Returns how to unsubscribe.

        ``data`` may be left out. Of changes made in other processes only the newest revision may
        be announced, and none while no subscriber's ``wanted()`` says that it is worth reading
        them.
        """

    @abstractmethod
    def subscribe_types(self, handler: TypeHandler) -> Callable[[], None]:
        """Call ``handler`` on the event loop with each type that any process has paused or
        resumed, after that was committed; returns how to unsubscribe."""
