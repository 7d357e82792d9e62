"""Sending snapshots: one encoding for all who read in time, the newest only for who does not."""

import logging

from bgtasks.concurrency.pace import Pace
from bgtasks.core.codec import TaskCodec
from bgtasks.web.hub.audience import Audience
from bgtasks.web.hub.hub_client import Client, FanOut
from bgtasks.web.hub.snapshot import Info, Snapshot

__all__ = ["Delivery"]

logger = logging.getLogger(__name__)


class Delivery:
    """Gives each update to the clients that follow it and may see it."""

    def __init__(self, audience: Audience, fan_out: FanOut, codec: TaskCodec) -> None:
        self._audience = audience
        self._fan_out = fan_out
        self._codec = codec
        self._pace = Pace()

    async def broadcast(self, info: Info) -> None:
        """Send ``info`` to every client that follows it and may see it: at once to those of which
        that is known, to the others when the policy has answered.
        """
        seeing, unknown = self._audience.who_follows(info)
        if not seeing and not unknown:
            return
        snapshot = Snapshot(info, self._codec)
        if seeing:
            await self._send(snapshot, seeing)
        for client in unknown:
            self._audience.ask(client, snapshot, self._give)
        await self._pace.spent(len(snapshot.text))

    async def _give(self, client: Client, snapshot: Snapshot) -> None:
        await self._send(snapshot, [client])

    async def _send(self, snapshot: Snapshot, clients: list[Client]) -> None:
        """Large payloads go to those who follow just this task."""
        if snapshot.light is not snapshot:
            wanting = [c for c in clients if c.subscription.wants_payload(snapshot.info)]
            await self._put(snapshot, wanting)
            snapshot, clients = snapshot.light, [c for c in clients if c not in wanting]
        await self._put(snapshot, clients)

    async def _put(self, snapshot: Snapshot, clients: list[Client]) -> None:
        if not clients:
            return
        for client in await self._fan_out.broadcast(snapshot, clients):
            self._later(client, snapshot)

    def _later(self, client: Client, snapshot: Snapshot) -> None:
        if client.put(snapshot):
            client.wake()
        else:
            logger.warning("a client that reads too slowly is disconnected")
            client.expel()
