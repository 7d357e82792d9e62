"""The low seam: what a store of tasks does, so that the loops over it need to stand only once.

A store finds, inserts, writes decided changes, claims, and says what an error of its means. It
decides nothing: every change comes from :func:`bgtasks.core.lifecycle.decide`, and is written only
where the stored task is still the one that the change was decided on.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from attrs import define

from bgtasks.backends.change_feed import ChangeFeed
from bgtasks.backends.log_store import LogStore
from bgtasks.backends.schedule_store import ScheduleStore
from bgtasks.backends.task_reads import TaskReads
from bgtasks.core.lifecycle import Change
from bgtasks.core.overview import Vitals
from bgtasks.core.record import TaskRecord
from bgtasks.core.retention import PruneRule
from bgtasks.models import ProcessInfo

__all__ = [
    "Claimant",
    "Doing",
    "Done",
    "Look",
    "LostAnswerError",
    "Nobody",
    "Place",
    "Step",
    "Stored",
    "TaskStore",
]

Place = Any
"""What an attempt takes while it runs, in the store's own terms; hashable."""


class Stored(NamedTuple):
    """A task as it is stored, and the place of its newest attempt."""

    record: TaskRecord
    place: Place


class Doing(NamedTuple):
    """What a process does now: how many attempts run in it, some of their tasks, how it is."""

    runs_tasks: bool
    running: int
    tasks: Sequence[UUID]
    vitals: Vitals


class Look(NamedTuple):
    """When to look for claims again: in so many seconds (``math.inf``: never), or when the store
    wakes the claimant before.
    ``is_ready``: something could start and was not given, for the moment."""

    seconds: float
    is_ready: bool = False


@define(eq=False)
class Step:
    """A report or an outcome of one attempt, as the store is to write it.

    ``change`` is ``None`` where nothing is to be written. ``over``: the attempt has really ended,
    so that its place is free once the step is dealt with.
    """

    place: Place
    change: Change | None
    over: bool


class LostAnswerError(Exception):
    """Whether a write was done is not known; its cause is the error that came for an answer."""


Done = Callable[[Collection[Step], BaseException | None], None]
"""Is called on the event loop with the steps that were written, and why the others were not."""


class Claimant(Protocol):
    """Who runs what a store claims for this process."""

    def begin(self, claimed: Stored) -> None:
        """Begin the attempt of a task whose claim is durable."""

    def wake(self) -> None:
        """Look for claims: there may be some."""

    def cancel(self, task_id: UUID, attempt: int) -> None:
        """Tell an attempt that it was asked to end, if it runs here."""


class Nobody:
    """Runs nothing, before claiming starts and after it has stopped."""

    def begin(self, claimed: Stored) -> None:
        """Left to the next start: the store did not answer in time."""

    def wake(self) -> None:
        """Nobody waits."""

    def cancel(self, task_id: UUID, attempt: int) -> None:
        """Nothing runs."""


