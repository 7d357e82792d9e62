"""A client over server-sent events."""

import asyncio
import json
from collections import deque
from uuid import uuid4

from bgtasks.web.hub.hub_client import HubClient
from bgtasks.web.hub.subscription import Subscription
from bgtasks.web.protocol import REFUSED
from bgtasks.web.requester import Requester

__all__ = ["StreamClient"]


MAX_NEWS = 64
"""How many events beside the updates of tasks wait for a client."""


class StreamClient(HubClient):
    """A client on one HTTP response that does not end.

    It has no queue: whatever it is to be sent waits in its backlog until the response can take
    more, so that one that does not read is current when it reads again.
    """

    def __init__(self, requester: Requester, subscription: Subscription) -> None:
        super().__init__(f"stream {uuid4()}", requester, subscription)
        self.woken: asyncio.Event = asyncio.Event()
        self.closed: asyncio.Event = asyncio.Event()
        self.news: deque[bytes] = deque()
        self.farewell: bytes = b""
        """What it is sent last."""

    async def opened(self) -> None:
        pass

    def wake(self) -> None:
        self.woken.set()

    async def notify(self, event: str, text: str) -> None:
        if len(self.news) >= MAX_NEWS:
            self.expel()  # it comes back, and asks for what it has missed
            return
        self.news.append(f"event: {event}\ndata: {text}\n\n".encode())
        self.woken.set()

    def takes_news(self) -> bool:
        return not self.news

    def expel(self) -> None:
        self.live = False
        self.closed.set()
        self.woken.set()

    def refuse(self, error: str) -> None:
        # A browser asks again, and the 403 it gets then keeps it away.
        self.farewell = f"event: {REFUSED}\ndata: {json.dumps({'error': error})}\n\n".encode()
        self.expel()

    def stop(self) -> None:
        super().stop()
        self.expel()
