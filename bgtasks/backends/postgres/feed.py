"""What other processes changed: heard of, read, and announced here."""

import json
import logging
import math
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from bgtasks.backends.change_feed import ChangeFeed
from bgtasks.backends.loops.pacing import Seldom
from bgtasks.backends.postgres import rows
from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.reader import stored_types
from bgtasks.backends.postgres.rereading import Rereading
from bgtasks.backends.postgres.statements import CHANNEL, STATEMENTS
from bgtasks.clock import sleep
from bgtasks.core.record import TaskRecord, is_whole
from bgtasks.observing.subscribers import Subscribers

__all__ = ["Feed", "logs_messages", "messages", "schedules_message"]

logger: logging.Logger = logging.getLogger(__name__)

MAX_IDS = 200
"""Ids in one notification: PostgreSQL's payloads are shorter than 8,000 bytes, an id is 35."""

FROM = '{"from":"'
"""How each notification begins; then comes who sent it."""

MAX_REMEMBERED = 20_000
"""Tasks whose announced revision is remembered."""

BATCH = 500
"""Tasks read in one go."""

CATCH_UP_EVERY = 1.0
"""Seconds between two looks at everything that changed, at the least."""


def messages(sender: UUID, task_ids: Sequence[UUID]) -> list[str]:
    """The notifications that tell of changes to these tasks."""
    return [
        json.dumps(
            {"from": sender.hex, "tasks": [item.hex for item in task_ids[at : at + MAX_IDS]]},
            separators=(",", ":"),
        )
        for at in range(0, len(task_ids), MAX_IDS)
    ]


def schedules_message(sender: UUID, names: Sequence[str]) -> str:
    """The notification that tells of changed schedules."""
    news = {"from": sender.hex, "tasks": [], "schedules": list(names)}
    return json.dumps(news, separators=(",", ":"))


def logs_messages(sender: UUID, task_ids: Sequence[UUID]) -> list[str]:
    """The notifications that tell of new lines in the logs of these tasks."""
    return [
        json.dumps(
            {
                "from": sender.hex,
                "tasks": [],
                "logs": [item.hex for item in task_ids[at : at + MAX_IDS]],
            },
            separators=(",", ":"),
        )
        for at in range(0, len(task_ids), MAX_IDS)
    ]


