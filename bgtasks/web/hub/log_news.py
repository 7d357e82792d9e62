"""New lines in the logs of tasks, for the clients that follow these."""

import asyncio
import logging
from collections.abc import Collection, Iterable
from typing import Literal
from uuid import UUID

from attrs import define

from bgtasks.clock import Clock, sleep
from bgtasks.concurrency.lasting import ends_this_task
from bgtasks.core.codec import TaskCodec
from bgtasks.core.task_log import TaskLog
from bgtasks.errors import TaskNotFoundError
from bgtasks.logs import log_safely
from bgtasks.web.access import TaskAccess
from bgtasks.web.encoded_log import log_event_text
from bgtasks.web.hub.audience import VERDICT_AGE, Audience
from bgtasks.web.hub.background import BackgroundSet
from bgtasks.web.hub.hub_client import HubClient
from bgtasks.web.hub.questions import Questions
from bgtasks.web.hub.shared_reads import SharedReads
from bgtasks.web.judge import PolicyFailedError
from bgtasks.web.protocol import TASK_LOG

__all__ = ["LogNews"]

logger: logging.Logger = logging.getLogger(__name__)

PAUSE = 0.05
"""Seconds between two events for one client about one task; each has at most 1,000 lines."""


@define
class _Place:
    """How far a client has read the log of a task, and which lines the policy lets it see."""

    after: int = 0
    sees: Literal["nothing", "task", "everything"] = "nothing"
    asked_at: float = float("-inf")


class LogNews:
    """Reads for each client what is behind the last line that it was sent: so it misses none, and
    what it gets does not depend on what was told to others. One that reads slowly gets its lines
    later, and those that are no longer kept by then not at all.
    """

    def __init__(
        self,
        audience: Audience,
        access: TaskAccess,
        reads: SharedReads,
        codec: TaskCodec,
        clock: Clock,
        background: BackgroundSet,
    ) -> None:
        self._audience = audience
        self._access = access
        self._reads = reads
        self._codec = codec
        self._clock = clock
        self._background = background
        self._questions = Questions(clock)
        self._places: dict[HubClient, dict[UUID, _Place]] = {}
        self._busy: set[HubClient] = set()
        self._followed: set[UUID] = set()
        self._changed: set[UUID] = set()
        self._news = asyncio.Event()

    def put(self, task_ids: Collection[UUID] | None) -> None:
        """These tasks have new lines, or any may have: on the event loop, never waits."""
        if self._followed:
            changed = self._followed if task_ids is None else self._followed.intersection(task_ids)
            self._look(changed)

    def follow(self, client: HubClient) -> None:
        """A client follows other logs than before: begin with what is kept of those."""
        wanted = client.subscription.logs
        known = self._places.get(client, {})
        if wanted or known:
            self._places[client] = {item: known.get(item) or _Place() for item in wanted}
            self._followed |= wanted
            self._look(wanted)

    async def run(self) -> None:
        """Wait for news and tell of it; to be called again and again."""
        await self._news.wait()
        self._news.clear()
        changed, self._changed = self._changed, set()
        self._forget_those_who_left()
        for client, places in self._places.items():
            if ids := changed.intersection(places):
                self._begin(client, ids)
        await sleep(self._clock, PAUSE)

    def _look(self, changed: Iterable[UUID]) -> None:
        self._changed.update(changed)
        if self._changed:
            self._news.set()

    def _forget_those_who_left(self) -> None:
        here = set(self._audience)
        self._places = {client: own for client, own in self._places.items() if client in here}
        self._followed = {item for own in self._places.values() for item in own}

    def _begin(self, client: HubClient, ids: set[UUID]) -> None:
        if client in self._busy or not client.live or not client.takes_news():
            self._look(ids)  # once more, after the pause
            return
        self._busy.add(client)
        self._background.start(self._tell(client, ids))

    async def _tell(self, client: HubClient, ids: Iterable[UUID]) -> None:
        try:
            async with self._questions.one():
                if await self._audience.may_stay(client):
                    for task_id in ids:
                        await self._tell_of(client, task_id)
        except BaseException as error:
            if ends_this_task(error):
                raise
            if not isinstance(error, PolicyFailedError):  # which has been logged
                message = "new lines could not be sent to a client"
                log_safely(logger, logging.ERROR, message, error=error)
        finally:
            self._busy.discard(client)

    async def _tell_of(self, client: HubClient, task_id: UUID) -> None:
        place = self._places.get(client, {}).get(task_id)
        if place is None or not await self._sees(client, task_id, place):
            return
        source: Literal["task"] | None = None if place.sees == "everything" else "task"
        log: TaskLog = await self._reads.get_logs(task_id, place.after, source)
        if log.last == place.after or self._places.get(client, {}).get(task_id) is not place:
            return
        place.after = log.last
        if log:
            await client.notify(TASK_LOG, log_event_text(task_id, log, self._codec))
        self._look([task_id])  # there may be more

    async def _sees(self, client: HubClient, task_id: UUID, place: _Place) -> bool:
        """Asks the policy, whose answer counts for a minute."""
        now = self._clock.monotonic()
        if now - place.asked_at >= VERDICT_AGE:
            try:
                whole = await self._access.may_read_whole_log(client.requester, task_id)
            except TaskNotFoundError:
                place.sees = "nothing"
            else:
                place.sees = "everything" if whole else "task"
            place.asked_at = now
        return place.sees != "nothing"
