"""The open event streams of a running hub."""

import asyncio
import logging

from starlette.types import Receive, Scope, Send

from bgtasks.clock import Clock
from bgtasks.web.hub.background import BackgroundSet
from bgtasks.web.hub.event_stream import EventStream
from bgtasks.web.hub.reception import Reception, RefusedError
from bgtasks.web.hub.refusals import refuse_request
from bgtasks.web.hub.server_exit import server_is_stopping
from bgtasks.web.hub.stream_client import StreamClient
from bgtasks.web.hub.subscription import Subscription
from bgtasks.web.requester import Requester

__all__ = ["Streams"]

logger = logging.getLogger(__name__)

LOOK_EVERY = 0.2
"""Seconds between two looks whether the server is about to stop."""

STOP_TIMEOUT = 2.0
"""Seconds that streams get for ending at a stop."""


class Streams:
    """Serves clients over server-sent events, which share all but the way of sending with those
    over Socket.IO, the greatest number of clients included.
    """

    def __init__(self, reception: Reception, clock: Clock, background: BackgroundSet) -> None:
        self._reception = reception
        self._clock = clock
        self._background = background
        self._open: dict[StreamClient, asyncio.Event] = {}
        self._watching: asyncio.Task[None] | None = None

    async def serve(
        self,
        requester: Requester,
        subscription: Subscription,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        """Serve one request of somebody whom the policy has let in."""
        client = StreamClient(requester, subscription)
        try:
            self._reception.admit(client)
        except RefusedError as error:
            return await refuse_request(503, str(error), scope, receive, send)
        ended = self._open[client] = asyncio.Event()
        self._watch()
        try:
            await EventStream(client, self._clock).serve(receive, send)
        finally:
            del self._open[client]
            ended.set()
            self._reception.leave(client.sid)

    async def stop(self) -> None:
        """End all streams; browsers come back by themselves."""
        endings = list(self._open.values())
        self._end_all()
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                for ended in endings:
                    await ended.wait()
        except TimeoutError:
            logger.warning("%d event streams did not end in time", len(self._open))

    def _end_all(self) -> None:
        for client in list(self._open):
            client.expel()

    def _watch(self) -> None:
        if self._watching is None:
            self._watching = self._background.start(self._end_with_server())

    async def _end_with_server(self) -> None:
        """As long as there are streams: end them when the server wants to stop."""
        while self._open:
            await asyncio.sleep(LOOK_EVERY)
            if server_is_stopping():
                self._end_all()
        self._watching = None
