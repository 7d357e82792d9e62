"""The low seam over an SQLite file: everything goes through the writer thread."""

import asyncio
import logging
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from bgtasks.backends.embedded import upkeep
from bgtasks.backends.embedded.caller import CallerTransaction
from bgtasks.backends.embedded.database import MEMORY, DatabaseFiles
from bgtasks.backends.embedded.file_logs import FileLogs
from bgtasks.backends.embedded.file_reads import FileReads
from bgtasks.backends.embedded.file_schedules import FileSchedules
from bgtasks.backends.embedded.openings import Openings
from bgtasks.backends.embedded.operations import Delivery, Submit
from bgtasks.backends.embedded.own_changes import OwnChanges
from bgtasks.backends.embedded.own_process import OwnProcess
from bgtasks.backends.embedded.patience import Patience
from bgtasks.backends.embedded.reading import Reading, ThreadReading, WriterReading
from bgtasks.backends.embedded.refusals import is_final_refusal
from bgtasks.backends.embedded.store_health import StoreHealth
from bgtasks.backends.embedded.task_file import TaskFile
from bgtasks.backends.embedded.writer import Writer
from bgtasks.backends.log_store import LogHandler
from bgtasks.backends.loops.marking import Marking
from bgtasks.backends.schedule_store import ScheduleHandler
from bgtasks.backends.task_store import (
    Claimant,
    Doing,
    Done,
    Look,
    Nobody,
    Place,
    Step,
    Stored,
    TaskStore,
)
from bgtasks.clock import Clock
from bgtasks.concurrency.threads import CallingThread
from bgtasks.core.lifecycle import Change
from bgtasks.core.record import TaskRecord
from bgtasks.core.retention import PruneRule
from bgtasks.core.task_types import TypeRecord
from bgtasks.core.text import describe
from bgtasks.errors import BackendError
from bgtasks.models import BackgroundTaskStatus, ProcessInfo
from bgtasks.registry import Registry

__all__ = ["STOP_WITHIN", "FileStore"]

logger: logging.Logger = logging.getLogger(__name__)

T = TypeVar("T")

STOP_WITHIN = 5.0
"""Seconds for which a stop waits for a disk to answer."""

LONGEST_WAIT = 60.0
"""Seconds after which delayed tasks are looked at again: the computer's clock may have been set,
and timers stand still while the computer is suspended."""

MARK_WITHIN = 1.0
"""Seconds for which a start waits for all tasks of unknown types to be marked."""

MAX_QUEUED = 10_000
"""Operations that may wait for the writer. A caller with more waits until there is room."""


