"""The connected clients, and which of them may see an update."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from itertools import islice

from bgtasks.clock import Clock, sleep
from bgtasks.concurrency.lasting import ends_this_task
from bgtasks.logs import log_safely
from bgtasks.web.encoded_task import EncodedTask, Info
from bgtasks.web.hub.background import BackgroundSet
from bgtasks.web.hub.by_owner import ByOwner
from bgtasks.web.hub.hub_client import HubClient, verdict_key
from bgtasks.web.hub.questions import Questions
from bgtasks.web.hub.subscription import EVERYTHING
from bgtasks.web.judge import Judge, Owners, PolicyFailedError, is_among

__all__ = ["Audience"]

logger: logging.Logger = logging.getLogger(__name__)

VERDICT_AGE = 60.0
"""Seconds after which a client has to be authorized again: connections outlive sessions."""

ASKED_IN_ONE_GO = 64
"""How many tasks the policy is asked about for one client before other clients have their turn."""

RENEWED_EVERY = 10.0
"""Seconds between two checks for clients whose authorization is too old."""

Give = Callable[[HubClient, EncodedTask], Awaitable[None]]


class Audience:
    """The table of connected clients. It asks the policy once per client and task, or once per
    client where the owners whose tasks it sees say all, and again when the answer is a minute old.

    If the policy fails for a client, the client is disconnected. It reconnects and gets all tasks
    again. Without that, a missed update would leave an outdated state on its page for ever.
    """

    def __init__(self, judge: Judge, clock: Clock, background: BackgroundSet) -> None:
        self._judge = judge
        self._clock = clock
        self._background = background
        self._questions = Questions(clock)
        self._clients: dict[str, HubClient] = {}
        self._asked_by_task: dict[str, HubClient] = {}
        self._by_owner = ByOwner()
        self._parties: Counter[str] = Counter()

    def __len__(self) -> int:
        """How many clients there are."""
        return len(self._clients)

    def __iter__(self) -> Iterator[HubClient]:
        """All clients, as they are now."""
        return iter(list(self._clients.values()))

    def get(self, sid: str) -> HubClient | None:
        """The client with this sid."""
        return self._clients.get(sid)

    def add(self, client: HubClient) -> None:
        """Take in a client that the policy has just let in."""
        self._clients[client.sid] = client
        self._authorized(client, self._clock.monotonic())
        self._parties[client.party] += 1

    def remove(self, sid: str) -> None:
        """Remove a client, and end what runs for it."""
        client = self._clients.pop(sid, None)
        if client is not None:
            self._asked_by_task.pop(sid, None)
            self._by_owner.remove(client)
            self._parties[client.party] -= 1
            if not self._parties[client.party]:
                del self._parties[client.party]
            client.stop()

    def number_of(self, party: str) -> int:
        """How many clients a user has, or an address where nobody is logged in."""
        return self._parties[party]

    async def may_stay(self, client: HubClient) -> bool:
        """Whether the client is still authorized. If not, it is told so and disconnected."""
        now = self._clock.monotonic()
        if now - client.checked_at < VERDICT_AGE:
            return True
        allowed = await self._judge.may_connect(client.requester)
        if allowed:
            self._authorized(client, now)
        else:
            client.refuse("you may not use background tasks here any more")
        return allowed

    async def renew(self) -> None:
        """Wait ``RENEWED_EVERY`` seconds, then ask about clients that nothing else asks about."""
        await sleep(self._clock, RENEWED_EVERY)
        fresh = self._clock.monotonic() - VERDICT_AGE
        await asyncio.gather(*[self._renew(c) for c in self if c.live and c.checked_at <= fresh])

    def who_follows(self, info: Info) -> tuple[list[HubClient], list[HubClient]]:
        """The live clients that follow ``info``: those that may see it, and those about which the
        policy has to be asked first.
        """
        key, fresh = verdict_key(info), self._clock.monotonic() - VERDICT_AGE
        seeing, unknown = [], []
        # Runs for each client at each update: calls are saved where they cost the most.
        for client in self._asked_by_task.values():
            subscription = client.subscription
            if client.live and (subscription is EVERYTHING or subscription.matches(info)):
                verdict = client.verdict(key) if client.checked_at > fresh else None
                if verdict:
                    seeing.append(client)
                elif verdict is None:
                    unknown.append(client)
        for client in self._by_owner.seeing(info.owner):
            if client.live and client.subscription.matches(info):
                (seeing if client.checked_at > fresh else unknown).append(client)
        return seeing, unknown

    def _authorized(self, client: HubClient, now: float) -> None:
        client.authorized(now)
        self._by_owner.remove(client)
        if client.sid in self._clients:
            self._asked_by_task[client.sid] = client

    def _sees_tasks_of(self, owners: Owners, client: HubClient) -> None:
        """From here on nothing has to be asked for this client."""
        if self._asked_by_task.pop(client.sid, None) is not None:
            self._by_owner.put(client, owners)

    def ask(self, client: HubClient, encoded: EncodedTask, give: Give) -> None:
        """Ask the policy whether the client may see the task. If so, ``give`` it the snapshot, or a
        newer one that has arrived meanwhile. No other client waits for the answer.
        """
        if not client.undecided.keep(encoded):
            logger.warning("a client is disconnected: the policy answers too slowly for it")
            client.expel()
        elif client.asking is None:
            client.asking = self._background.start(self._ask_for(client, give))

    async def _ask_for(self, client: HubClient, give: Give) -> None:
        try:
            while client.live and client.undecided:
                async with self._questions.one():
                    await self._ask_about_some(client, give)
        except BaseException as error:
            if ends_this_task(error):
                raise
            _expel(client, error)
        finally:
            client.asking = None

    async def _ask_about_some(self, client: HubClient, give: Give) -> None:
        """Ask about several tasks at once: on a busy event loop each asyncio task costs a turn."""
        if not await self.may_stay(client):
            return

        async def answered(info: Info, sees: bool) -> None:
            client.remember(info, sees)
            waiting = client.undecided.get(info.id)
            if waiting is None or verdict_key(waiting.info) != verdict_key(info):
                return  # overtaken by a replay, or by another task with the same id
            # Nothing is awaited up to here: an update that comes now finds the verdict.
            client.undecided.take(info.id)
            if sees and client.live and client.subscription.matches(waiting.info):
                await give(client, waiting)

        some = [each.info for each in islice(client.undecided.values(), ASKED_IN_ONE_GO)]
        if not self._judge.owners_say_all:
            await self._judge.may_view_each(client.requester, some, answered)
            return
        owners = await self._judge.visible_owners(client.requester)
        for info in some:
            await answered(info, is_among(info.owner, owners))
        # Not while some wait: a newer update of one of their tasks would go before them.
        if not client.undecided:
            self._sees_tasks_of(owners, client)

    async def _renew(self, client: HubClient) -> None:
        try:
            async with self._questions.one():
                await self.may_stay(client)
        except BaseException as error:
            if ends_this_task(error):
                raise
            _expel(client, error)


def _expel(client: HubClient, error: BaseException) -> None:
    if not isinstance(error, PolicyFailedError):  # which has been logged
        log_safely(
            logger, logging.ERROR, "a client is disconnected: it could not be served", error=error
        )
    client.expel()