class TaskStore(ABC):
    """Used on one event loop. Every method that changes tasks announces what it wrote, after the
    commit, in the order of each task's revisions, and before it returns or calls back.

    What a store refuses or cannot do now is raised as it comes; ``is_refusal`` and ``is_trouble``
    say what an error means.
    """

    name: str
    """The store in a message, without secrets."""

    feed: ChangeFeed
    """Where the store announces what it wrote."""
    schedules: ScheduleStore
    """Schedules, kept beside the tasks."""

    logs: LogStore
    """What attempts log, kept beside the tasks."""

    reads: TaskReads
    """How to look at what is stored."""

    settles_in_turn = False
    """Whether only one batch of steps may be on its way. Otherwise batches are written in the
    order they were handed over, so that the next change of a task may follow at once."""

    claims_by_itself = False
    """Whether claims are made with each commit, within slots that the store counts by itself:
    what an end makes room for is claimed together with it. Then ``claim`` is only needed for the
    first time, and when a delayed task is due."""

    @property
    def claims_ahead(self) -> bool:
        """Whether tasks may be claimed before a slot is free for them, and wait for one in this
        process."""
        return False

    @abstractmethod
    async def insert(
        self, records: Sequence[TaskRecord], connection: Any
    ) -> Mapping[int, TaskRecord]:
        """Keep new tasks, all or none, as ``Backend.submit`` says."""

    @abstractmethod
    async def find(self, task_ids: Sequence[UUID]) -> Mapping[UUID, Stored]:
        """Those of these tasks that there are, to be decided on; after everything that was handed
        over before. Their ``data`` need not be read."""

    @abstractmethod
    async def write(self, changes: Sequence[tuple[Change, Place]]) -> Collection[UUID]:
        """Write changes, all in one transaction; returns the tasks that were changed. The others
        are no longer what was decided on. Tells the process that runs a task of its cancellation.

        Raises LostAnswerError where the changes may have been written all the same.
        """

    @abstractmethod
    def settle(self, steps: Sequence[Step], done: Done) -> None:
        """Write what attempts report and how they ended, then call ``done``; never raises.

        Without an error, steps that are missing in the answer are of tasks that are no longer
        what was decided on. With an error, they are to be handed over again.
        """

    cut_off_by: str
    """What cuts an attempt off here, in words: a part of its outcome."""

    @abstractmethod
    async def take_back(
        self, limit: int, decide: Callable[[TaskRecord], Change | None]
    ) -> int | None:
        """Find at most ``limit`` running tasks that nobody runs, and write what ``decide`` makes
        of each, in one transaction: nobody can begin to run one in between. Returns how many
        there were; 0: there are no more. ``None``: it cannot be said now whether anybody runs
        them, and nothing was written."""

    @abstractmethod
    async def delete(self, task_id: UUID) -> bool:
        """Drop a task if it is final; whether it was there and is."""

    @abstractmethod
    async def prune(self, rule: PruneRule, before: datetime, limit: int) -> int:
        """Drop at most ``limit`` tasks that a rule names and that became final before a time;
        returns how many."""

    @abstractmethod
    async def take_ended(self, now: datetime, until: datetime, limit: int) -> Sequence[TaskRecord]:
        """At most ``limit`` tasks that are final and of whose end hooks may be told ``now``; no
        process gets them again before ``until``."""

    @abstractmethod
    async def told(self, ended: Sequence[TaskRecord]) -> None:
        """Hooks were told of these ends, as :meth:`Backend.told` says."""

    @abstractmethod
    async def unknown_types(self) -> Collection[str]:
        """Types of stored tasks that no process which has the store open has registered."""

    @abstractmethod
    async def waiting(
        self, type_name: str, after: int, limit: int
    ) -> tuple[Sequence[Stored], int | None]:
        """At most ``limit`` waiting tasks of a type behind the sequence ``after``, without their
        data, and the sequence to go on from; ``None``: there are no more."""

    @abstractmethod
    async def sum_up_flows(self, first: int, last: int) -> int | None:
        """See ``Backend.sum_up_flows``."""

    @abstractmethod
    async def drop_flows(self, before: int) -> None:
        """See ``Backend.drop_flows``."""

    # Types: see the methods of Backend of the same names

    @abstractmethod
    async def pause(self, type_name: str, reason: str | None) -> None:
        """Let nothing of a type be claimed, in any process; announces it."""

    @abstractmethod
    async def resume(self, type_name: str) -> None:
        """Let tasks of a type be claimed again; announces it."""

    # Claims

    @abstractmethod
    async def start_claiming(self, claimant: Claimant) -> None:
        """Give ``claimant`` what is claimed for this process, from now on."""

    @abstractmethod
    async def claim(self, room: int) -> int:
        """Claim at most ``room`` tasks that are due and begin their attempts, by priority and
        then by age, within the limits and rates of their types; returns how many. Fewer than
        ``room``: nothing more can be claimed now."""

    def may_wait(self, claimed: TaskRecord) -> bool:  # noqa: ARG002
        """Whether a task that was claimed ahead may wait for a slot: if the process crashed
        meanwhile, it would run again."""
        return True

    def may_begin(self, claimed: TaskRecord) -> bool:  # noqa: ARG002
        """Whether a task that was claimed ahead may begin now: its type was not paused since."""
        return True

    @abstractmethod
    async def next_look(self) -> Look:
        """When to claim again, after ``claim`` found nothing more."""

    def cease_claiming(self) -> None:
        """Begin no claim from now on."""
        return

    @abstractmethod
    async def stop_claiming(self) -> None:
        """After ``cease_claiming``: when this returns, nothing more is begun. Returns within
        seconds, whatever the store does."""

    async def hand_back(self) -> None:
        """Let tasks wait again that may have been claimed and were not begun."""
        return

    @abstractmethod
    async def processes(self, own: Doing) -> Sequence[ProcessInfo]:
        """The processes that have the store open; ``own`` is what this one does now."""

    # The end

    def hurry(self) -> None:
        """Wait for nothing much longer from now on: the stop has begun."""
        return

    @abstractmethod
    async def close(self) -> None:
        """Let the store go, within seconds."""

    # What its errors mean

    def trouble(self) -> str | None:
        """What keeps the store from being used now, in words. From any thread."""
        return None

    def asking(self, what: str) -> AbstractContextManager[object]:  # noqa: ARG002
        """Raise BackendError in place of the store's own errors in this block: the store cannot be
        ``what``."""
        return nullcontext()

    @abstractmethod
    def is_refusal(self, error: BaseException) -> bool:
        """Whether writing the same values once more can never succeed."""

    @abstractmethod
    def is_trouble(self, error: BaseException) -> bool:
        """Whether the store or the way to it is to blame, which may pass."""

    @abstractmethod
    def reason_of(self, error: BaseException) -> str:
        """What to say of an error, without the values of the statement."""

    @abstractmethod
    def may_be_written(self, error: BaseException) -> bool:
        """Whether what was asked for may have been done all the same: the answer is lost."""

    @abstractmethod
    def failed(self, what: str, error: BaseException) -> None:
        """The store "does not do ``what``": note and log it, but not again and again."""

    @abstractmethod
    def works(self, what: str) -> None:
        """Note that what had failed works again."""
