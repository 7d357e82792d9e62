"""The hub between one start and the stop after it."""

import asyncio
import logging

from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from bgtasks.clock import Clock
from bgtasks.concurrency.lasting import LastingLoop, ends_this_task
from bgtasks.core.codec import TaskCodec
from bgtasks.logs import log_safely
from bgtasks.manager import BackgroundTaskManager
from bgtasks.settings import Settings
from bgtasks.web.access import TaskAccess
from bgtasks.web.hub.audience import Audience
from bgtasks.web.hub.background import BackgroundSet
from bgtasks.web.hub.broadcaster import Broadcaster
from bgtasks.web.hub.delivery import Delivery
from bgtasks.web.hub.lobby import Lobby
from bgtasks.web.hub.reception import Reception
from bgtasks.web.hub.refusals import refuse_websocket
from bgtasks.web.hub.replay import Replay
from bgtasks.web.hub.rooms import Rooms
from bgtasks.web.hub.shared_reads import SharedReads
from bgtasks.web.hub.snapshot import Info
from bgtasks.web.hub.socketio.connection import Connection
from bgtasks.web.hub.socketio.events import ClientEvents
from bgtasks.web.hub.socketio.fan_out import make_fan_out
from bgtasks.web.hub.socketio.message_limit import why_messages_are_unlimited
from bgtasks.web.hub.socketio.namespace import TaskNamespace
from bgtasks.web.hub.socketio.server import connection_tasks, make_server
from bgtasks.web.hub.sse.streams import Streams
from bgtasks.web.hub.subscription import Subscription
from bgtasks.web.judge import Judge
from bgtasks.web.origins import OriginCheck
from bgtasks.web.refusal_log import RefusalLog
from bgtasks.web.requester import Requester

__all__ = ["HubRun"]

logger = logging.getLogger(__name__)

NOT_JOINED = 256
"""How many websockets may be open without having joined, of people who are not logged in; a quarter
of them from one address. They are no part of ``max_clients``, so that strangers take nobody's
place; each costs the server about 100 kB."""

STOP_TIMEOUT = 2.0
"""Seconds that connections get for ending at a stop."""


class HubRun:
    """Builds the parts of the hub and connects them; serves until it is stopped, once."""

    def __init__(
        self,
        manager: BackgroundTaskManager,
        judge: Judge,
        origins: OriginCheck,
        refusals: RefusalLog,
        settings: Settings,
        codec: TaskCodec,
        clock: Clock,
        max_clients: int,
    ) -> None:
        access = TaskAccess(manager, judge)
        self._background = BackgroundSet()
        self._connections: set[Connection] = set()
        self._clock = clock
        self._refusals = refusals
        self._strangers = Lobby(NOT_JOINED, max(1, NOT_JOINED // 4), clock, refusals)
        self._users = Lobby(max_clients, settings.max_clients_per_user, clock, refusals)
        self._origins = origins
        self._server = make_server(self._origins, self._background)
        self._audience = Audience(judge, clock, self._background)
        fan_out = make_fan_out(self._server)
        delivery = Delivery(self._audience, fan_out, codec)
        self._broadcaster = Broadcaster(delivery.broadcast)
        reader = SharedReads(manager)
        self._replay = Replay(TaskAccess(manager, judge, reader), codec, manager.now)
        server, audience, replay = self._server, self._audience, self._replay
        self._reception = Reception(
            server,
            audience,
            judge,
            replay,
            fan_out,
            self._background,
            Rooms(audience, refusals, max_clients, settings.max_clients_per_user),
        )
        self._streams = Streams(self._reception, clock)
        events = ClientEvents(access, audience, replay, codec)
        server.register_namespace(TaskNamespace(self._reception, events))
        self._loops = [
            LastingLoop("sending updates to clients", self._broadcaster.run, clock),
            LastingLoop("asking whether clients may stay", self._tend, clock),
            LastingLoop(
                "ending event streams with the server", self._streams.end_with_server, clock
            ),
        ]
        for loop in self._loops:
            loop.start()
        if (trouble := why_messages_are_unlimited()) is not None:
            refusals.say_once(trouble)
        self._unsubscribe = manager.task_updated.subscribe(self._on_update)

    @property
    def trouble(self) -> str | None:
        """What keeps clients from being served, in words; ``None`` if nothing does."""
        return next((loop.trouble for loop in self._loops if loop.trouble is not None), None)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one websocket until it ends."""
        if not self._origins.accepts(scope):
            return await refuse_websocket(1008, receive, send)
        is_user = Requester(HTTPConnection(scope)).is_user
        lobby = self._users if is_user else self._strangers
        connection = Connection(scope, receive, send, self._clock, lobby, self._refusals)
        if not lobby.enter(connection):
            return await refuse_websocket(1013, receive, send)
        self._connections.add(connection)
        tasks = BackgroundSet()
        reset = connection_tasks.set(tasks)
        try:
            await self._server.handle_request(connection.scope, connection.receive, connection.send)
        except BaseException as error:
            if ends_this_task(error):
                raise
            log_safely(
                logger, logging.ERROR, "a connection ended with an unexpected error", error=error
            )
        finally:
            connection_tasks.reset(reset)
            self._connections.discard(connection)
            lobby.leave(connection)
            connection.ended.set()
            await self._reception.connection_ended(connection)
            await tasks.close()

    async def serve_stream(
        self,
        requester: Requester,
        subscription: Subscription,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        """Serve one event stream until it ends, to somebody whom the policy has let in."""
        await self._streams.serve(requester, subscription, scope, receive, send)

    async def stop(self) -> None:
        """Disconnect everybody and end everything that was started; logs what that raises."""
        self._unsubscribe()
        steps = [
            *[loop.stop for loop in self._loops],
            self._end_connections,
            self._server.shutdown,
            self._background.close,
        ]
        for step in steps:
            try:
                await step()
            except BaseException as error:
                if ends_this_task(error):
                    raise
                log_safely(logger, logging.ERROR, "a part of the hub did not end well", error=error)

    async def _end_connections(self) -> None:
        connections = list(self._connections)
        for connection in connections:
            connection.close()
        await self._streams.stop()
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                for connection in connections:
                    await connection.ended.wait()
        except TimeoutError:
            logger.warning("%d connections did not end in time", len(self._connections))

    async def _tend(self) -> None:
        for connection in list(self._connections):
            connection.close_if_not_read()
        await self._audience.renew()

    def _on_update(self, info: Info) -> None:
        self._replay.note(info)
        if len(self._audience):
            self._broadcaster.put(info)
