"""The low seam over PostgreSQL: statements, one queue and one feed for many processes."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from bgtasks.backends.loops.marking import Marking
from bgtasks.backends.loops.recovery import Recovery
from bgtasks.backends.loops.runs import Run, Runs
from bgtasks.backends.postgres import migrations, reader, rows
from bgtasks.backends.postgres.caller import asyncpg_connection
from bgtasks.backends.postgres.changing import Changing
from bgtasks.backends.postgres.claiming import Claiming
from bgtasks.backends.postgres.claims import DIED, CutOff
from bgtasks.backends.postgres.database import WRITTEN, Database
from bgtasks.backends.postgres.dead_workers import DeadWorkers
from bgtasks.backends.postgres.feed import Feed
from bgtasks.backends.postgres.heartbeat import Heartbeat
from bgtasks.backends.postgres.inserting import Inserting
from bgtasks.backends.postgres.listener import Listener
from bgtasks.backends.postgres.openings import Openings
from bgtasks.backends.postgres.peer import Peer
from bgtasks.backends.postgres.postgres_schedules import PostgresSchedules
from bgtasks.backends.postgres.pulse import Pulse
from bgtasks.backends.postgres.server_clock import ServerClock
from bgtasks.backends.postgres.server_errors import (
    SERVER_ERRORS,
    concerns_values,
    is_fate_unknown,
    reason_of,
)
from bgtasks.backends.postgres.settling import Settling
from bgtasks.backends.postgres.statements import CHANNEL, STATEMENTS, TYPES_CHANNEL
from bgtasks.backends.postgres.table_logs import TableLogs
from bgtasks.backends.postgres.table_reads import TableReads
from bgtasks.backends.postgres.tables import Tables
from bgtasks.backends.postgres.turns import give_free_turns
from bgtasks.backends.postgres.type_states import TypeStates
from bgtasks.backends.postgres.untold import Untold
from bgtasks.backends.task_store import (
    Claimant,
    Doing,
    Done,
    Look,
    Place,
    Step,
    Stored,
    TaskStore,
)
from bgtasks.concurrency.lasting import ends_this_task
from bgtasks.core.lifecycle import Change
from bgtasks.core.overview import Vitals
from bgtasks.core.record import TaskRecord
from bgtasks.core.retention import PruneRule
from bgtasks.core.task_types import TypeRecord
from bgtasks.models import ProcessInfo
from bgtasks.observing.subscribers import Subscribers
from bgtasks.registry import Registry

__all__ = ["PostgresStore"]


class PostgresStore(TaskStore):
    """Many processes write at once: each change is guarded, and the answer to a write may be lost.
    A place is a job of PgQueuer."""

    settles_in_turn = True
    cut_off_by = DIED
    feed: Feed
    logs: TableLogs

    def __init__(
        self,
        database: Database,
        registry: Registry,
        types: Sequence[str],
        runs: Runs,
        clock: ServerClock,
        subscribers: Subscribers[TaskRecord],
        type_subscribers: Subscribers[TypeRecord],
        schedule_subscribers: Subscribers[Collection[str]],
        log_subscribers: Subscribers[Collection[UUID] | None],
        *,
        max_concurrency: int,
        heartbeat_timeout: float,
        vitals: Callable[[], Vitals],
    ) -> None:
        self.name: str = database.name
        self.database = database
        self.reads: TableReads = TableReads(database)
        self.runs = runs
        self._now = clock.now
        self._registry = registry
        self._silence = heartbeat_timeout
        self._process = process = uuid4()
        self.feed = feed = Feed(
            database, process, subscribers, schedule_subscribers, log_subscribers
        )
        self._untold = untold = Untold()
        peer = Peer(database, process, registry, runs, clock.now, feed, untold)
        self.listener: Listener = Listener(database, feed.caught_up, self._reconnected)
        self.heartbeat: Heartbeat = Heartbeat(
            database,
            process,
            runs,
            clock,
            types=types,
            max_concurrency=max_concurrency,
            timeout=heartbeat_timeout,
            vitals=vitals,
        )
        self._dead_workers = DeadWorkers(peer, self.heartbeat.voice, heartbeat_timeout)
        self.pulse: Pulse = Pulse(
            self,
            database,
            self.heartbeat,
            runs,
            asked_to_end=self._asked_to_end,
            recovery=Recovery(self, registry, database.clock, clock.now),
            marking=Marking(self, clock.now),
            give_turns=partial(give_free_turns, peer),
        )
        self._inserting = Inserting(self, peer)
        self.schedules: PostgresSchedules = PostgresSchedules(
            database,
            process,
            self._inserting.insert_in,
            schedule_subscribers.tell,
            heartbeat_timeout,
        )
        self.logs = TableLogs(database, process, log_subscribers.tell)
        self._settling = Settling(peer)
        self._on_their_way: set[asyncio.Task[None]] = set()
        self.type_states: TypeStates = TypeStates(
            database, type_subscribers, lambda: self._claiming.claimant.wake()
        )
        openings = Openings(registry, types, self.type_states.is_paused, database.clock.monotonic)
        self._claiming = Claiming(peer, self.listener, openings, self.pulse.look_soon)
        self._changing = Changing(peer, self._claiming.cancel_heard)

    async def open(self) -> None:
        """Connect, and begin with all that goes on beside the loops. Raises what
        :meth:`Backend.start` raises; then nothing is left open."""
        with self.database.asking("opened"):
            await self.database.open()
            try:
                await migrations.check(self.database)
                await self.listener.add(CHANNEL, self.feed.heard)
                await self.listener.add(TYPES_CHANNEL, self.type_states.heard)
                await self.listener.start()
                self.feed.start()
                await self.type_states.start()
                await self.pulse.start()
                await self.pulse.flows.begin(self._now())
            except BaseException:
                await self.close()
                raise

    async def close(self) -> None:
        for task in self._on_their_way:
            task.cancel()
        await asyncio.gather(
            self.pulse.stop(),
            self.feed.stop(),
            self.logs.stop(),
            self.type_states.stop(),
            self.listener.stop(),
        )
        await self.database.close()
        await self._inserting.stop()

    # Changing tasks

    async def insert(
        self, records: Sequence[TaskRecord], connection: Any
    ) -> Mapping[int, TaskRecord]:
        if not records:
            return {}
        if connection is None:
            return await self._inserting.insert(records)
        return await self._inserting.insert_in(await asyncpg_connection(connection), records)

    async def find(self, task_ids: Sequence[UUID]) -> Mapping[UUID, Stored]:
        await self._untold.told(task_ids)
        async with self.database.connection() as connection:
            return await Tables(connection, self._process).find(task_ids)

    async def write(self, changes: Sequence[tuple[Change, Place]]) -> Collection[UUID]:
        ids = [change.after.id for change, _ in changes]
        with self._untold.while_changing(ids) as (_, also):
            written = await self._changing.write(changes, also)
            self.feed.announce(written)
        return [record.id for record in written]

    def settle(self, steps: Sequence[Step], done: Done) -> None:
        task = asyncio.get_running_loop().create_task(self._settle(steps, done))
        self._on_their_way.add(task)
        task.add_done_callback(self._on_their_way.discard)

    async def _settle(self, steps: Sequence[Step], done: Done) -> None:
        written: list[Step] = []
        failure: BaseException | None = None
        try:
            await self.logs.written()  # before anybody hears of the end
            await self._settling.write(steps, written)
        except BaseException as error:
            if ends_this_task(error):
                raise
            failure = error
        done(written, failure)

    async def delete(self, task_id: UUID) -> bool:
        with self.database.asking("written"):
            return bool(await self.database.fetch(STATEMENTS["delete_final"], task_id))

    async def prune(self, rule: PruneRule, before: datetime, limit: int) -> int:
        kinds = [f"{name}/{status}" for name, status in rule.kinds]
        values = (before, limit, self._now(), rule.since, kinds, rule.others)
        with self.database.asking("pruned"):
            return len(await self.database.fetch(STATEMENTS["prune"], *values))

    async def take_ended(self, now: datetime, until: datetime, limit: int) -> Sequence[TaskRecord]:
        with self.database.asking("written"):
            found = await self.database.fetch(STATEMENTS["take_ended"], now, until, limit)
        return [rows.record_of(row) for row in found]

    async def told(self, ended: Sequence[TaskRecord]) -> None:
        places = [record.sequence for record in ended], [record.revision for record in ended]
        with self.database.asking("written"):
            await self.database.fetch(STATEMENTS["end_was_told"], *places)

    async def take_back(self, limit: int, decide: CutOff) -> int | None:
        return await self._dead_workers.take_back(limit, decide)

    async def unknown_types(self) -> Collection[str]:
        async with self.database.connection() as connection:
            living = await connection.fetch(STATEMENTS["known_types"], self._silence)
            stored = await reader.stored_types(connection)
        known = {row[0] for row in living} | set(self._registry.claimed())
        return [name for name in stored if name not in known]

    async def waiting(
        self, type_name: str, after: int, limit: int
    ) -> tuple[Sequence[Stored], int | None]:
        found = await self.database.fetch(STATEMENTS["waiting_tasks"], type_name, after, limit)
        stored = [Stored(rows.record_of(row), row["job"]) for row in found]
        return stored, stored[-1].record.sequence if stored else None

    async def sum_up_flows(self, first: int, last: int) -> int | None:
        with self.database.asking(WRITTEN):
            return await self.pulse.flows.sum_up(first, last)

    async def drop_flows(self, before: int) -> None:
        with self.database.asking(WRITTEN):
            await self.pulse.flows.drop(before)

    # Types

    async def pause(self, type_name: str, reason: str | None) -> None:
        await self.type_states.pause(type_name, reason)

    async def resume(self, type_name: str) -> None:
        await self.type_states.resume(type_name)

    # Claims

    async def start_claiming(self, claimant: Claimant) -> None:
        self.heartbeat.runs_tasks = True
        self.pulse.beat_soon()
        await self._claiming.start(claimant)

    async def claim(self, room: int) -> int:
        return await self._claiming.claim(room)

    @property
    def claims_ahead(self) -> bool:
        return self._claiming.is_one_statement

    def may_wait(self, claimed: TaskRecord) -> bool:
        return self._claiming.may_wait(claimed)

    def may_begin(self, claimed: TaskRecord) -> bool:
        return not self.type_states.is_paused(claimed.type)

    async def next_look(self) -> Look:
        return await self._claiming.next_look()

    def cease_claiming(self) -> None:
        self.heartbeat.runs_tasks = False

    async def stop_claiming(self) -> None:
        await self._claiming.stop()

    async def hand_back(self) -> None:
        await self._claiming.hand_back()

    async def processes(self, own: Doing) -> Sequence[ProcessInfo]:  # noqa: ARG002
        """As the heartbeats say, of this one too."""
        with self.database.asking("read"):
            return await self.heartbeat.processes()

    # What its errors mean

    def trouble(self) -> str | None:
        return (
            self.listener.trouble
            or self.database.trouble
            or self.pulse.trouble
            or self.feed.trouble
            or self.type_states.trouble
        )

    def asking(self, what: str) -> AbstractContextManager[object]:
        return self.database.asking(what)

    def is_refusal(self, error: BaseException) -> bool:
        return concerns_values(error)

    def is_trouble(self, error: BaseException) -> bool:
        return isinstance(error, SERVER_ERRORS)

    def may_be_written(self, error: BaseException) -> bool:
        return is_fate_unknown(error)

    def reason_of(self, error: BaseException) -> str:
        return reason_of(error)

    def failed(self, what: str, error: BaseException) -> None:
        self.database.failed(what, error)

    def works(self, what: str) -> None:
        self.database.works(what)

    # What is heard

    def _asked_to_end(self, run: Run) -> None:
        self._claiming.claimant.cancel(run.record.id, run.attempt)

    def _reconnected(self) -> None:
        """The listener has a new connection: something may have been missed."""
        self.feed.fell_behind()
        self.type_states.heard()
        self.pulse.look_soon()
        self._claiming.claimant.wake()
