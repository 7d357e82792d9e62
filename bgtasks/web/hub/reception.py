"""Letting clients in: who they are, whether they may, and what they are shown first."""

import logging
from typing import Any

from starlette.requests import HTTPConnection

from bgtasks.concurrency.lasting import ends_this_task
from bgtasks.logs import log_safely
from bgtasks.web.hub.audience import Audience
from bgtasks.web.hub.background import BackgroundSet
from bgtasks.web.hub.hub_client import Client
from bgtasks.web.hub.replay import Replay
from bgtasks.web.hub.rooms import Rooms
from bgtasks.web.hub.socketio.connection import CONNECTION_KEY, Connection
from bgtasks.web.hub.socketio.fan_out import FanOut
from bgtasks.web.hub.socketio.socket_client import SocketClient
from bgtasks.web.hub.subscription import Subscription
from bgtasks.web.judge import Judge, PolicyFailedError
from bgtasks.web.protocol import NAMESPACE
from bgtasks.web.requester import Requester

__all__ = ["Reception", "RefusedError"]

logger = logging.getLogger(__name__)


class RefusedError(Exception):
    """The client is not let in; it is told the message."""


class Reception:
    """Takes clients into the audience, and out of it."""

    def __init__(
        self,
        server: Any,
        audience: Audience,
        judge: Judge,
        replay: Replay,
        fan_out: FanOut,
        background: BackgroundSet,
        rooms: Rooms,
    ) -> None:
        self._server = server
        self._audience = audience
        self._judge = judge
        self._replay = replay
        self._fan_out = fan_out
        self._background = background
        self._rooms = rooms

    async def join(self, sid: str, environ: Any, auth: Any) -> None:
        """Let a client in. Raises RefusedError with what the client may know."""
        connection: Connection = environ["asgi.scope"][CONNECTION_KEY]
        if not connection.may_join():
            raise RefusedError("you have asked to join too often; try again later")
        if auth is not None and not isinstance(auth, dict):
            raise RefusedError("auth is no object; accepted: {types?: [...], ...}")
        requester = Requester(HTTPConnection(connection.scope), auth)
        self._check_room(requester)
        try:
            query = requester.connection.query_params
            subscription = Subscription.from_connect(query, auth)
        except ValueError as error:
            raise RefusedError(str(error)) from None
        if not await self._may_connect(requester):
            raise RefusedError("you may not use background tasks here")
        self._check_room(requester)
        eio_sid = self._server.manager.eio_sid_from_sid(sid, NAMESPACE)
        connection.joined(sid, eio_sid, self._fan_out.queue_of(eio_sid))
        self.admit(
            SocketClient(
                sid,
                requester,
                subscription,
                connection,
                self._server,
                self._fan_out,
                self._background,
            )
        )

    async def _may_connect(self, requester: Requester) -> bool:
        try:
            return await self._judge.may_connect(requester)
        except PolicyFailedError:
            raise RefusedError("whether you may connect could not be found out") from None

    def admit(self, client: Client) -> None:
        """Take in a client that the policy has just let in, and send it the replay.

        Raises RefusedError when there are too many clients, in all or of one user.
        """
        self._check_room(client.requester)
        self._audience.add(client)
        client.replay = self._background.start(self._welcome(client))

    def leave(self, sid: str, *, may_join_again: bool = False) -> None:
        """A client has left; its websocket may still be open, and it may join on it again."""
        client = self._audience.get(sid)
        if isinstance(client, SocketClient):
            if may_join_again:
                client.connection.left()
            else:
                client.connection.close()
        self._audience.remove(sid)

    async def connection_ended(self, connection: Connection) -> None:
        """Forget whatever the protocol library did not tell or forget itself."""
        sid, connection.sid = connection.sid, None
        if sid is None:
            return
        self._audience.remove(sid)
        manager = self._server.manager
        if manager.eio_sid_from_sid(sid, NAMESPACE) is not None:
            await manager.disconnect(sid, NAMESPACE, ignore_queue=True)

    def _check_room(self, requester: Requester) -> None:
        if (reason := self._rooms.why_full(requester)) is not None:
            raise RefusedError(reason)

    async def _welcome(self, client: Client) -> None:
        """Send the replay: not from within connect, where it would arrive before the answer."""
        await client.opened()
        # First take part, then read: an update in between waits until the replay is there.
        client.hold()
        client.live = True
        try:
            snapshots = await self._replay.read(client.requester, client.subscription)
        except BaseException as error:
            if ends_this_task(error):
                raise
            # It comes back and asks again; without a replay it would show what is long over.
            if not isinstance(error, PolicyFailedError):
                log_safely(
                    logger,
                    logging.ERROR,
                    "the tasks for a new client could not be read",
                    error=error,
                )
            client.expel()
            return
        client.release(snapshots)
        client.replay = None
