"""One websocket between the server and the protocol library: the gate every frame passes."""

import asyncio
import logging
from collections import deque

from starlette.requests import HTTPConnection
from starlette.types import Message, Receive, Scope, Send

from bgtasks.clock import Clock, Timer, resolve
from bgtasks.web.host_server import UNLIMITED
from bgtasks.web.hub.background import BackgroundSet
from bgtasks.web.hub.hub_client import PacketQueue
from bgtasks.web.hub.socketio.frames import asks_for_answer, is_acceptable, is_answer
from bgtasks.web.hub.socketio.lobby import Lobby
from bgtasks.web.hub.socketio.outlet import Outlet, expire
from bgtasks.web.hub.socketio.update_queue import UpdateQueue
from bgtasks.web.protocol import MAX_FRAME
from bgtasks.web.refusal_log import RefusalLog
from bgtasks.web.requester import Requester

__all__ = ["WEBSOCKET_KEY", "Websocket"]

logger: logging.Logger = logging.getLogger(__name__)

WEBSOCKET_KEY = "bgtasks.websocket"
"""Where the scope of a handshake has its Websocket."""

JOIN_TIMEOUT = 10.0
"""Seconds a websocket may stay open without having joined the namespace."""

READ_TIMEOUT = 90.0
"""Seconds a client may take to read what was written to it last, before its websocket is given up.
Most are noticed before: the protocol library expects an answer to its pings within 45 seconds."""

MAX_JOINS = 10
"""How often a websocket may ask for joining within ``JOINS_WITHIN``: the policy and the store are
asked each time, and who leaves between two joins would else have them asked without end."""

JOINS_WITHIN = 60.0
"""Seconds."""

_CLOSE = "1"
"""The frame with which a client takes its leave."""

_GONE: Message = {"type": "websocket.disconnect", "code": 1006}


class Websocket:
    """Wraps ``receive`` and ``send`` of one websocket.

    To the protocol library a websocket that is closed here, or that sends what it must not, or
    never joins, or does not read, looks like one whose client went away: the one way of ending that
    it cleans up completely after.
    """

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        clock: Clock,
        lobby: Lobby,
        refusals: RefusalLog,
        tasks: BackgroundSet,
    ) -> None:
        self.scope: Scope = {**scope, "headers": _upgrading(scope), WEBSOCKET_KEY: self}
        self.party: str = Requester(HTTPConnection(scope)).party
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.outlet: Outlet = Outlet(send, clock, tasks)
        self.sid: str | None = None
        self._receive = receive
        self._clock = clock
        self._lobby = lobby
        self._refusals = refusals
        self._closed = False
        self._joins: deque[float] = deque(maxlen=MAX_JOINS)
        self._join_timer = self._expect_join()
        self._is_overdue = False
        self._reading: asyncio.Timeout | None = None
        self._queue: PacketQueue | None = None
        self._owes_answer = False

    def may_join(self) -> bool:
        """Whether its client, which asks to join, has not done so too often; it is counted."""
        now = self._clock.monotonic()
        if len(self._joins) == MAX_JOINS and now - self._joins[0] < JOINS_WITHIN:
            return False
        self._joins.append(now)
        return True

    def joined(self, sid: str, queue: PacketQueue) -> None:
        """Its client is in the namespace as ``sid`` and may stay; ``queue`` is what waits to be
        written to it."""
        self.sid, self._queue = sid, queue
        self.outlet.accepted()
        if isinstance(queue, UpdateQueue):
            queue.send_at_once = self.outlet.send_at_once
        self._join_timer.cancel()
        self._is_overdue = False
        self._lobby.leave(self)

    def left(self) -> None:
        """Its client is no longer in the namespace, and has some time to join."""
        self._owes_answer = False
        self._join_timer.cancel()
        self._join_timer = self._expect_join()
        if not self._lobby.enter(self):
            self.close()

    def close(self) -> None:
        """End the connection; a JavaScript client connects again by itself."""
        self._closed = True
        self.outlet.close()
        expire(self._reading)

    def end(self) -> None:
        """The connection is over: nothing reads or writes it."""
        self._join_timer.cancel()
        self._lobby.leave(self)
        self.outlet.close()
        resolve(self.ended)

    def close_if_not_read(self) -> None:
        """End the connection if its client has read nothing for too long."""
        if self.outlet.give_up(READ_TIMEOUT):
            logger.info("a client that does not read is disconnected")
            self.close()

    async def receive(self) -> Message:
        """The next acceptable message, or that the client has gone."""
        message = _GONE if self._closed or self._is_overdue else await self._next()
        text = message.get("text")
        if message["type"] == "websocket.receive" and not _is_acceptable(message):
            logger.debug("closed a connection that sent what is no message of ours")
            if text is not None and len(text) > MAX_FRAME:
                self._refusals.say_once(f"a message over {MAX_FRAME:,} bytes came in: {UNLIMITED}")
            message = _GONE
        elif text == _CLOSE:
            # The library forgets the client but reads on, and half connects who connects again.
            message = _GONE
        self._closed = self._closed or message is _GONE
        if text is not None and not self._closed:
            self._owes_answer = asks_for_answer(text) and (
                self._queue is not None or text[1] == "0"
            )
        return message

    async def send(self, message: Message) -> None:
        """Hand a message to the server; returns when it can take more. Raises OSError once the
        client has read nothing for too long."""
        try:
            await self.outlet.send(message)
        finally:
            if self._owes_answer and is_answer(message.get("text") or ""):
                self._owes_answer = False

    async def _next(self) -> Message:
        try:
            async with asyncio.timeout(None) as self._reading:
                await self._answered()
                return await self._receive()
        except TimeoutError:
            return _GONE
        finally:
            self._reading = None

    async def _answered(self) -> None:
        """Wait until the client has taken the answer to what it sent last. The protocol library
        would keep any number of answers for a client that does not read; so nothing more is read
        of such a client."""
        while self._owes_answer and not self._is_idle():
            self.outlet.sent.clear()
            await self.outlet.sent.wait()

    def _is_idle(self) -> bool:
        """Whether nothing waits to be written: then there has been no answer to wait for."""
        return self._queue is not None and self._queue.qsize() == 0 and not self.outlet.is_busy

    def _expect_join(self) -> Timer:
        return self._clock.call_later(JOIN_TIMEOUT, self._did_not_join)

    def _did_not_join(self) -> None:
        self._is_overdue = True
        expire(self._reading)


def _upgrading(scope: Scope) -> list[tuple[bytes, bytes]]:
    """The headers with those of an upgrade, which the protocol library insists on. A websocket
    over HTTP/2 has none, nor has that of a test client."""
    upgrade = {b"connection": b"upgrade", b"upgrade": b"websocket"}
    others = [(name, value) for name, value in scope["headers"] if name not in upgrade]
    return [*others, *upgrade.items()]


def _is_acceptable(message: Message) -> bool:
    return message.get("bytes") is None and is_acceptable(message.get("text"))
