"""The open event streams of a running hub."""

import asyncio
import logging

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from bgtasks.clock import Clock, resolve, sleep, wait_done
from bgtasks.web.host_server import is_stopping
from bgtasks.web.hub.log_news import LogNews
from bgtasks.web.hub.reception import Reception, RefusedError
from bgtasks.web.hub.sse.event_stream import EVENT_STREAM_HEADERS, EventStream
from bgtasks.web.hub.sse.stream_client import StreamClient
from bgtasks.web.hub.subscription import Subscription
from bgtasks.web.problems import refuse_request
from bgtasks.web.requester import Requester

__all__ = ["Streams"]

logger: logging.Logger = logging.getLogger(__name__)

LOOK_EVERY = 0.2
"""Seconds between two looks whether the server is about to stop."""

STOP_TIMEOUT = 2.0
"""Seconds that streams get for ending at a stop."""


class Streams:
    """Serves clients over server-sent events, which share all but the way of sending with those
    over Socket.IO, the greatest number of clients included.
    """

    def __init__(self, reception: Reception, log_news: LogNews, clock: Clock) -> None:
        self._reception = reception
        self._log_news = log_news
        self._clock = clock
        self._open: dict[StreamClient, asyncio.Future[None]] = {}
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
        if scope["method"] == "HEAD":
            return await Response(headers=EVENT_STREAM_HEADERS)(scope, receive, send)
        client = StreamClient(requester, subscription)
        try:
            self._reception.admit(client)
        except RefusedError as error:
            return await refuse_request(503, str(error), scope, receive, send)
        self._log_news.follow(client)
        ended = self._open[client] = asyncio.get_running_loop().create_future()
        self._opened.set()
        try:
            await EventStream(client, self._clock).serve(receive, send)
        finally:
            del self._open[client]
            resolve(ended)
            self._reception.leave(client.sid)

    async def stop(self) -> None:
        """End all streams; browsers come back by themselves."""
        endings = list(self._open.values())
        self._end_all()
        if not await wait_done(endings, self._clock, STOP_TIMEOUT):
            logger.warning("%d event streams did not end in time", len(self._open))

    def _end_all(self) -> None:
        for client in list(self._open):
            client.expel()

    async def tend(self) -> None:
        """While there are streams, look after a moment whether the server wants to stop, and end
        them if so; to be called again and again.
        """
        await self._opened.wait()
        await sleep(self._clock, LOOK_EVERY)
        if is_stopping():
            self._end_all()
        if not self._open:
            self._opened.clear()
