"""Sending snapshots: one encoding for all clients; a slow client gets only the newest ones."""

import logging

from bgtasks.concurrency.pace import Pace
from bgtasks.core.codec import TaskCodec
from bgtasks.web.encoded_task import EncodedTask, Info
from bgtasks.web.hub.audience import Audience
from bgtasks.web.hub.hub_client import FanOut, HubClient

__all__ = ["Dispatcher"]

logger: logging.Logger = logging.getLogger(__name__)

SENDING = 1024
"""What a message to one client costs, in characters of JSON as :class:`Pace` counts them."""


class Dispatcher:
    """Sends each update to the clients that follow the task and may see it."""

    def __init__(self, audience: Audience, fan_out: FanOut, codec: TaskCodec) -> None:
        self._audience = audience
        self._fan_out = fan_out
        self._codec = codec
        self._pace = Pace()

    async def broadcast(self, info: Info) -> None:
        """Send ``info`` to every client that follows it and may see it: at once where the policy
        has answered before, to the other clients once it answers.
        """
        seeing, unknown = self._audience.who_follows(info)
        if not seeing and not unknown:
            return
        encoded = EncodedTask(info, self._codec)
        if seeing:
            await self._send(encoded, seeing)
        for client in unknown:
            self._audience.ask(client, encoded, self._give)
        await self._pace.spent(len(encoded.text) + SENDING * len(seeing))

    async def _give(self, client: HubClient, encoded: EncodedTask) -> None:
        await self._send(encoded, [client])

    async def _send(self, encoded: EncodedTask, clients: list[HubClient]) -> None:
        """Large payloads go only to clients that follow this task by its id."""
        if encoded.light is not encoded:
            wanting = [c for c in clients if c.subscription.wants_payload(encoded.info)]
            await self._put(encoded, wanting)
            encoded, clients = encoded.light, [c for c in clients if c not in wanting]
        await self._put(encoded, clients)

    async def _put(self, encoded: EncodedTask, clients: list[HubClient]) -> None:
        if not clients:
            return
        for client in await self._fan_out.broadcast(encoded, clients):
            self._later(client, encoded)

    def _later(self, client: HubClient, encoded: EncodedTask) -> None:
        if client.put(encoded):
            client.wake()
        else:
            logger.warning("a client that reads too slowly is disconnected")
            client.expel()
