"""One websocket between the server and the protocol library: the gate every frame passes."""

import asyncio
import logging
from collections import deque

from starlette.types import Message, Receive, Scope, Send

from bgtasks.web.hub.frames import is_acceptable

__all__ = ["CONNECTION_KEY", "Connection"]

logger = logging.getLogger(__name__)

CONNECTION_KEY = "bgtasks.connection"
"""Where the scope of a handshake has its Connection."""

JOIN_TIMEOUT = 20.0
"""Seconds a websocket may stay open without having joined the namespace."""

MAX_JOINS = 10
"""How often a websocket may ask for joining within ``JOINS_WITHIN``: the policy and the store are
asked each time, and who leaves between two joins would else have them asked without end."""

JOINS_WITHIN = 60.0
"""Seconds."""

_CLOSE = "1"
"""The frame with which a client takes its leave."""

_GONE: Message = {"type": "websocket.disconnect", "code": 1006}


class Connection:
    """Wraps ``receive`` and ``send`` of one websocket.

    To the protocol library a connection that is closed here, or that sends what it must not, or
    never joins, looks like one whose client went away: the one way of ending that it cleans up
    completely after.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope: Scope = {**scope, "headers": _upgrading(scope), CONNECTION_KEY: self}
        self.ended = asyncio.Event()
        self.sent = asyncio.Event()
        self.sid: str | None = None
        self.eio_sid: str | None = None
        self._receive = receive
        self._send = send
        self._closed = False
        self._join_by: float | None = None
        self._joins: deque[float] = deque(maxlen=MAX_JOINS)
        self._reading: asyncio.Timeout | None = None
        self.left()

    def may_join(self) -> bool:
        """Whether its client, which asks to join, has not done so too often; it is counted."""
        now = asyncio.get_running_loop().time()
        if len(self._joins) == MAX_JOINS and now - self._joins[0] < JOINS_WITHIN:
            return False
        self._joins.append(now)
        return True

    def joined(self, sid: str, eio_sid: str) -> None:
        """Its client is in the namespace and may stay; the protocol library's names for both."""
        self.sid, self.eio_sid = sid, eio_sid
        self._join_by = None

    def left(self) -> None:
        """Its client is not in the namespace (any more), and has some time to join."""
        self._join_by = asyncio.get_running_loop().time() + JOIN_TIMEOUT
        self._end_reading(self._join_by)

    def close(self) -> None:
        """End the connection; a JavaScript client connects again by itself."""
        self._closed = True
        self._end_reading(asyncio.get_running_loop().time())

    async def receive(self) -> Message:
        """The next acceptable message, or that the client has gone."""
        if self._closed:
            return _GONE
        try:
            async with asyncio.timeout_at(self._join_by) as self._reading:
                message = await self._receive()
        except TimeoutError:
            self._closed = True
            return _GONE
        finally:
            self._reading = None
        if message["type"] == "websocket.receive" and not _is_acceptable(message):
            logger.debug("closed a connection that sent what is no message of ours")
            self._closed = True
            return _GONE
        if message.get("text") == _CLOSE:
            # The library forgets the client but reads on, and half connects who connects again.
            self._closed = True
            return _GONE
        return message

    def _end_reading(self, at: float) -> None:
        if self._reading is not None and not self._reading.expired():
            self._reading.reschedule(at)

    async def send(self, message: Message) -> None:
        """Hand a message to the server; returns when it can take more."""
        await self._send(message)
        self.sent.set()


def _upgrading(scope: Scope) -> list[tuple[bytes, bytes]]:
    """The headers with those of an upgrade, which the protocol library insists on. A websocket
    over HTTP/2 has none, nor has that of a test client."""
    upgrade = {b"connection": b"upgrade", b"upgrade": b"websocket"}
    others = [(name, value) for name, value in scope["headers"] if name not in upgrade]
    return [*others, *upgrade.items()]


def _is_acceptable(message: Message) -> bool:
    return message.get("bytes") is None and is_acceptable(message.get("text"))
