"""The open websockets of a running hub, and the clients on them."""

import logging
from typing import Any

from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from bgtasks.clock import Clock, wait_done
from bgtasks.concurrency.lasting import ends_this_task
from bgtasks.logs import log_safely
from bgtasks.web.host_server import why_messages_are_unlimited
from bgtasks.web.hub.background import BackgroundSet
from bgtasks.web.hub.client_slots import ClientSlots
from bgtasks.web.hub.reception import Reception, RefusedError
from bgtasks.web.hub.socketio.events import ClientEvents
from bgtasks.web.hub.socketio.fan_out import SocketFanOut, make_fan_out
from bgtasks.web.hub.socketio.lobby import Lobby
from bgtasks.web.hub.socketio.namespace import make_namespace
from bgtasks.web.hub.socketio.server import connection_tasks, make_server
from bgtasks.web.hub.socketio.socket_client import SocketClient
from bgtasks.web.hub.socketio.websocket import WEBSOCKET_KEY, Websocket
from bgtasks.web.hub.subscription import Subscription
from bgtasks.web.origins import OriginCheck
from bgtasks.web.problems import refuse_websocket
from bgtasks.web.protocol import NAMESPACE
from bgtasks.web.refusal_log import RefusalLog
from bgtasks.web.requester import Requester

__all__ = ["Sockets"]

logger: logging.Logger = logging.getLogger(__name__)

STOP_TIMEOUT = 2.0
"""Seconds that websockets get for ending at a stop."""


class Sockets:
    """Serves websockets through the protocol library, and lets their clients into the hub.

    ``strangers`` websockets may be open without having joined, of people who are not logged in; a
    quarter of them from one address. They take none of the ``slots``, so that strangers keep
    nobody out; each costs the server about 100 kB.
    """

    def __init__(
        self,
        reception: Reception,
        slots: ClientSlots,
        events: ClientEvents,
        origins: OriginCheck,
        refusals: RefusalLog,
        clock: Clock,
        strangers: int,
    ) -> None:
        self._reception = reception
        self._origins = origins
        self._refusals = refusals
        self._clock = clock
        self._background = BackgroundSet()
        self._open: set[Websocket] = set()
        self._strangers = Lobby(strangers, max(1, strangers // 4), clock, refusals)
        self._users = Lobby(slots.in_all, slots.of_one_user, clock, refusals)
        self.server: Any = make_server(origins, self._background)
        self.server.register_namespace(make_namespace(self, events))
        self.fan_out: SocketFanOut = make_fan_out(self.server)
        if (trouble := why_messages_are_unlimited()) is not None:
            refusals.say_once(trouble)

    def __len__(self) -> int:
        """How many websockets are open."""
        return len(self._open)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one websocket until it ends."""
        if not self._origins.accepts(scope):
            return await refuse_websocket(1008, receive, send)
        is_user = Requester(HTTPConnection(scope)).is_user
        lobby = self._users if is_user else self._strangers
        tasks = BackgroundSet()
        websocket = Websocket(scope, receive, send, self._clock, lobby, self._refusals, tasks)
        if not lobby.enter(websocket):
            websocket.end()
            return await refuse_websocket(1013, receive, send)
        self._open.add(websocket)
        reset = connection_tasks.set(tasks)
        try:
            await self.server.handle_request(websocket.scope, websocket.receive, websocket.send)
        except BaseException as error:
            if ends_this_task(error):
                raise
            log_safely(
                logger, logging.ERROR, "a websocket ended with an unexpected error", error=error
            )
        finally:
            connection_tasks.reset(reset)
            self._open.discard(websocket)
            websocket.end()
            await self._forget(websocket)
            await tasks.close()

    async def join(self, sid: str, environ: Any, auth: Any) -> None:
        """Let a client in. Raises RefusedError with what the client may know."""
        websocket: Websocket = environ["asgi.scope"][WEBSOCKET_KEY]
        if not websocket.may_join():
            raise RefusedError("you have asked to join too often; try again later")
        if auth is not None and not isinstance(auth, dict):
            raise RefusedError("auth is no object; accepted: {types?: [...], ...}")
        requester = Requester(HTTPConnection(websocket.scope), auth)
        try:
            query = requester.connection.query_params
            subscription = Subscription.from_connect(query, auth)
        except ValueError as error:
            raise RefusedError(str(error)) from None
        await self._reception.check(requester)
        queue = self.fan_out.queue_of(self.server.manager.eio_sid_from_sid(sid, NAMESPACE))
        self._reception.admit(
            SocketClient(
                sid,
                requester,
                subscription,
                websocket,
                queue,
                self.server,
                self.fan_out,
                self._background,
            )
        )
        websocket.joined(sid, queue)

    def left(self, sid: str, *, may_join_again: bool) -> None:
        """The protocol library says that a client has left. Its websocket may still be open, and
        it may join on it again."""
        client = self._reception.leave(sid)
        if isinstance(client, SocketClient):
            if may_join_again:
                client.websocket.left()
            else:
                client.websocket.close()

    def close_unread(self) -> None:
        """End those whose clients have read nothing for too long."""
        for websocket in list(self._open):
            websocket.close_if_not_read()

    async def stop(self) -> None:
        """End all websockets and what was started for them; their clients come back by
        themselves."""
        for websocket in list(self._open):
            websocket.close()
        if not await wait_done([one.ended for one in self._open], self._clock, STOP_TIMEOUT):
            logger.warning("%d websockets did not end in time", len(self._open))
        try:
            await self.server.shutdown()
        finally:
            await self._background.close()

    async def _forget(self, websocket: Websocket) -> None:
        """Remove the client where the protocol library did not report its end, or kept it."""
        sid, websocket.sid = websocket.sid, None
        if sid is None:
            return
        self._reception.leave(sid)
        manager = self.server.manager
        if manager.eio_sid_from_sid(sid, NAMESPACE) is not None:
            await manager.disconnect(sid, NAMESPACE, ignore_queue=True)
