"""A client over Socket.IO."""

import asyncio
import logging
from typing import Any

from bgtasks.concurrency.lasting import ends_this_task
from bgtasks.concurrency.pace import Pace
from bgtasks.logs import log_fields, log_safely
from bgtasks.web.encoded_task import EncodedTask
from bgtasks.web.hub.background import BackgroundSet
from bgtasks.web.hub.hub_client import MAX_DEPTH, HubClient, PacketQueue
from bgtasks.web.hub.socketio.fan_out import SocketFanOut
from bgtasks.web.hub.socketio.server import JsonText
from bgtasks.web.hub.socketio.websocket import Websocket
from bgtasks.web.hub.subscription import Subscription
from bgtasks.web.protocol import NAMESPACE, REFUSED
from bgtasks.web.requester import Requester

__all__ = ["SocketClient"]

logger: logging.Logger = logging.getLogger(__name__)

MAX_NEWS = 4 * MAX_DEPTH
"""How many packets wait for a client that is still sent news beside the updates of tasks."""


class SocketClient(HubClient):
    """A client in our namespace, on one websocket.

    The protocol library queues without bound for a client that stops reading. Such a client is
    sent nothing until it reads again; the newest snapshot of each task waits in the backlog.
    """

    def __init__(
        self,
        sid: str,
        requester: Requester,
        subscription: Subscription,
        websocket: Websocket,
        queue: PacketQueue,
        server: Any,
        fan_out: SocketFanOut,
        background: BackgroundSet,
    ) -> None:
        super().__init__(sid, requester, subscription)
        self.websocket = websocket
        self.queue: PacketQueue = queue
        self._server = server
        self._fan_out = fan_out
        self._background = background
        self._feeder: asyncio.Task[None] | None = None
        self._refused = False

    async def opened(self) -> None:
        # The library has no signal for it, but is only a few steps away from being there.
        while not self._server.manager.is_connected(self.sid, NAMESPACE):  # noqa: ASYNC110
            await asyncio.sleep(0)

    def wake(self) -> None:
        if self.backlog and not self.held and self._feeder is None:
            self._feeder = self._background.start(self._feed())

    async def notify(self, event: str, text: str) -> None:
        if self.queue.qsize() > MAX_NEWS:
            self.expel()  # it comes back, and asks for what it has missed
            return
        await self._server.emit(event, JsonText(text), to=self.sid, namespace=NAMESPACE)

    def takes_news(self) -> bool:
        return self.queue.qsize() == 0

    def expel(self) -> None:
        self.live: bool = False
        self.websocket.close()

    def refuse(self, error: str) -> None:
        self.live = False
        if not self._refused:
            self._refused = True
            self._background.start(self._disconnect(error))

    def stop(self) -> None:
        super().stop()
        if self._feeder is not None:
            self._feeder.cancel()
            self._feeder = None

    async def _feed(self) -> None:
        pace = Pace()
        try:
            while self.live and self.backlog and not self.held:
                if self.queue.qsize() >= MAX_DEPTH:
                    # A full queue is on its way out, so there will be a next frame that was sent.
                    self.websocket.outlet.sent.clear()
                    await self.websocket.outlet.sent.wait()
                elif (encoded := self.next_waiting()) is not None:
                    await self._send(encoded)
                    await pace.spent(len(encoded.text))
        finally:
            self._feeder = None

    async def _send(self, encoded: EncodedTask) -> None:
        try:
            await self._fan_out.send(encoded, self)
        except BaseException as error:
            if ends_this_task(error):
                raise
            log_safely(
                logger,
                logging.ERROR,
                "an update of task %s could not be sent",
                encoded.info.id,
                extra=log_fields(encoded.info),
                error=error,
            )

    async def _disconnect(self, error: str) -> None:
        try:
            # After the library's disconnect a JavaScript client stays away.
            await self._server.emit(REFUSED, {"error": error}, to=self.sid, namespace=NAMESPACE)
            await self._server.disconnect(self.sid, namespace=NAMESPACE)
        except BaseException as error:
            if ends_this_task(error):
                raise
            log_safely(
                logger, logging.ERROR, "a client could not be told that it is refused", error=error
            )
            self.websocket.close()
