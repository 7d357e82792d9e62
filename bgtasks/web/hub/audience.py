"""The connected clients, and which of them may see an update."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator

from bgtasks.clock import Clock, sleep
from bgtasks.logs import log_fields
from bgtasks.web.hub.hub_client import Client
from bgtasks.web.hub.snapshot import Info
from bgtasks.web.hub.subscription import EVERYTHING
from bgtasks.web.policy import BackgroundTaskPolicy

__all__ = ["Audience"]

logger = logging.getLogger(__name__)

POLICY_TIMEOUT = 10.0
"""Seconds a policy may take for one answer."""

VERDICT_AGE = 60.0
"""Seconds after which a client has to be authorized again: connections outlive sessions."""

RENEWED_EVERY = 10.0
"""Seconds between two looks for clients that have to be authorized again."""

ASKED_AT_ONCE = 100
"""For how many clients the policy is asked at the same time."""


class Audience:
    """The table of connected clients. It asks the policy once per client and task, and again
    when the answer is a minute old.

    A client about which the policy fails is disconnected: when it comes back it gets the tasks
    anew, where leaving out one update would show it something outdated for ever.
    """

    def __init__(self, policy: BackgroundTaskPolicy, clock: Clock) -> None:
        self._policy = policy
        self._clock = clock
        self._clients: dict[str, Client] = {}

    def __len__(self) -> int:
        """How many clients there are."""
        return len(self._clients)

    def __iter__(self) -> Iterator[Client]:
        """All clients, as they are now."""
        return iter(list(self._clients.values()))

    def get(self, sid: str) -> Client | None:
        """The client with this sid."""
        return self._clients.get(sid)

    def add(self, client: Client) -> None:
        """Take in a client that the policy has just let in."""
        client.authorized(self._clock.monotonic())
        self._clients[client.sid] = client

    def remove(self, sid: str) -> None:
        """Let a client go, and end what runs for it."""
        client = self._clients.pop(sid, None)
        if client is not None:
            client.stop()

    async def may_stay(self, client: Client) -> bool:
        """Whether the client is still authorized; if not, it is told so and disconnected."""
        now = self._clock.monotonic()
        if now - client.checked_at < VERDICT_AGE:
            return True
        async with asyncio.timeout(POLICY_TIMEOUT):
            allowed = await self._policy.can_connect(client.requester)
        if allowed:
            client.authorized(now)
        else:
            client.refuse("you may not use background tasks here any more")
        return bool(allowed)

    async def renew(self) -> None:
        """Ask for ever whether the clients may stay, also those for which nothing happens."""
        while True:
            await sleep(self._clock, RENEWED_EVERY)
            fresh = self._clock.monotonic() - VERDICT_AGE
            await self._ask_each([c for c in self if c.live and c.checked_at <= fresh], self._renew)

    async def who_may_see(self, info: Info) -> list[Client]:
        """The live clients that follow ``info`` and may see it."""
        number, fresh = info.id.int, self._clock.monotonic() - VERDICT_AGE
        seeing, unknown = [], []
        # Runs for each client at each update: calls are saved where they cost the most.
        for client in self._clients.values():
            subscription = client.subscription
            if client.live and (subscription is EVERYTHING or subscription.matches(info)):
                verdict = client.verdict(number) if client.checked_at > fresh else None
                if verdict:
                    seeing.append(client)
                elif verdict is None:
                    unknown.append(client)
        if not unknown:
            return seeing
        await self._ask_each(unknown, lambda client: self._ask(client, info))
        # Asking took time: some may have left, or follow something else by now.
        return [
            c
            for c in (*seeing, *unknown)
            if c.live and c.verdict(number) and c.subscription.matches(info)
        ]

    async def _ask_each(
        self, clients: list[Client], ask: Callable[[Client], Awaitable[None]]
    ) -> None:
        for start in range(0, len(clients), ASKED_AT_ONCE):
            await asyncio.gather(*map(ask, clients[start : start + ASKED_AT_ONCE]))

    async def _ask(self, client: Client, info: Info) -> None:
        try:
            if await self.may_stay(client):
                async with asyncio.timeout(POLICY_TIMEOUT):
                    verdict = await self._policy.can_view(client.requester, info)
                client.remember(info.id, bool(verdict))
        except Exception:
            logger.exception(
                "the policy failed for task %s; a client is disconnected",
                info.id,
                extra=log_fields(info),
            )
            client.expel()

    async def _renew(self, client: Client) -> None:
        try:
            await self.may_stay(client)
        except Exception:
            logger.exception("the policy failed; a client is disconnected")
            client.expel()
