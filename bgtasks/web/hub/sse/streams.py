"""The open event streams of a running hub."""

import asyncio
import logging

from starlette.types import Receive, Scope, Send

from bgtasks.clock import Clock
from bgtasks.web.hub.reception import Reception, RefusedError
from bgtasks.web.hub.refusals import refuse_request
from bgtasks.web.hub.sse.event_stream import EventStream
from bgtasks.web.hub.sse.server_exit import server_is_stopping
from bgtasks.web.hub.sse.stream_client import StreamClient
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

    def __init__(self, reception: Reception, clock: Clock) -> None:
        self._reception = reception
        self._clock = clock
        self._open: dict[StreamClient, asyncio.Event] = {}
        self._opened = asyncio.Event()

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
        self._opened.set()
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

    async def end_with_server(self) -> None:
        """While there are streams, look after a moment whether the server wants to stop, and end
        them if so; to be called again and again.
        """
        await self._opened.wait()
        await asyncio.sleep(LOOK_EVERY)
        if server_is_stopping():
            self._end_all()
        if not self._open:
            self._opened.clear()
