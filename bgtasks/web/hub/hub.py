"""The live side: pushes every update to the clients that follow it and may see it."""

from functools import partial

from starlette.types import Receive, Scope, Send

from bgtasks.clock import Clock
from bgtasks.core.codec import TaskCodec
from bgtasks.manager import BackgroundTaskManager
from bgtasks.settings import Settings
from bgtasks.web.hub.hub_run import HubRun
from bgtasks.web.hub.subscription import Subscription
from bgtasks.web.judge import Judge
from bgtasks.web.policy import BackgroundTaskPolicy
from bgtasks.web.problems import refuse_request, refuse_websocket
from bgtasks.web.refusal_log import RefusalLog
from bgtasks.web.refusals import NOT_RUNNING
from bgtasks.web.requester import Requester

__all__ = ["Hub"]

MAX_CLIENTS = 10_000

MAX_STRANGERS = 256
"""How many websockets may be open without having joined, of people who are not logged in."""

NO_WEBSOCKET = (
    'the hub speaks WebSocket only; connect with {path: ".../socket.io", transports: ["websocket"]}'
)

LOST_UPGRADE = (
    "a client asked for a websocket, and its request came without the header Upgrade: the proxy in "
    "front has to pass on Upgrade and Connection over HTTP/1.1, or no page is live"
)


class Hub:
    """The live view of a manager's tasks for browsers: Socket.IO over websockets, and
    server-sent events.

    It runs as long as the manager does. Starting twice, stopping twice and stopping before
    starting are harmless; a stopped hub can be started again. ``max_clients`` are let in at a
    time; further ones are refused with "try again later".

    A message over 64 KB ends its connection, but only when the server has read it whole: give
    the server a limit too (``uvicorn --ws-max-size 65536``).
    """

    def __init__(
        self,
        manager: BackgroundTaskManager,
        policy: BackgroundTaskPolicy,
        settings: Settings,
        codec: TaskCodec,
        clock: Clock,
        max_clients: int = MAX_CLIENTS,
        max_strangers: int = MAX_STRANGERS,
    ) -> None:
        self.clock = clock
        self.refusals: RefusalLog = RefusalLog(clock)
        judge = Judge(policy, self.refusals, clock)
        self._new_run = partial(
            HubRun,
            *(manager, judge, self.refusals, settings, codec, clock, max_clients, max_strangers),
        )
        self._run: HubRun | None = None
        manager.accompany(self)

    @property
    def running(self) -> HubRun | None:
        """What serves the clients; ``None`` while the hub is stopped."""
        return self._run

    @property
    def number_of_clients(self) -> int:
        """How many clients follow tasks, over Socket.IO and server-sent events together."""
        return 0 if self._run is None else len(self._run.audience)

    @property
    def trouble(self) -> str | None:
        """What keeps a running hub from serving its clients, in words; ``None`` if nothing does."""
        return None if self._run is None else self._run.trouble

    def start(self) -> None:
        """Begin to accept clients and to follow the manager's updates."""
        if self._run is None:
            self._run = self._new_run()

    async def stop(self) -> None:
        """Disconnect all clients, which will try to come back, and accept no more."""
        run, self._run = self._run, None
        if run is not None:
            await run.stop()

    async def events(
        self,
        requester: Requester,
        subscription: Subscription,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        """The updates as server-sent events, to somebody whom the policy has let in."""
        if self._run is None:
            await refuse_request(503, NOT_RUNNING, scope, receive, send)
        else:
            await self._run.streams.serve(requester, subscription, scope, receive, send)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application, to be mounted at ``socket.io``."""
        if scope["type"] == "http":
            self._notice_a_lost_upgrade(scope)
            await refuse_request(400, NO_WEBSOCKET, scope, receive, send)
        elif scope["type"] == "websocket":
            if self._run is not None:
                await self._run.sockets.serve(scope, receive, send)
            else:
                await refuse_websocket(1013, receive, send)

    def _notice_a_lost_upgrade(self, scope: Scope) -> None:
        """Tell the operator, since the page can only go on trying."""
        if b"transport=websocket" not in scope["query_string"]:
            return
        if all(name != b"upgrade" for name, _ in scope["headers"]):
            self.refusals.say_once(LOST_UPGRADE)
