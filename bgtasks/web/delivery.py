"""Sending snapshots: one encoding for all who read in time, the newest only for who does not."""

import logging
from collections.abc import Sequence
from typing import Any

from bgtasks.serialization import TaskCodec
from bgtasks.web.audience import Audience
from bgtasks.web.background import BackgroundSet
from bgtasks.web.hub_client import Client, Info
from bgtasks.web.server import NAMESPACE, queue_depth

__all__ = ["Delivery"]

logger = logging.getLogger(__name__)

MAX_DEPTH = 16
"""How many packets wait for a client before it counts as slow."""


class Delivery:
    """Emits ``TaskUpdated`` events.

    The protocol library queues without bound for a client that stops reading. Such a client is
    sent nothing until it reads again; the newest snapshot of each task waits for it here.
    """

    def __init__(
        self, server: Any, audience: Audience, codec: TaskCodec, background: BackgroundSet
    ) -> None:
        self._server = server
        self._audience = audience
        self._codec = codec
        self._background = background

    async def broadcast(self, info: Info) -> None:
        """Send ``info`` to every client that follows it and may see it."""
        at_once = []
        for client in await self._audience.who_may_see(info):
            if client.held or client.backlog or self._is_behind(client):
                self._later(client, info)
            else:
                at_once.append(client.sid)
        await self._emit(info, at_once)

    def feed(self, client: Client) -> None:
        """Send a client its backlog, as fast as it reads."""
        if client.backlog and not client.held and client.feeder is None:
            client.feeder = self._background.start(self._feed(client))

    def _later(self, client: Client, info: Info) -> None:
        if not client.put(info):
            logger.warning("a client that reads too slowly is disconnected")
            client.expel()
        self.feed(client)

    def _is_behind(self, client: Client) -> bool:
        return queue_depth(self._server, client.connection.eio_sid) >= MAX_DEPTH

    async def _feed(self, client: Client) -> None:
        while client.live and client.backlog and not client.held:
            if self._is_behind(client):
                # A full queue is on its way out, so there will be a next frame that was sent.
                client.connection.sent.clear()
                await client.connection.sent.wait()
                continue
            _, info = client.backlog.popitem(last=False)
            try:
                if client.subscription.matches(info):
                    await self._emit(info, [client.sid])
            except Exception:
                logger.exception("an update of task %s could not be sent", info.id)
        client.feeder = None

    async def _emit(self, info: Info, sids: Sequence[str]) -> None:
        if not sids:
            return  # an empty "to" means everybody, also who was not let in yet
        await self._server.emit(
            "TaskUpdated", self._codec.wire(info), to=list(sids), namespace=NAMESPACE
        )
