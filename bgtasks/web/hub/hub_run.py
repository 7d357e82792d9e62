"""The hub between one start and the stop after it."""

import asyncio
import logging

from starlette.types import Receive, Scope, Send

from bgtasks.clock import Clock
from bgtasks.manager import BackgroundTaskManager
from bgtasks.serialization import TaskCodec
from bgtasks.settings import Settings
from bgtasks.web.access import TaskAccess
from bgtasks.web.hub.audience import Audience
from bgtasks.web.hub.background import BackgroundSet
from bgtasks.web.hub.broadcaster import Broadcaster
from bgtasks.web.hub.connection import Connection
from bgtasks.web.hub.delivery import Delivery
from bgtasks.web.hub.events import ClientEvents
from bgtasks.web.hub.fan_out import make_fan_out
from bgtasks.web.hub.namespace import TaskNamespace
from bgtasks.web.hub.reception import Reception
from bgtasks.web.hub.refusals import refuse_websocket
from bgtasks.web.hub.replay import Replay
from bgtasks.web.hub.server import connection_tasks, make_server
from bgtasks.web.hub.snapshot import Info
from bgtasks.web.hub.streams import Streams
from bgtasks.web.hub.subscription import Subscription
from bgtasks.web.origins import OriginCheck
from bgtasks.web.policy import BackgroundTaskPolicy
from bgtasks.web.requester import Requester

__all__ = ["HubRun"]

logger = logging.getLogger(__name__)

NOT_JOINED = 1000
"""How many websockets may be open beyond the clients, while they join or are refused."""

STOP_TIMEOUT = 2.0
"""Seconds that connections get for ending at a stop."""


class HubRun:
    """Builds the parts of the hub and connects them; serves until it is stopped, once."""

    def __init__(
        self,
        manager: BackgroundTaskManager,
        policy: BackgroundTaskPolicy,
        settings: Settings,
        codec: TaskCodec,
        clock: Clock,
        max_clients: int,
    ) -> None:
        access = TaskAccess(manager, policy)
        self._background = BackgroundSet()
        self._connections: set[Connection] = set()
        self._max_connections = max_clients + NOT_JOINED
        self._origins = OriginCheck(settings.allowed_origins)
        self._server = make_server(self._origins, self._background)
        self._audience = Audience(policy, clock)
        fan_out = make_fan_out(self._server)
        delivery = Delivery(self._audience, fan_out, codec)
        self._broadcaster = Broadcaster(clock, settings.publish_interval, delivery.broadcast)
        self._replay = Replay(access, clock)
        server, audience, replay = self._server, self._audience, self._replay
        self._reception = Reception(
            server, audience, policy, replay, fan_out, codec, self._background, max_clients
        )
        self._streams = Streams(self._reception, clock, self._background)
        events = ClientEvents(access, audience, replay, codec)
        server.register_namespace(TaskNamespace(self._reception, events))
        self._background.start(self._broadcaster.run())
        self._background.start(audience.renew())
        self._unsubscribe = manager.task_updated.subscribe(self._on_update)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one websocket until it ends."""
        if len(self._connections) >= self._max_connections or not self._origins.accepts(scope):
            return await refuse_websocket(1008, receive, send)
        connection = Connection(scope, receive, send)
        self._connections.add(connection)
        tasks = BackgroundSet()
        reset = connection_tasks.set(tasks)
        try:
            await self._server.handle_request(connection.scope, connection.receive, connection.send)
        except Exception:
            logger.exception("a connection ended with an unexpected error")
        finally:
            connection_tasks.reset(reset)
            self._connections.discard(connection)
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
        """Disconnect everybody and end everything that was started."""
        self._unsubscribe()
        self._broadcaster.close()
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
        await self._server.shutdown()
        await self._background.close()

    def _on_update(self, info: Info) -> None:
        self._replay.note(info)
        if len(self._audience):
            self._broadcaster.put(info)