class FileStore(TaskStore):
    """Claims are made by the writer thread at the end of each commit, within its own slots: what
    an end makes room for is claimed in the same commit, and a new task for which a slot is free
    is written as running at once."""

    claims_by_itself = True
    reads: FileReads
    cut_off_by = "the process ended without a stop"

    def __init__(
        self,
        path: str,
        files: DatabaseFiles,
        reading: CallingThread,
        process: OwnProcess,
        registry: Registry,
        clock: Clock,
        patience: Patience,
        caller: CallerTransaction,
        announce: Callable[[Iterable[TaskRecord]], None],
        announce_type: Callable[[TypeRecord], None],
        announce_schedules: ScheduleHandler,
        announce_logs: LogHandler,
    ) -> None:
        self.name = path
        self._process = process
        self._registry = registry
        self._clock = clock
        self._patience = patience
        self._caller = caller
        self.feed: OwnChanges = OwnChanges(announce)
        self._announce_type = announce_type
        self._health = StoreHealth(None if path == MEMORY else path, patience)
        openings = Openings(registry, process.max_concurrency, process.types, clock.now)
        self.file: TaskFile = TaskFile(files.writing, registry, openings, clock, process.name)
        self.writer: Writer = Writer(
            self.file, self._health, self._delivered, files.close, patience
        )
        self.reading: Reading = WriterReading(self.writer)
        if files.reading is None:
            reading.stop()
        else:
            self.reading = ThreadReading(files.reading, reading)
        self.reads = FileReads(self.reading, self._health)
        self.schedules: FileSchedules = FileSchedules(
            self.writer, self.reads, clock, announce_schedules
        )
        self.logs: FileLogs = FileLogs(self.writer, self.reads, announce_logs)
        self._marking: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._claimant: Claimant = Nobody()
        self._troubles: set[str] = set()
        self._next_due: datetime | None = None
        self.writer.start()

    # Changing tasks

    async def insert(
        self, records: Sequence[TaskRecord], connection: Any
    ) -> Mapping[int, TaskRecord]:
        if connection is not None:
            self._caller.check()
        if self.writer.backlog > MAX_QUEUED:
            await self._room()
        holders: dict[int, TaskRecord] = await self.writer.run(Submit(records))
        return holders

    async def find(self, task_ids: Sequence[UUID]) -> Mapping[UUID, Stored]:
        await self._room()
        found = await self.writer.run(partial(TaskFile.find, task_ids=task_ids))
        return {task_id: Stored(record, _place_of(record)) for task_id, record in found.items()}

    async def write(self, changes: Sequence[tuple[Change, Place]]) -> Collection[UUID]:
        await self._room()
        only = [change for change, _ in changes]
        written: list[UUID] = await self.writer.run(partial(TaskFile.write, changes=only))
        return written

    def settle(self, steps: Sequence[Step], done: Done) -> None:
        def answered(written: Collection[Step] | None, error: Exception | None) -> None:
            done(written or (), error)

        self.writer.tell(partial(TaskFile.settle, steps=steps), answered)

    async def delete(self, task_id: UUID) -> bool:
        await self._room()
        return bool(await self.writer.run(partial(upkeep.delete, task_id=task_id)))

    async def prune(self, rule: PruneRule, before: datetime, limit: int) -> int:
        now = self._clock.now()
        prune = partial(upkeep.prune, rule=rule, before=before, limit=limit, now=now)
        return int(await self.writer.run(prune))

    async def take_ended(self, now: datetime, until: datetime, limit: int) -> Sequence[TaskRecord]:
        take = partial(upkeep.take_ended, now=now, until=until, limit=limit)
        return list(await self.writer.run(take))

    async def told(self, ended: Sequence[TaskRecord]) -> None:
        await self.writer.run(partial(upkeep.ends_told, ended=ended))

    async def take_back(
        self, limit: int, decide: Callable[[TaskRecord], Change | None]
    ) -> int | None:
        return int(await self.writer.run(partial(upkeep.take_back, limit=limit, decide=decide)))

    async def prepare(self) -> None:
        """Know how many tasks there are and what is paused, and give the turns that are free."""
        if self.name != MEMORY:
            await self.reads.begin_counting()
        await self.writer.run(TaskFile.prepare)
        while await self.writer.run(TaskFile.gives_turns):
            pass

    async def begin_marking(self, marking: Marking) -> None:
        """Mark waiting tasks of types that are not registered. Where there are many of them, this
        goes on beside everything else: what is registered stays the same while the file is open.
        """
        self._marking = asyncio.create_task(marking.mark())
        self._marking.add_done_callback(_log_failure)
        await asyncio.wait([self._marking], timeout=MARK_WITHIN)

    async def unknown_types(self) -> Collection[str]:
        stored: list[str] = await self.writer.run(upkeep.stored_types)
        return [name for name in stored if name not in self._registry]

    async def waiting(
        self, type_name: str, after: int, limit: int
    ) -> tuple[Sequence[Stored], int | None]:
        look = partial(upkeep.waiting, type_name=type_name, after=after, limit=limit)
        records, seen = await self.writer.run(look)
        return [Stored(record, _place_of(record)) for record in records], seen

    async def sum_up_flows(self, first: int, last: int) -> int | None:
        ends: int | None = await self.writer.run(
            partial(upkeep.sum_up_flows, first=first, last=last)
        )
        return ends

    async def drop_flows(self, before: int) -> None:
        await self.writer.run(partial(upkeep.drop_flows, before=before))

    # Types

    async def pause(self, type_name: str, reason: str | None) -> None:
        await self._room()
        await self.writer.run(partial(TaskFile.pause, type_name=type_name, reason=reason))
        await self._tell_type(type_name)

    async def resume(self, type_name: str) -> None:
        await self._room()
        if await self.writer.run(partial(TaskFile.resume, type_name=type_name)):
            await self._tell_type(type_name)

    async def _tell_type(self, type_name: str) -> None:
        for record in await self.reads.types([type_name]):
            self._announce_type(record)

    # Claims

    async def start_claiming(self, claimant: Claimant) -> None:
        self._claimant = claimant
        self.file.queue.serving = True  # read at the end of each commit

    async def claim(self, room: int) -> int:  # noqa: ARG002 - the writer thread counts by itself
        await self.writer.run(TaskFile.look)
        return 0

    async def next_look(self) -> Look:
        if self._next_due is None:
            return Look(math.inf)
        wait = (self._next_due - self._clock.now()).total_seconds()
        return Look(min(wait, LONGEST_WAIT))

    def cease_claiming(self) -> None:
        self.file.queue.serving = False

    async def stop_claiming(self) -> None:
        """What was claimed before is started before this returns."""
        reached = self.writer.reached()
        await asyncio.wait([reached], timeout=STOP_WITHIN)
        if not reached.done():
            logger.error("the disk has not answered for %g seconds: the stop goes on", STOP_WITHIN)
        self._claimant = Nobody()

    async def processes(self, own: Doing) -> Sequence[ProcessInfo]:
        """The file belongs to one process."""
        return [self._process.info(own)]

    # The end

    def hurry(self) -> None:
        if (trouble := self._health.trouble) is not None:
            logger.warning(
                "the stop waits up to %g seconds for the task database: %s",
                self._patience.locked,
                trouble,
            )
        self.writer.hurry()

    async def close(self) -> None:
        """Waits at most ``patience.locked`` seconds for a file that another program has locked,
        and a few more for a disk that does not answer."""
        self._marking.cancel()
        await self._ended_in_time("what is being read", self.reading.stop())
        await self._ended_in_time("what is being written", self.writer.stop())

    async def _ended_in_time(self, what: str, ended: "asyncio.Future[None]") -> None:
        within = STOP_WITHIN + self._patience.locked
        await asyncio.wait([ended], timeout=within)
        if not ended.done():
            logger.error(
                "%s: %s did not end within %g seconds: left behind, the file stays locked until "
                "it ends",
                self.name,
                what,
                within,
            )

    # What its errors mean

    def trouble(self) -> str | None:
        return self._health.trouble

    def is_refusal(self, error: BaseException) -> bool:
        return is_final_refusal(error)

    def is_trouble(self, error: BaseException) -> bool:
        return isinstance(error, BackendError)

    def may_be_written(self, error: BaseException) -> bool:  # noqa: ARG002
        return False

    def reason_of(self, error: BaseException) -> str:
        return f"{type(error).__name__}: {describe(error)}"

    def failed(self, what: str, error: BaseException) -> None:
        if what not in self._troubles:
            self._troubles.add(what)
            logger.error("%s %s: %s", self.name, what, error)

    def works(self, what: str) -> None:
        self._troubles.discard(what)

    # The threads

    async def _room(self) -> None:
        """Wait while too much waits for the writer: until all of that is written."""
        while self.writer.backlog > MAX_QUEUED:
            await self.writer.run(TaskFile.idle)

    def _delivered(self, delivery: Delivery) -> None:
        """Answer callers, begin attempts and announce changes after a commit, on the event loop. An
        answer that raises does not keep the others from theirs."""
        for done, result, error in delivery.results:
            try:
                done(result, error)
            except Exception:
                logger.exception("an answer to a write failed")
        self.reads.tally.follow(delivery.done.moves, delivery.done.dropped)
        for record in delivery.done.claims:
            self._claimant.begin(Stored(record, _place_of(record)))
        self.feed.announce(delivery.done.changes)
        if delivery.due_changed:
            self._due_at(delivery.next_due)

    def _due_at(self, next_due: datetime | None) -> None:
        before, self._next_due = self._next_due, next_due
        if next_due is not None and (before is None or next_due < before):
            self._claimant.wake()


def _place_of(record: TaskRecord) -> Place:
    """An attempt is its own place: one whose task was retried may still be running."""
    is_running = record.status is BackgroundTaskStatus.RUNNING
    return (record.sequence, record.attempt) if is_running else None


def _log_failure(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("waiting tasks of unknown types do not say so: %s", error, exc_info=error)