class Feed(ChangeFeed):
    """Hears of changes by notifications. They are hints, whoever sent them: what is stored is
    announced. A record that was read has no ``data``.
    """

    def __init__(
        self,
        database: Database,
        process: UUID,
        subscribers: Subscribers[TaskRecord],
        schedules: Subscribers[Collection[str]],
        logs: Subscribers[Collection[UUID] | None],
    ) -> None:
        self._database = database
        self._subscribers = subscribers
        self._schedules = schedules
        self._logs = logs
        self._process = process.hex
        self._own = f'{FROM}{process.hex}"'
        # By ids as numbers: each change of each task is looked up, and to hash a UUID is slow.
        self._announced: OrderedDict[int, int] = OrderedDict()
        self._waiting: dict[UUID, None] = {}
        self._heard_until: int | None = None
        self._horizon: int | None = None
        self._behind: int | None = None
        self._doubted: OrderedDict[UUID, None] = OrderedDict()
        self._junk = Seldom(database.clock)
        self._caught_up_at = -math.inf
        self._reading = Rereading(
            "reading what has changed", "does not say what has changed", self._read, database
        )

    @property
    def trouble(self) -> str | None:
        """Why changes are not read, in words."""
        return self._reading.trouble

    def start(self) -> None:
        """Begin to read what was heard of."""
        self._reading.start()

    async def stop(self) -> None:
        """Stop reading."""
        await self._reading.stop()

    def announce(self, records: Iterable[TaskRecord]) -> None:
        for record in records:
            key = record.id.int
            if self._announced.get(key, 0) >= record.revision:
                continue
            if self._doubted:
                self._doubted.pop(record.id, None)
            self._announced[key] = record.revision
            self._announced.move_to_end(key)
            if len(self._announced) > MAX_REMEMBERED:
                self._announced.popitem(last=False)
            self._subscribers.tell(record)

    def doubt(self, task_ids: Iterable[UUID]) -> None:
        """They are read as soon as the server answers, and once more when the notification of a
        change comes, should its transaction end only then."""
        for task_id in task_ids:
            self._doubted[task_id] = self._waiting[task_id] = None
        while len(self._doubted) > self._database.bounds.unread:
            self._doubted.popitem(last=False)
        self._reading.soon()

    def heard(self, message: str) -> None:
        """Note the tasks that a notification names."""
        if not self._concerns(message):
            return
        try:
            news = json.loads(message)
            sender, ids = news["from"], [UUID(item) for item in news["tasks"]]
            logs = [UUID(item) for item in news.get("logs", ())]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            if self._junk.may():
                logger.warning("a notification on %r is not one of ours: %.200r", CHANNEL, message)
            return
        if sender != self._process and (names := _names_in(news)):
            self._schedules.tell(names)
        if sender != self._process and logs:
            self._logs.tell(logs)
        if not ids or not self._subscribers.is_anyone_listening():
            return
        if sender == self._process:
            ids = [task_id for task_id in ids if task_id in self._doubted]
        self._waiting.update(dict.fromkeys(ids))
        if len(self._waiting) > self._database.bounds.unread:
            self._waiting.clear()
            self.fell_behind()
        self._reading.soon()

    def _concerns(self, message: str) -> bool:
        """Whether a notification is worth reading: 200 ids take their time, and most are of this
        process's own changes, which were announced when they were made."""
        return bool(self._doubted) or not message.startswith(self._own)

    def caught_up(self, horizon: int) -> None:
        """Every notification of transactions older than ``horizon`` has arrived by now."""
        self._heard_until = horizon
        self._horizon = self._horizon or horizon
        self._reading.soon()

    def fell_behind(self) -> None:
        """Look up what changed since the last horizon: notifications may have been lost."""
        self._logs.tell(None)
        self._behind = self._behind or self._horizon
        self._reading.soon()

    # Reading

    async def _read(self) -> None:
        if (since := self._behind) is not None:
            await self._catch_up(since)
            if self._behind == since:
                self._behind = None
        while self._waiting or self._horizon != self._heard_until:
            horizon, taken = self._heard_until, self._waiting
            self._waiting = {}
            try:
                await self._read_tasks(list(taken))
            except BaseException:
                self._waiting = {**taken, **self._waiting}
                raise
            # All that was heard of until then has been read now.
            self._horizon = horizon

    async def _read_tasks(self, ids: Sequence[UUID]) -> None:
        for at in range(0, len(ids), BATCH):
            found = await self._database.fetch(STATEMENTS["listed_by_ids"], ids[at : at + BATCH])
            for record in map(rows.record_of, found):
                await self._announce_read(record)

    async def _announce_read(self, record: TaskRecord) -> None:
        """Large payloads are read one by one: together they might be larger than the memory."""
        if is_whole(record):
            self.announce([record])
        elif self._announced.get(record.id.int, 0) < record.revision:
            whole = await self._database.fetch(STATEMENTS["slim_by_ids"], [record.id])
            self.announce(map(rows.record_of, whole))

    async def _catch_up(self, since: int) -> None:
        if not self._subscribers.is_anyone_listening():
            return
        clock = self._database.clock
        if (early := self._caught_up_at + CATCH_UP_EVERY - clock.monotonic()) > 0:
            await sleep(clock, early)
        self._caught_up_at = clock.monotonic()
        async with self._database.connection() as connection:
            types = await stored_types(connection)
            found = await connection.fetch(STATEMENTS["changed_since"], since, types)
        await self._read_tasks([row[0] for row in found])
        logger.info("caught up with %s: looked at %d tasks", self._database.name, len(found))


def _names_in(news: Any) -> list[str]:
    """The schedules that a notification tells of; whoever sent it, they are looked up."""
    names = news.get("schedules", ())
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
